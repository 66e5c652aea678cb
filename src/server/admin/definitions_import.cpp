// SPDX-License-Identifier: Apache-2.0
//! POST /api/definitions: what a file of RabbitMQ's form declares is made. What is there already stays.
#include <boost/json.hpp>

#include "broker/controller_checks.hpp"
#include "broker/policy.hpp"
#include "protocols/amqp091/exchange_arguments.hpp"
#include "protocols/amqp091/queue_arguments.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/import.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/topology_change.hpp"
#include "server/auth/password.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

using Command = std::optional<broker::AdminCommand>;
using Made = Result<Command>;

Result<std::string> text_of(const json::object& definition, std::string_view name) {
    FANTAIL_TRY(auto text, text_member(definition, name));
    if (!text) return fail(ErrorCode::malformed, "'" + std::string(name) + "' is needed");
    return *std::move(text);
}

Result<const broker::VhostDefinition*> vhost_of(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const std::string name, text_of(definition, "vhost"));
    const broker::VhostDefinition* vhost = catalog.vhost(name);
    if (vhost == nullptr) return fail(ErrorCode::not_found, "no vhost '" + name + "'");
    return vhost;
}

Made make_user(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const std::string name, text_of(definition, "name"));
    FANTAIL_TRY(UserChange user, user_from(definition, name, catalog));
    return std::move(user.put);
}

Made make_vhost(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const std::string name, text_of(definition, "name"));
    FANTAIL_TRY(broker::VhostDefinition vhost, vhost_from(definition, name, catalog));
    return broker::PutVhost{std::move(vhost)};
}

/// The broker would refuse it too: but found here, nothing behind it is under way.
Result<std::string> user_of(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(std::string name, text_of(definition, "user"));
    if (catalog.user(name) == nullptr) return fail(ErrorCode::not_found, "no user '" + name + "'");
    return name;
}

Made make_permission(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string user, user_of(catalog, definition));
    FANTAIL_TRY(broker::PermissionDefinition permission, permission_from(definition, user, vhost->id));
    return broker::PutPermission{std::move(permission)};
}

Made make_topic_permission(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string user, user_of(catalog, definition));
    FANTAIL_TRY(broker::TopicPermissionDefinition permission, topic_permission_from(definition, user, vhost->id));
    return broker::PutTopicPermission{std::move(permission)};
}

Made make_policy(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string name, text_of(definition, "name"));
    FANTAIL_TRY(broker::PolicyDefinition policy, policy_from(definition, {.vhost = vhost->id, .name = name}));
    FANTAIL_CHECK(broker::check_policy(policy));
    return broker::PutPolicy{std::move(policy)};
}

/// Limits of vhosts and operator policies are parameters in RabbitMQ; it has others, which mean nothing here.
Made make_parameter(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const std::string component, text_of(definition, "component"));
    const json::value* value = definition.if_contains("value");
    if (value == nullptr || !value->is_object()) return fail(ErrorCode::malformed, "'value' must be an object");
    if (component == "vhost-limits") {
        FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
        FANTAIL_TRY(broker::VhostDefinition changed, vhost_from({{"limits", *value}}, vhost->name, catalog));
        return broker::PutVhost{std::move(changed)};
    }
    if (component != "operator_policy")
        return fail(ErrorCode::unsupported, "parameters of '" + component + "' are not offered");
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string name, text_of(definition, "name"));
    FANTAIL_TRY(broker::PolicyDefinition policy,
                policy_from(value->as_object(), {.vhost = vhost->id, .name = name, .is_operator = true}));
    FANTAIL_CHECK(broker::check_policy(policy));
    return broker::PutPolicy{std::move(policy)};
}

Made make_queue(const amqp091::Link& link, const broker::VhostDefinition& vhost, const json::object& definition) {
    FANTAIL_CHECK(only_members_of_body(definition, {"durable", "auto_delete", "arguments", "type"}));
    broker::DeclareQueue declare;
    FANTAIL_TRY(declare.name, text_of(definition, "name"));
    FANTAIL_TRY(const auto durable, flag_member(definition, "durable"));
    FANTAIL_TRY(const auto auto_delete, flag_member(definition, "auto_delete"));
    FANTAIL_TRY(declare.arguments, queue_arguments(definition));
    if (link.catalog().queue(vhost.id, declare.name) != nullptr) return Command();
    declare.vhost = vhost.id;
    declare.durable = durable.value_or(true);
    declare.auto_delete = auto_delete.value_or(false);
    declare.near = link.broker().core();
    amqp091::QueueRequest request{declare.name, declare.durable, false, declare.auto_delete,
                                  record::FieldTableView(declare.arguments)};
    if (vhost.default_queue_kind) request.default_kind = *vhost.default_queue_kind;
    FANTAIL_TRY(auto parsed, as_result(amqp091::parse_queue_arguments(link, request)));
    declare.kind = parsed.kind;
    declare.options = parsed.options;
    return declare;
}

Made make_exchange(const amqp091::Link& link, const broker::VhostDefinition& vhost, const json::object& definition) {
    FANTAIL_CHECK(only_members_of_body(definition, {"type", "durable", "auto_delete", "internal", "arguments"}));
    FANTAIL_TRY(const std::string name, text_of(definition, "name"));
    FANTAIL_TRY(const std::string type, text_of(definition, "type"));
    FANTAIL_TRY(const auto durable, flag_member(definition, "durable"));
    FANTAIL_TRY(const auto auto_delete, flag_member(definition, "auto_delete"));
    FANTAIL_TRY(const auto internal, flag_member(definition, "internal"));
    FANTAIL_TRY(const Bytes arguments, table_member(definition, "arguments"));
    if (link.catalog().exchange(vhost.id, name) != nullptr) return Command();
    amqp091::ExchangeDeclare method;
    method.exchange = name;
    method.type = type;
    method.durable = durable.value_or(true);
    method.auto_delete = auto_delete.value_or(false);
    method.internal = internal.value_or(false);
    method.arguments = arguments;
    FANTAIL_TRY(auto exchange, as_result(amqp091::parse_exchange(link, method)));
    return broker::DeclareExchange{std::move(exchange)};
}

/// As user_of().
Result<void> check_ends(const broker::Catalog& catalog, const broker::VhostDefinition& vhost,
                        const broker::BindingDefinition& binding) {
    const auto missing = [&](std::string_view kind, const std::string& name) {
        return fail(ErrorCode::not_found, "no " + broker::in_words(kind, name, vhost.name));
    };
    if (catalog.exchange(vhost.id, binding.source) == nullptr) return missing("exchange", binding.source);
    if (binding.to_exchange && catalog.exchange(vhost.id, binding.destination) == nullptr)
        return missing("exchange", binding.destination);
    if (!binding.to_exchange && catalog.queue(vhost.id, binding.destination) == nullptr)
        return missing("queue", binding.destination);
    return {};
}

Made make_binding(const broker::Catalog& catalog, const broker::VhostDefinition& vhost,
                  const json::object& definition) {
    FANTAIL_CHECK(only_members_of_body(definition, {"routing_key", "arguments"}));
    broker::BindingDefinition binding;
    binding.vhost = vhost.id;
    FANTAIL_TRY(binding.source, text_of(definition, "source"));
    FANTAIL_TRY(binding.destination, text_of(definition, "destination"));
    FANTAIL_TRY(const std::string type, text_of(definition, "destination_type"));
    FANTAIL_TRY(const auto key, text_member(definition, "routing_key"));
    FANTAIL_TRY(binding.arguments, table_member(definition, "arguments"));
    if (type != "queue" && type != "exchange")
        return fail(ErrorCode::malformed, "'destination_type' must be queue or exchange");
    if (binding.source.empty()) return Command();  // every queue has it
    binding.to_exchange = type == "exchange";
    binding.routing_key = key.value_or("");
    FANTAIL_CHECK(check_ends(catalog, vhost, binding));
    return broker::Bind{std::move(binding)};
}

Result<json::array> section_of(json::object& body, std::string_view name) {
    json::value* list = body.if_contains(name);
    if (list == nullptr) return json::array();
    if (!list->is_array()) return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be a list");
    for (const json::value& each : list->as_array())
        if (!each.is_object())
            return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be a list of objects");
    return std::move(list->as_array());
}

void hash_password_of(json::object& user) {
    const json::value* password = user.if_contains("password");
    // An empty one stays, to be refused.
    if (password == nullptr || !password->is_string() || password->as_string().empty()) return;
    const PasswordHashText hash = password_hash_text(hash_password(std::string(password->as_string())));
    user.erase("password");
    user["password_hash"] = hash.text;
    user["hashing_algorithm"] = hash.algorithm;
}

/// What is in a vhost, and may come in a file of one vhost.
bool is_of_vhost(std::string_view section) {
    constexpr std::string_view names[] = {"parameters", "policies", "queues", "exchanges", "bindings"};
    return std::ranges::find(names, section) != std::end(names);
}

/// A file on its way into sections.
struct Reading {
    std::string body;
    std::vector<ImportSection> sections;
    std::optional<std::string> vhost{};  ///< all of it goes there
    Result<void> outcome{};

    /// Slow: long files, and passwords, which are slow to hash on purpose.
    Result<void> read() {
        FANTAIL_TRY(json::object all, parse_object(body));
        for (ImportSection& section : sections) {
            FANTAIL_TRY(section.definitions, section_of(all, section.name));
            if (vhost)
                for (json::value& each : section.definitions) each.as_object()["vhost"] = *vhost;
            if (section.name != "users") continue;
            for (json::value& user : section.definitions) hash_password_of(user.as_object());
        }
        return {};
    }
};

}  // namespace

/// In the order in which they need each other.
std::vector<ImportSection> AdminApi::import_sections() {
    using Simple = Made (*)(const broker::Catalog&, const json::object&);
    using InVhost = std::function<Made(const broker::VhostDefinition&, const json::object&)>;
    const auto simple = [this](Simple make) -> ImportMaker {
        return [this, make](const json::object& definition) { return make(catalog(), definition); };
    };
    const auto in_vhost = [this](InVhost make) -> ImportMaker {
        return [this, make = std::move(make)](const json::object& definition) -> Made {
            FANTAIL_TRY(const auto* vhost, vhost_of(catalog(), definition));
            return make(*vhost, definition);
        };
    };
    const auto queue = [this](const auto& vhost, const auto& d) { return make_queue(*link_to(vhost), vhost, d); };
    const auto exchange = [this](const auto& vhost, const auto& d) { return make_exchange(*link_to(vhost), vhost, d); };
    const auto binding = [this](const auto& vhost, const auto& d) { return make_binding(catalog(), vhost, d); };
    return {{"users", "user", {"name"}, simple(make_user)},
            {"vhosts", "vhost", {"name"}, simple(make_vhost)},
            {"permissions", "permission", {"vhost", "user"}, simple(make_permission)},
            {"topic_permissions", "topic permission", {"vhost", "user", "exchange"}, simple(make_topic_permission)},
            {"parameters", "parameter", {"vhost"}, simple(make_parameter)},  // limits of one vhost add up
            {"policies", "policy", {"vhost", "name"}, simple(make_policy)},
            {"queues", "queue", {"vhost", "name"}, in_vhost(queue)},
            {"exchanges", "exchange", {"vhost", "name"}, in_vhost(exchange)},
            {"bindings", "binding", {}, in_vhost(binding)}};
}

void AdminApi::post_definitions(const http::Request& request) {
    auto file = std::make_shared<Reading>(request.body, import_sections());
    if (request.segments.size() > 2) {
        if (const auto in = vhost(request.segments[2]); !in) return refuse(in.error());
        file->vhost = request.segments[2];
        std::erase_if(file->sections, [](const ImportSection& each) { return !is_of_vhost(each.name); });
    }
    backend_.calculate(
        asker(), [file] { file->outcome = file->read(); },
        [this, file] {
            if (!file->outcome) return refuse(file->outcome.error());
            import_ = std::make_unique<Import>(std::move(file->sections), [this](broker::AdminCommand command) {
                last_request_ = last_request_.plus(1);
                host_.broker().send(last_request_, std::move(command));
                return last_request_;
            });
            go_on_importing();
        });
}

void AdminApi::go_on_importing() {
    switch (import_->go_on()) {
        case Import::Progress::waits: return;
        case Import::Progress::pauses: return backend_.calculate(asker(), [] {}, [this] { go_on_importing(); });
        case Import::Progress::complete: break;
    }
    const Result<void> outcome = std::exchange(import_, nullptr)->outcome();
    if (!outcome) return refuse(outcome.error());
    answer("", http::no_content);
}

}  // namespace fantail::server

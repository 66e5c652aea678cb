// SPDX-License-Identifier: Apache-2.0
//! POST /api/definitions: what a file of RabbitMQ's form declares is made, one after another. What is there already stays.
#include <boost/json.hpp>

#include "protocols/amqp091/exchange_arguments.hpp"
#include "protocols/amqp091/queue_arguments.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/topology_change.hpp"
#include "server/auth/password.hpp"

namespace fantail::server {

namespace json = boost::json;

/// Each step makes its command when its turn has come: it may need what those before it made. No command: nothing to do.
struct ImportSteps {
    using Command = std::optional<broker::AdminCommand>;
    struct Step {
        std::string kind;  ///< "queue"
        json::object definition;
        ImportMaker make;
    };
    std::vector<Step> steps;
    std::size_t next = 0;

    /// "queue 'orders': …"
    [[nodiscard]] Error failure(const Error& error) const {
        const Step& step = steps[next];
        const json::value* name = step.definition.if_contains("name");
        const std::string text =
            name != nullptr && name->is_string() ? " '" + std::string(name->as_string()) + "'" : "";
        return {ErrorCode::malformed, step.kind + text + ": " + error.message};
    }
    /// Slow on purpose: not on a core.
    void hash_passwords();
};

namespace {

using Command = ImportSteps::Command;
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

Made make_permission(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string user, text_of(definition, "user"));
    FANTAIL_TRY(broker::PermissionDefinition permission, permission_from(definition, user, vhost->id));
    return broker::PutPermission{std::move(permission)};
}

Made make_topic_permission(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string user, text_of(definition, "user"));
    FANTAIL_TRY(broker::TopicPermissionDefinition permission, topic_permission_from(definition, user, vhost->id));
    return broker::PutTopicPermission{std::move(permission)};
}

Made make_policy(const broker::Catalog& catalog, const json::object& definition) {
    FANTAIL_TRY(const auto* vhost, vhost_of(catalog, definition));
    FANTAIL_TRY(const std::string name, text_of(definition, "name"));
    FANTAIL_TRY(broker::PolicyDefinition policy, policy_from(definition, {.vhost = vhost->id, .name = name}));
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
    return broker::PutPolicy{std::move(policy)};
}

Made make_queue(const amqp091::Link& link, const broker::VhostDefinition& vhost, const json::object& definition) {
    FANTAIL_CHECK(only_members(definition, {"name", "vhost", "durable", "auto_delete", "arguments", "type"}));
    broker::DeclareQueue declare;
    FANTAIL_TRY(declare.name, text_of(definition, "name"));
    FANTAIL_TRY(const auto durable, flag_member(definition, "durable"));
    FANTAIL_TRY(const auto auto_delete, flag_member(definition, "auto_delete"));
    FANTAIL_TRY(declare.arguments, table_member(definition, "arguments"));
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
    FANTAIL_CHECK(
        only_members(definition, {"name", "vhost", "type", "durable", "auto_delete", "internal", "arguments"}));
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

Made make_binding(const broker::VhostDefinition& vhost, const json::object& definition) {
    FANTAIL_CHECK(only_members(definition, {"source", "vhost", "destination", "destination_type", "routing_key",
                                            "arguments", "properties_key"}));
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
    return broker::Bind{std::move(binding)};
}

/// Kinds in the order in which they need each other. `singular` is for error texts.
struct Section {
    std::string_view name;
    std::string_view singular;
};
constexpr Section sections[] = {
    {"users", "user"},
    {"vhosts", "vhost"},
    {"permissions", "permission"},
    {"topic_permissions", "topic permission"},
    {"parameters", "parameter"},
    {"policies", "policy"},
    {"queues", "queue"},
    {"exchanges", "exchange"},
    {"bindings", "binding"},
};

Result<json::array> section_of(const json::object& body, std::string_view name) {
    const json::value* list = body.if_contains(name);
    if (list == nullptr) return json::array();
    if (!list->is_array()) return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be a list");
    for (const json::value& each : list->as_array())
        if (!each.is_object())
            return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be a list of objects");
    return list->as_array();
}

}  // namespace

void ImportSteps::hash_passwords() {
    for (Step& step : steps) {
        const json::value* password = step.kind == "user" ? step.definition.if_contains("password") : nullptr;
        // An empty one stays, to be refused.
        if (password == nullptr || !password->is_string() || password->as_string().empty()) continue;
        const PasswordHashText hash = password_hash_text(hash_password(std::string(password->as_string())));
        step.definition.erase("password");
        step.definition["password_hash"] = hash.text;
        step.definition["hashing_algorithm"] = hash.algorithm;
    }
}

ImportMaker AdminApi::maker_of(std::string_view section) {
    using Simple = Made (*)(const broker::Catalog&, const json::object&);
    using InVhost = std::function<Made(const broker::VhostDefinition&, const json::object&)>;
    const auto simple = [this](Simple make) {
        return [this, make](const json::object& definition) { return make(catalog(), definition); };
    };
    const auto in_vhost = [this](InVhost make) {
        return [this, make = std::move(make)](const json::object& definition) -> Made {
            FANTAIL_TRY(const auto* vhost, vhost_of(catalog(), definition));
            return make(*vhost, definition);
        };
    };
    if (section == "users") return simple(make_user);
    if (section == "vhosts") return simple(make_vhost);
    if (section == "permissions") return simple(make_permission);
    if (section == "topic_permissions") return simple(make_topic_permission);
    if (section == "parameters") return simple(make_parameter);
    if (section == "policies") return simple(make_policy);
    if (section == "queues")
        return in_vhost([this](const auto& vhost, const auto& d) { return make_queue(*link_to(vhost), vhost, d); });
    if (section == "exchanges")
        return in_vhost([this](const auto& vhost, const auto& d) { return make_exchange(*link_to(vhost), vhost, d); });
    return in_vhost(make_binding);
}

void AdminApi::post_definitions(const http::Request& request) {
    const auto body = parse_object(request.body);
    if (!body) return refuse(body.error());
    auto steps = std::make_shared<ImportSteps>();
    for (const Section& section : sections) {
        auto list = section_of(*body, section.name);
        if (!list) return refuse(list.error());
        for (json::value& each : *list)
            steps->steps.push_back(
                {std::string(section.singular), std::move(each.as_object()), maker_of(section.name)});
    }
    backend_.calculate(asker(), [steps] { steps->hash_passwords(); }, [this, steps] { import_next(steps); });
}

void AdminApi::import_next(const std::shared_ptr<ImportSteps>& steps) {
    for (; steps->next < steps->steps.size(); ++steps->next) {
        const ImportSteps::Step& step = steps->steps[steps->next];
        auto command = step.make(step.definition);
        if (!command) return refuse(steps->failure(command.error()));
        if (!*command) continue;
        return send(std::move(**command), [this, steps](const broker::AdminReply& reply) {
            if (!reply.outcome) return refuse(steps->failure(reply.outcome.error()));
            ++steps->next;
            import_next(steps);
        });
    }
    answer("", http::no_content);
}

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! GET /api/definitions: everything declared, in RabbitMQ's form.
#include <boost/json.hpp>

#include "server/admin/admin_api.hpp"
#include "server/admin/definitions.hpp"
#include "server/admin/json_text.hpp"
#include "server/auth/password.hpp"
#include "server/config/version.hpp"

namespace fantail::server {

namespace json = boost::json;

/// Gathered on the core; the long lists are written beside it.
struct Definitions {
    VhostNames vhosts;
    std::optional<VhostId> only{};  ///< of one vhost: that is then not said of each thing
    std::vector<ExchangeRow> exchanges;
    std::vector<broker::QueueDefinitionRef> queues;
    std::vector<broker::BindingDefinition> bindings;
    json::object written;
    std::string body;

    void write();

private:
    [[nodiscard]] json::value name_of(VhostId id) const;
    void write_exchanges();
    void write_queues();
    void write_bindings();
    void leave_out_vhost();
};

namespace {

/// What every vhost has from its beginning, or a name that nobody may declare.
bool is_predeclared(std::string_view exchange) { return exchange.empty() || exchange.starts_with("amq."); }

json::array users_json(const broker::Catalog& catalog) {
    json::array out;
    for (const broker::UserDefinition* user : catalog.users()) {
        const PasswordHashText hash = password_hash_text(user->password_hash);
        out.push_back(json::object{{"name", utf8(user->name)},
                                   {"password_hash", hash.text},
                                   {"hashing_algorithm", hash.algorithm},
                                   {"tags", tags_json(*user)},
                                   {"limits", limits_of(*user)}});
    }
    return out;
}

json::array vhosts_json(const broker::Catalog& catalog) {
    json::array vhosts;
    for (const broker::VhostDefinition* vhost : catalog.vhosts()) {
        json::object row{{"name", utf8(vhost->name)}, {"description", utf8(vhost->description)}};
        if (vhost->default_queue_kind) row["default_queue_type"] = kind_name(*vhost->default_queue_kind);
        vhosts.push_back(std::move(row));
    }
    return vhosts;
}

void write_permissions(const broker::Catalog& catalog, const VhostNames& vhosts, json::object& out) {
    json::array permissions;
    for (const auto* each : catalog.permissions())
        permissions.push_back(permission_json(*each, vhosts.at(each->vhost)));
    out["permissions"] = std::move(permissions);
    json::array topics;
    for (const auto* each : catalog.topic_permissions())
        topics.push_back(topic_permission_json(*each, vhosts.at(each->vhost)));
    out["topic_permissions"] = std::move(topics);
}

json::array policies_json(const broker::Catalog& catalog, const VhostNames& vhosts) {
    json::array policies;
    for (const broker::PolicyDefinition* each : catalog.policies())
        if (!each->is_operator && vhosts.contains(each->vhost))
            policies.push_back(policy_json(*each, vhosts.at(each->vhost)));
    return policies;
}

}  // namespace

json::value Definitions::name_of(VhostId id) const {
    const auto at = vhosts.find(id);
    return at == vhosts.end() ? json::value(nullptr) : json::value(at->second);
}

void Definitions::write_exchanges() {
    json::array out;
    for (const ExchangeRow& row : exchanges) {
        const broker::ExchangeDefinition& each = row.definition;
        if (is_predeclared(each.name)) continue;
        out.push_back(json::object{{"name", utf8(each.name)},
                                   {"vhost", name_of(each.vhost)},
                                   {"type", utf8(each.type_name)},
                                   {"durable", each.durable},
                                   {"auto_delete", each.auto_delete},
                                   {"internal", each.internal},
                                   {"arguments", json_of(record::FieldTableView(each.arguments))}});
    }
    written["exchanges"] = std::move(out);
}

/// Not those that belong to a connection, nor the partitions of topics: no declaration would bring them back.
void Definitions::write_queues() {
    json::array out;
    for (const broker::QueueDefinitionRef& each : queues) {
        if (each->exclusive_owner || each->topic != TopicId{}) continue;
        json::object arguments = json_of(record::FieldTableView(each->arguments));
        arguments["x-queue-type"] = kind_name(each->kind);
        out.push_back(json::object{{"name", utf8(each->name)},
                                   {"vhost", name_of(each->vhost)},
                                   {"durable", each->durable},
                                   {"auto_delete", each->auto_delete},
                                   {"arguments", std::move(arguments)}});
    }
    written["queues"] = std::move(out);
}

void Definitions::write_bindings() {
    json::array out;
    for (const broker::BindingDefinition& each : bindings) {
        out.push_back(json::object{{"source", utf8(each.source)},
                                   {"vhost", name_of(each.vhost)},
                                   {"destination", utf8(each.destination)},
                                   {"destination_type", each.to_exchange ? "exchange" : "queue"},
                                   {"routing_key", utf8(each.routing_key)},
                                   {"arguments", json_of(record::FieldTableView(each.arguments))}});
    }
    written["bindings"] = std::move(out);
}

void Definitions::leave_out_vhost() {
    for (const char* name : {"parameters", "policies", "queues", "exchanges", "bindings"})
        for (json::value& each : written[name].as_array()) each.as_object().erase("vhost");
}

void Definitions::write() {
    write_queues();
    write_exchanges();
    write_bindings();
    if (only) leave_out_vhost();
    body = json::serialize(written);
}

void AdminApi::get_definitions(const http::Request&) {
    auto all = std::make_shared<Definitions>();
    all->vhosts = vhost_names();
    all->written["users"] = users_json(catalog());
    all->written["vhosts"] = vhosts_json(catalog());
    write_permissions(catalog(), all->vhosts, all->written);
    all->written["global_parameters"] = json::array();
    gather_definitions(all);
}

void AdminApi::get_vhost_definitions(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    auto all = std::make_shared<Definitions>();
    all->only = (*in)->id;
    all->vhosts[(*in)->id] = utf8((*in)->name);
    all->written["rabbitmq_definition_format"] = "single_virtual_host";
    all->written["original_vhost_name"] = utf8((*in)->name);
    gather_definitions(all);
}

void AdminApi::gather_definitions(const std::shared_ptr<Definitions>& all) {
    all->written["rabbit_version"] = backend_.facts().rabbitmq_version;
    all->written["rabbitmq_version"] = backend_.facts().rabbitmq_version;
    all->written["product_name"] = "Fantail";
    all->written["product_version"] = version;
    all->written["parameters"] = parameters_json(catalog(), all->vhosts);
    all->written["policies"] = policies_json(catalog(), all->vhosts);
    const auto finish = [this, all](std::vector<broker::BindingDefinition> bindings) {
        all->bindings = std::move(bindings);
        backend_.calculate(asker(), [all] { all->write(); }, [this, all] { answer(std::move(all->body)); });
    };
    const auto then_bindings = [this, all, finish](std::vector<broker::QueueDefinitionRef> queues) {
        all->queues = std::move(queues);
        backend_.list_bindings(asker(), all->only, finish);
    };
    backend_.list_exchanges(asker(), all->only, [this, all, then_bindings](std::vector<ExchangeRow> exchanges) {
        all->exchanges = std::move(exchanges);
        backend_.list_queues(asker(), all->only, then_bindings);
    });
}

}  // namespace fantail::server

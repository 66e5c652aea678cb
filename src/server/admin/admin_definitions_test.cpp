// SPDX-License-Identifier: Apache-2.0
//! /api/definitions in both directions, and the paths of the node.
#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

class DefinitionsOverHttp : public Admin {
protected:
    /// Imports and lets the broker do each command, as its controller would. \return the answer and what was sent
    Answer import(const std::string& body) {
        Answer last = ask("POST", "/api/definitions", body);
        while (last.status == 0) {
            sent_.push_back(std::move(host_.commands.back()));
            if (const auto* vhost = std::get_if<broker::PutVhost>(&sent_.back())) {
                broker::VhostDefinition made = vhost->definition;
                made.id = VhostId(made.name == "/" ? 1 : 2);
                apply(broker::VhostPut{made});
            }
            last = reply();
        }
        return last;
    }
    std::vector<broker::AdminCommand> sent_;
};

TEST_F(DefinitionsOverHttp, WhatWasExportedIsWhatIsDeclared) {
    add_queue(100, "q", 1);
    apply(broker::ExchangePut{{.id = ExchangeId(2), .vhost = VhostId(1), .name = "e", .type_name = "direct"}});
    apply(broker::ExchangePut{{.id = ExchangeId(3), .vhost = VhostId(1), .name = "amq.direct", .type_name = "direct"}});
    apply(broker::BindingAdded{{VhostId(1), "e", "q", false, "k", {}}});
    const json::value all = ask("GET", "/api/definitions").body;
    EXPECT_EQ(all.at("queues").as_array().size(), 1u);
    EXPECT_EQ(all.at("exchanges").as_array().size(), 1u) << "not what every vhost has";
    EXPECT_EQ(all.at("bindings").at(0).at("routing_key").as_string(), "k");
    EXPECT_EQ(all.at("users").as_array().size(), 2u);
    EXPECT_EQ(all.at("permissions").at(0).at("vhost").as_string(), "/");
    EXPECT_EQ(all.at("rabbitmq_version").as_string(), "4.3.0");
}

TEST_F(DefinitionsOverHttp, AreMadeInTheOrderInWhichTheyNeedEachOther) {
    const Answer done = import(R"({
        "bindings": [{"source": "e", "vhost": "v", "destination": "q", "destination_type": "queue",
                      "routing_key": "k", "arguments": {}}],
        "queues": [{"name": "q", "vhost": "v", "durable": true, "auto_delete": false, "arguments": {"x-max-length": 5}}],
        "exchanges": [{"name": "e", "vhost": "v", "type": "topic", "durable": true, "auto_delete": false,
                       "internal": false, "arguments": {}}],
        "users": [{"name": "u", "password_hash": "6uKG1RR+H8vZnQGL1l0iK7YFLIJoe/WwBuIATcnwu/qqowWO",
                   "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ["monitoring"], "limits": {}}],
        "parameters": [{"component": "vhost-limits", "name": "limits", "vhost": "v", "value": {"max-queues": 9}}],
        "vhosts": [{"name": "v"}]})");
    EXPECT_EQ(done.status, 204);
    ASSERT_EQ(sent_.size(), 6u);
    EXPECT_EQ(std::get<broker::PutUser>(sent_[0]).definition.password_hash.size(), 37u);
    EXPECT_EQ(std::get<broker::PutVhost>(sent_[1]).definition.name, "v");
    EXPECT_EQ(std::get<broker::PutVhost>(sent_[2]).definition.queues_max, 9u);
    EXPECT_EQ(std::get<broker::DeclareQueue>(sent_[3]).options.length_max, 5u);
    EXPECT_EQ(std::get<broker::DeclareExchange>(sent_[4]).definition.type, broker::ExchangeType::topic);
    EXPECT_EQ(std::get<broker::Bind>(sent_[5]).binding.destination, "q");
}

TEST_F(DefinitionsOverHttp, WhatIsThereAlreadyStaysAndAFaultIsNamed) {
    add_queue(100, "q", 1);
    EXPECT_EQ(import(R"({"queues":[{"name":"q","vhost":"/","durable":false}]})").status, 204);
    EXPECT_TRUE(sent_.empty());
    EXPECT_EQ(import(R"({"queues":[{"name":"r","vhost":"none"}]})").error(), "queue 'r': no vhost 'none'");
    EXPECT_EQ(import(R"({"queues":{}})").status, 400);
    EXPECT_EQ(import(R"({"users":[{"name":"u","password":""}]})").status, 400);
}

TEST_F(Admin, TellsOfItsNodeAndListeners) {
    EXPECT_EQ(ask("GET", "/api/nodes").body.at(0).at("name").as_string(), "fantail@here");
    EXPECT_EQ(ask("GET", "/api/nodes/fantail%40here").status, 200);
    EXPECT_EQ(ask("GET", "/api/nodes/other").status, 404);
    const json::value overview = ask("GET", "/api/overview").body;
    EXPECT_EQ(overview.at("listeners").at(0).at("port").to_number<int>(), 5672);
    EXPECT_EQ(overview.at("object_totals").at("queues").to_number<int>(), 0);
    EXPECT_EQ(json::serialize(ask("GET", "/api/whoami").body), R"({"name":"admin","tags":["administrator"]})");
}

TEST_F(Admin, HealthChecksAnswerAsRabbitmqsDo) {
    const std::string checks = "/api/health/checks/";
    EXPECT_EQ(ask("GET", checks + "alarms").status, 200);
    EXPECT_EQ(ask("GET", checks + "port-listener/5672").status, 200);
    EXPECT_EQ(ask("GET", checks + "port-listener/1").status, 503);
    EXPECT_EQ(ask("GET", checks + "protocol-listener/amqp091").status, 200);
    EXPECT_EQ(ask("GET", checks + "protocol-listener/mqtt").error(), "No active listener");
    EXPECT_EQ(ask("GET", checks + "virtual-hosts").status, 200);
    EXPECT_EQ(ask("GET", "/api/aliveness-test/%2F").status, 200);
    EXPECT_EQ(ask("GET", "/api/aliveness-test/none").status, 404);
    backend_.alarm = "disk";
    EXPECT_EQ(ask("GET", checks + "local-alarms").error(), "disk");
    backend_.log_state = storage::LogState::failed;
    EXPECT_EQ(ask("GET", checks + "is-in-service").status, 503);
}

TEST_F(Admin, ACertificateThatEndsSoonFailsItsCheck) {
    const std::string path = "/api/health/checks/certificate-expiration/";
    EXPECT_EQ(ask("GET", path + "10/years").status, 200) << "there is none";
    const std::int64_t now_s = host_.now().wall.ms / 1000;
    constexpr std::int64_t day_s = 24 * 60 * 60;
    backend_.rows_of_listeners.push_back({"amqps", "0.0.0.0", 5671, {now_s + 20 * day_s, now_s + 400 * day_s}});
    EXPECT_EQ(ask("GET", path + "19/days").status, 200);
    EXPECT_EQ(ask("GET", path + "2/weeks").status, 200);
    const Answer soon = ask("GET", path + "1/months");
    EXPECT_EQ(soon.status, 503);
    EXPECT_EQ(soon.error(), "Certificates expiring");
    const json::object row = soon.body.at("expired").at(0).as_object();
    EXPECT_EQ(row.at("port").to_number<int>(), 5671);
    EXPECT_EQ(row.at("certfile_expires_on").as_array().size(), 1u);
    EXPECT_FALSE(row.contains("cacertfile_expires_on"));
    EXPECT_TRUE(ask("GET", path + "2/years").body.at("expired").at(0).as_object().contains("cacertfile_expires_on"));
    EXPECT_EQ(ask("GET", path + "1/fortnights").status, 400);
    EXPECT_EQ(ask("GET", path + "soon/days").status, 400);
    EXPECT_EQ(ask("GET", path + "-1/days").status, 400);
}

}  // namespace
}  // namespace fantail::server

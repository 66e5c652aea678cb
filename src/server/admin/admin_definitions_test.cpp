// SPDX-License-Identifier: Apache-2.0
//! /api/definitions in both directions, and the paths of the node.
#include "server/admin/admin_scene.hpp"
#include "server/admin/import.hpp"

namespace fantail::server {
namespace {

class DefinitionsOverHttp : public Admin {
protected:
    /// Imports and lets the broker do each command, as its controller would. \return the answer
    Answer import(const std::string& body) {
        Answer last = ask("POST", "/api/definitions", body);
        while (last.status == 0 && answered_ < host_.commands.size()) last = answer_next();
        return last;
    }
    /// Does the first command without an answer, and answers it.
    Answer answer_next(Result<void> outcome = {}) {
        most_under_way_ = std::max(most_under_way_, under_way());
        const std::size_t next = answered_++;
        if (outcome) std::visit([this](const auto& command) { decide(command); }, host_.commands[next]);
        return reply_to(host_.requests[next], std::move(outcome));
    }
    [[nodiscard]] std::size_t under_way() const { return host_.commands.size() - answered_; }
    template <class Command>
    [[nodiscard]] const Command& sent(std::size_t index) const {
        return std::get<Command>(host_.commands.at(index));
    }
    /// {"queues": […]}, named q0 and so on.
    static std::string some_queues(std::size_t count, const std::string& more = "") {
        json::array queues;
        for (std::size_t i = 0; i < count; ++i) queues.push_back({{"name", "q" + std::to_string(i)}, {"vhost", "/"}});
        return R"({"queues": )" + json::serialize(queues) + more + "}";
    }

    std::size_t most_under_way_ = 0;

private:
    void decide(const broker::PutVhost& command) {
        broker::VhostDefinition made = command.definition;
        made.id = VhostId(made.name == "/" ? 1 : 2);
        apply(broker::VhostPut{made});
    }
    void decide(const broker::PutUser& command) { apply(broker::UserPut{command.definition}); }
    void decide(const broker::DeclareQueue& command) {
        broker::QueueDefinition queue;
        queue.id = QueueId(++last_id_);
        queue.vhost = command.vhost;
        queue.name = command.name;
        queue.durable = command.durable;
        apply(broker::QueuePut{queue});
    }
    void decide(const broker::DeclareExchange& command) {
        broker::ExchangeDefinition exchange = command.definition;
        exchange.id = ExchangeId(++last_id_);
        apply(broker::ExchangePut{exchange});
    }
    template <class Other>
    void decide(const Other&) {}

    std::size_t answered_ = 0;
    std::uint64_t last_id_ = 1000;
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
    ASSERT_EQ(host_.commands.size(), 6u);
    EXPECT_EQ(sent<broker::PutUser>(0).definition.password_hash.size(), 37u);
    EXPECT_EQ(sent<broker::PutVhost>(1).definition.name, "v");
    EXPECT_EQ(sent<broker::PutVhost>(2).definition.queues_max, 9u);
    EXPECT_EQ(sent<broker::DeclareQueue>(3).options.length_max, 5u);
    EXPECT_EQ(sent<broker::DeclareExchange>(4).definition.type, broker::ExchangeType::topic);
    EXPECT_EQ(sent<broker::Bind>(5).binding.destination, "q");
    EXPECT_EQ(most_under_way_, 1u) << "each needed the one before it";
}

TEST_F(DefinitionsOverHttp, AreAskedForManyAtATimeButNotMoreThanTheBound) {
    EXPECT_EQ(ask("POST", "/api/definitions", some_queues(1000)).status, 0);
    EXPECT_EQ(under_way(), Import::under_way_max);
    EXPECT_EQ(answer_next().status, 0);
    EXPECT_EQ(under_way(), Import::under_way_max) << "the next follows each answer";
    Answer last;
    while (last.status == 0 && under_way() > 0) last = answer_next();
    EXPECT_EQ(last.status, 204);
    EXPECT_EQ(most_under_way_, Import::under_way_max);
    ASSERT_EQ(host_.commands.size(), 1000u);
    for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ(sent<broker::DeclareQueue>(i).name, "q" + std::to_string(i));
}

TEST_F(DefinitionsOverHttp, AKindBeginsWhenTheOneBeforeItIsAnswered) {
    apply(broker::ExchangePut{{.id = ExchangeId(2), .vhost = VhostId(1), .name = "e", .type_name = "direct"}});
    const std::string binding =
        R"({"source": "e", "vhost": "/", "destination": "q0", "destination_type": "queue", "routing_key": "k"})";
    (void)ask("POST", "/api/definitions", some_queues(3, R"(, "bindings": [)" + binding + "]"));
    EXPECT_EQ(under_way(), 3u);
    (void)answer_next();
    (void)answer_next();
    EXPECT_EQ(host_.commands.size(), 3u) << "q0 is there, but not all queues are";
    (void)answer_next();
    ASSERT_EQ(host_.commands.size(), 4u);
    EXPECT_EQ(sent<broker::Bind>(3).binding.destination, "q0");
    EXPECT_EQ(answer_next().status, 204);
}

TEST_F(DefinitionsOverHttp, OfOneThingOneChangeIsUnderWay) {
    (void)ask("POST", "/api/definitions", R"({"queues": [{"name": "q", "vhost": "/", "durable": true},
        {"name": "q", "vhost": "/", "durable": false}, {"name": "r", "vhost": "/"}]})");
    EXPECT_EQ(under_way(), 1u);
    EXPECT_EQ(answer_next().status, 0);
    ASSERT_EQ(host_.commands.size(), 2u) << "the first stays, as if it had been there before";
    EXPECT_EQ(sent<broker::DeclareQueue>(1).name, "r");
    EXPECT_EQ(answer_next().status, 204);
}

TEST_F(DefinitionsOverHttp, LimitsOfOneVhostAddUp) {
    EXPECT_EQ(import(R"({"parameters": [
        {"component": "vhost-limits", "name": "a", "vhost": "/", "value": {"max-queues": 9}},
        {"component": "vhost-limits", "name": "b", "vhost": "/", "value": {"max-connections": 5}}]})")
                  .status,
              204);
    EXPECT_EQ(sent<broker::PutVhost>(1).definition.queues_max, 9u);
    EXPECT_EQ(sent<broker::PutVhost>(1).definition.connections_max, 5u);
}

TEST_F(DefinitionsOverHttp, TheFirstRefusalIsToldWhenAllThatIsUnderWayIsAnswered) {
    (void)ask("POST", "/api/definitions", some_queues(200));
    const std::size_t asked = host_.commands.size();
    (void)answer_next();
    EXPECT_EQ(answer_next(fail(ErrorCode::precondition_failed, "no room")).status, 0);
    EXPECT_EQ(answer_next(fail(ErrorCode::precondition_failed, "less room")).status, 0);
    Answer last;
    while (last.status == 0 && under_way() > 0) last = answer_next();
    EXPECT_EQ(last.status, 400);
    EXPECT_EQ(last.error(), "queue 'q1': no room");
    EXPECT_EQ(host_.commands.size(), asked + 1) << "nothing more was asked for after the refusal";
    EXPECT_EQ(ask("GET", "/api/whoami").status, 200) << "the connection goes on";
}

TEST_F(DefinitionsOverHttp, NothingBehindAFaultIsAskedFor) {
    const std::string file = R"({"queues": [{"name": "a", "vhost": "/"}, {"name": "b", "vhost": "none"},
        {"name": "c", "vhost": "/"}], "exchanges": [{"name": "e", "vhost": "/", "type": "direct"}]})";
    EXPECT_EQ(ask("POST", "/api/definitions", file).status, 0) << "what is under way comes first";
    EXPECT_EQ(answer_next().error(), "queue 'b': no vhost 'none'");
    EXPECT_EQ(host_.commands.size(), 1u);
    (void)ask("POST", "/api/definitions",
              R"({"queues": [{"name": "d", "vhost": "/"}, {"name": "e", "vhost": "none"}]})");
    EXPECT_EQ(answer_next(fail(ErrorCode::precondition_failed, "no room")).error(), "queue 'd': no room")
        << "it stands before the other fault";
}

TEST_F(DefinitionsOverHttp, WhatNeedsAnAbsentThingIsAFaultBeforeItIsAskedFor) {
    EXPECT_EQ(
        import(R"({"permissions": [{"user": "x", "vhost": "/", "configure": "", "write": "", "read": ""}]})").error(),
        "permission: no user 'x'");
    EXPECT_EQ(import(R"({"policies": [{"name": "p", "vhost": "/", "pattern": "(", "definition": {"max-length": 1}}]})")
                  .status,
              400);
    const auto bind = [this](const std::string& source, const std::string& to, const std::string& type) {
        return import(R"({"bindings": [{"vhost": "/", "source": ")" + source + R"(", "destination": ")" + to +
                      R"(", "destination_type": ")" + type + R"("}]})");
    };
    EXPECT_EQ(bind("e", "q", "queue").error(), "binding: no exchange 'e' in vhost '/'");
    apply(broker::ExchangePut{{.id = ExchangeId(2), .vhost = VhostId(1), .name = "e", .type_name = "direct"}});
    EXPECT_EQ(bind("e", "q", "queue").error(), "binding: no queue 'q' in vhost '/'");
    EXPECT_EQ(bind("e", "f", "exchange").error(), "binding: no exchange 'f' in vhost '/'");
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(DefinitionsOverHttp, AFileOfWhatIsThereAsksForNothing) {
    EXPECT_EQ(import(some_queues(1000)).status, 204);
    EXPECT_EQ(import(some_queues(1000)).status, 204);
    EXPECT_EQ(host_.commands.size(), 1000u);
}

TEST_F(DefinitionsOverHttp, WhatIsThereAlreadyStaysAndAFaultIsNamed) {
    add_queue(100, "q", 1);
    EXPECT_EQ(import(R"({"queues":[{"name":"q","vhost":"/","durable":false}]})").status, 204);
    EXPECT_TRUE(host_.commands.empty());
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

// SPDX-License-Identifier: Apache-2.0
//! What RabbitMQ's own tools and pages send, as they send it.
#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

class RabbitmqTools : public Admin {
protected:
    RabbitmqTools() {
        broker::ExchangeDefinition fallback;
        fallback.id = ExchangeId(1);
        fallback.vhost = VhostId(1);
        fallback.type_name = "direct";
        apply(broker::ExchangePut{fallback});
    }
};

TEST_F(RabbitmqTools, MembersThatRepeatThePathArePassedOver) {
    add_queue(100, "q", 0);
    (void)ask("POST", "/api/exchanges/%2F/amq.default/publish",
              R"({"exchange":"amq.default","vhost":"/","routing_key":"q","payload":"hi","payload_encoding":"string",
                  "properties":{}})");
    EXPECT_EQ(host_.shard_commands.size(), 1u);
    session_.on_closed();
}

TEST_F(RabbitmqTools, TakeMessagesWithACountInQuotes) {
    add_queue(100, "q", 1);
    (void)ask("POST", "/api/queues/%2F/q/get",
              R"({"queue":"q","vhost":"/","count":"1","ackmode":"ack_requeue_true","encoding":"auto",
                  "payload_file":"out"})");
    ASSERT_EQ(host_.shard_commands.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<broker::Get>(host_.shard_commands.back()));
    session_.on_closed();
}

TEST_F(RabbitmqTools, AddVhostsUsersAndLimits) {
    (void)ask("PUT", "/api/vhosts/v", R"({"name":"v","vhost":"/"})");
    EXPECT_EQ(std::get<broker::PutVhost>(host_.commands.at(0)).definition.name, "v");
    (void)reply(fail(ErrorCode::unavailable, "not now"));
    (void)ask("PUT", "/api/users/u", R"({"name":"u","vhost":"/","tags":"monitoring","password_hash":""})");
    EXPECT_EQ(std::get<broker::PutUser>(host_.commands.at(1)).definition.name, "u");
    (void)reply();
    (void)ask("PUT", "/api/vhost-limits/%2F/max-queues", R"({"vhost":"/","name":"max-queues","value":"5"})");
    EXPECT_EQ(std::get<broker::PutVhost>(host_.commands.at(2)).definition.queues_max, 5u);
    EXPECT_EQ(reply().status, 204);
}

TEST_F(RabbitmqTools, SetPoliciesWithAPriorityInQuotes) {
    (void)ask(
        "PUT", "/api/policies/%2F/p",
        R"({"name":"p","vhost":"/","pattern":"^a","apply-to":"all","priority":"7","definition":{"max-length":1}})");
    EXPECT_EQ(command<broker::PutPolicy>().definition.priority, 7);
}

TEST_F(RabbitmqTools, AMisspeltMemberIsStillRefused_400) {
    EXPECT_EQ(ask("PUT", "/api/queues/%2F/q", R"({"name":"q","argumnts":{}})").error(), "unknown member 'argumnts'");
    EXPECT_EQ(ask("PUT", "/api/vhosts/v", R"({"limits":{"name":1}})").error(), "unknown member 'name'");
    EXPECT_EQ(
        ask("PUT", "/api/policies/%2F/p", R"({"pattern":"a","priority":"7x","definition":{"max-length":1}})").error(),
        "'priority' must be a whole number");
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(RabbitmqTools, TheTypeOfAQueueIsItsKind) {
    for (const char* body : {R"({"type":"quorum"})", R"({"queue_type":"quorum","arguments":{"x-queue-type":"quorum"}})",
                             R"({"type":"quorum","arguments":[]})"}) {
        (void)ask("PUT", "/api/queues/%2F/new", body);
        const auto& declare = command<broker::DeclareQueue>();
        EXPECT_EQ(declare.kind, broker::QueueKind::quorum) << body;
        EXPECT_EQ(record::FieldTableView(declare.arguments).find("x-queue-type")->as_text(), "quorum");
        (void)reply();
        host_.commands.clear();
    }
}

TEST_F(RabbitmqTools, AnotherTypeThanTheArgumentsSayOrThatThereIsIsRefused_400) {
    for (const char* body :
         {R"({"type":"quorum","arguments":{"x-queue-type":"classic"}})", R"({"type":"bogus"})", R"({"type":7})"})
        EXPECT_EQ(ask("PUT", "/api/queues/%2F/new", body).status, 400) << body;
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(RabbitmqTools, AnImportedQueueHasTheTypeThatItsFileSays) {
    (void)ask("POST", "/api/definitions", R"({"queues":[{"name":"q","vhost":"/","type":"stream","arguments":{}}]})");
    EXPECT_EQ(command<broker::DeclareQueue>().kind, broker::QueueKind::stream);
}

TEST_F(RabbitmqTools, SeeLimitsAndOperatorPoliciesAsParameters) {
    EXPECT_EQ(json::serialize(ask("GET", "/api/parameters").body), "[]");
    EXPECT_EQ(json::serialize(ask("GET", "/api/global-parameters").body), "[]");
    apply(broker::VhostPut{{.id = VhostId(2), .name = "shop", .queues_max = 9}});
    apply(broker::PolicyPut{{.vhost = VhostId(1), .name = "o", .pattern = "a", .is_operator = true}});
    EXPECT_EQ(ask("GET", "/api/parameters").body.as_array().size(), 2u);
    EXPECT_EQ(json::serialize(ask("GET", "/api/parameters/vhost-limits").body),
              R"([{"component":"vhost-limits","name":"limits","vhost":"shop","value":{"max-queues":9}}])");
    EXPECT_EQ(ask("GET", "/api/parameters/operator_policy/shop").body.as_array().size(), 0u);
    EXPECT_EQ(ask("GET", "/api/parameters/operator_policy/%2F/o").body.at("value").at("pattern").as_string(), "a");
    EXPECT_EQ(ask("GET", "/api/parameters/operator_policy/none").status, 404);
    EXPECT_EQ(ask("GET", "/api/parameters/operator_policy/%2F/other").status, 404);
    EXPECT_EQ(json::serialize(ask("GET", "/api/parameters/federation").body), "[]");
}

TEST_F(RabbitmqTools, PoliciesKeepKeysThatMeanNothingHere) {
    (void)ask("PUT", "/api/policies/%2F/ha",
              R"({"pattern":"","definition":{"ha-mode":"exactly","ha-params":2,"ha-sync-mode":"automatic",
                  "ha-promote-on-shutdown":"always","ha-promote-on-failure":"always","queue-mode":"lazy",
                  "queue-version":2,"queue-leader-locator":"balanced","queue-master-locator":"random",
                  "stream-max-segment-size-bytes":500000000,"stream-filter-size-bytes":16,"target-group-size":3,
                  "initial-cluster-size":3,"federation-upstream":"up","federation-upstream-set":"all",
                  "max-in-memory-length":5}})");
    const broker::PolicyDefinition policy = command<broker::PutPolicy>().definition;
    EXPECT_EQ(policy.keys.size(), 16u);
    EXPECT_EQ(policy.options, broker::QueueOptions{}) << "without effect";
    apply(broker::PolicyPut{policy});
    EXPECT_EQ(reply().status, 201);
    const json::value shown = ask("GET", "/api/policies/%2F/ha").body.at("definition");
    EXPECT_EQ(shown.at("ha-mode").as_string(), "exactly");
    EXPECT_EQ(shown.at("ha-params").to_number<int>(), 2);
}

TEST_F(RabbitmqTools, OperatorPoliciesKeepThoseThatRabbitmqTakesThere) {
    EXPECT_EQ(ask("PUT", "/api/operator-policies/%2F/p", R"({"pattern":"","definition":{"queue-mode":"lazy"}})").status,
              400);
    (void)ask("PUT", "/api/operator-policies/%2F/p", R"({"pattern":"","definition":{"ha-mode":"all"}})");
    EXPECT_EQ(command<broker::PutPolicy>().definition.keys.size(), 1u);
}

}  // namespace
}  // namespace fantail::server

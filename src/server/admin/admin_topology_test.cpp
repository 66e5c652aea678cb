// SPDX-License-Identifier: Apache-2.0
//! Exchanges, queues, bindings and messages over HTTP: what reaches the broker, and what its answers become.
#include "record/batch.hpp"
#include "record/envelope.hpp"
#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

TEST_F(Admin, DeclaresQueuesByTheArgumentsThatClientsUse) {
    EXPECT_EQ(
        ask("PUT", "/api/queues/%2F/new", R"({"durable":true,"arguments":{"x-queue-type":"quorum","x-max-length":7}})")
            .status,
        0);
    const auto& declare = command<broker::DeclareQueue>();
    EXPECT_EQ(declare.name, "new");
    EXPECT_EQ(declare.kind, broker::QueueKind::quorum);
    EXPECT_EQ(declare.options.length_max, 7u);
    EXPECT_EQ(record::FieldTableView(declare.arguments).find("x-max-length")->as_int(), 7);
    EXPECT_EQ(reply().status, 201);
}

TEST_F(Admin, BadDeclarationsReachNobody) {
    for (const char* body : {"{", "[]", R"({"durable":"yes"})", R"({"arguments":[1]})",
                             R"({"arguments":{"x-max-length":"x"}})", R"({"duraable":true})"})
        EXPECT_EQ(ask("PUT", "/api/queues/%2F/new", body).status, 400) << body;
    EXPECT_EQ(ask("PUT", "/api/queues/%2F/amq.mine").status, 401);
    EXPECT_EQ(ask("PUT", "/api/queues/nowhere/new").status, 404);
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(Admin, TheBrokersRefusalBecomesAStatus) {
    add_queue(100, "q", 5);
    (void)ask("DELETE", "/api/queues/%2F/q?if-empty=true");
    EXPECT_TRUE(command<broker::DeleteQueue>().if_empty);
    const Answer refused = reply(fail(ErrorCode::precondition_failed, "it is not empty"));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.error(), "queue 'q' in vhost '/' is not empty");
}

TEST_F(Admin, AQueueThatVanishesMeanwhileIsNotFound) {
    add_queue(100, "q", 5);
    (void)ask("POST", "/api/queues/%2F/q/purge");
    host_.sent.clear();
    broker::Event gone = broker::QueueCounts{.request = host_.last_request, .found = false};
    session_.on_event(gone);
    EXPECT_EQ(parse(std::string(as_text(host_.sent))).status, 404);
}

class Topology : public Admin {
protected:
    Topology() {
        apply(broker::UserPut{{.name = "limited", .password_hash = to_bytes(as_bytes("h")), .tags = {"management"}}});
        apply(broker::PermissionPut{{"limited", VhostId(1), "^mine", "^mine", "^mine"}});
        add_exchange(1, "", broker::ExchangeType::direct, "direct");
        add_exchange(2, "amq.topic", broker::ExchangeType::topic, "topic");
        add_exchange(3, "mine.e", broker::ExchangeType::direct, "direct");
    }
    void add_exchange(std::uint64_t id, const std::string& name, broker::ExchangeType type, const std::string& text) {
        broker::ExchangeDefinition exchange;
        exchange.id = ExchangeId(id);
        exchange.vhost = VhostId(1);
        exchange.name = name;
        exchange.type = type;
        exchange.type_name = text;
        apply(broker::ExchangePut{exchange});
    }
    Answer as_limited(const std::string& method, const std::string& target, const std::string& body = "") {
        return ask(method, target, body, http::basic_authorization("limited", "right"));
    }
    template <class Event>
    Answer answer(Event event) {
        host_.sent.clear();
        event.request = host_.last_request;
        broker::Event any = std::move(event);
        session_.on_event(any);
        return parse(std::string(as_text(host_.sent)));
    }
    /// A message as it lies in a queue.
    static broker::GetResult message(const std::string& body, std::uint64_t left) {
        Bytes envelope;
        record::encode_envelope(envelope, {}, "from");
        record::BatchBuilder builder;
        builder.append_message({}, as_bytes("key"), envelope, as_bytes(body));
        broker::GetResult got;
        got.message.count = 1;
        got.message.first = Offset(9);
        got.message.batch = std::make_shared<const Bytes>(builder.finish(Offset(9)));
        got.ready_left = left;
        return got;
    }
};

TEST_F(Topology, DeclaresAndDeletesExchangesByTheBrokersOwnCommands) {
    (void)ask("PUT", "/api/exchanges/%2F/e",
              R"({"type":"topic","durable":"false","arguments":{"alternate-exchange":"x"}})");
    const auto& declare = command<broker::DeclareExchange>().definition;
    EXPECT_EQ(declare.name, "e");
    EXPECT_EQ(declare.type, broker::ExchangeType::topic);
    EXPECT_FALSE(declare.durable);
    EXPECT_EQ(declare.alternate, "x");
    EXPECT_EQ(reply().status, 201);
    host_.commands.clear();
    (void)ask("DELETE", "/api/exchanges/%2F/mine.e?if-unused=true");
    EXPECT_TRUE(command<broker::DeleteExchange>().if_unused);
    EXPECT_EQ(reply(fail(ErrorCode::precondition_failed, "used")).error(), "exchange 'mine.e' in vhost '/' in use");
}

TEST_F(Topology, RefusesExchangesAsAmqpWould) {
    EXPECT_EQ(ask("PUT", "/api/exchanges/%2F/e", R"({"type":"bogus"})").status, 400);
    EXPECT_EQ(ask("PUT", "/api/exchanges/%2F/e", "{}").status, 400);
    EXPECT_EQ(ask("PUT", "/api/exchanges/%2F/amq.mine", R"({"type":"direct"})").status, 401);
    EXPECT_EQ(ask("PUT", "/api/exchanges/%2F/amq.default", R"({"type":"direct"})").status, 401);
    EXPECT_EQ(ask("DELETE", "/api/exchanges/%2F/none").status, 404);
    EXPECT_EQ(ask("PUT", "/api/exchanges/nowhere/e", R"({"type":"direct"})").status, 404);
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(Topology, NeedsThePermissionsThatAmqpNeeds) {
    add_queue(100, "other.q", 0);
    EXPECT_EQ(as_limited("PUT", "/api/exchanges/%2F/other", R"({"type":"direct"})").status, 401);
    EXPECT_EQ(as_limited("PUT", "/api/queues/%2F/other", "{}").status, 401);
    EXPECT_EQ(as_limited("DELETE", "/api/queues/%2F/other.q").status, 401);
    EXPECT_EQ(as_limited("DELETE", "/api/queues/%2F/other.q/contents").status, 401);
    EXPECT_EQ(as_limited("POST", "/api/bindings/%2F/e/mine.e/q/other.q", "{}").status, 401);
    EXPECT_EQ(as_limited("POST", "/api/exchanges/%2F/amq.topic/publish",
                         R"({"routing_key":"k","payload":"x","payload_encoding":"string"})")
                  .status,
              401);
    EXPECT_EQ(as_limited("POST", "/api/queues/%2F/other.q/get", R"({"count":1,"ackmode":"ack_requeue_true"})").status,
              401);
    EXPECT_TRUE(host_.commands.empty());
    EXPECT_TRUE(host_.shard_commands.empty());
    (void)as_limited("PUT", "/api/queues/%2F/mine.q", "{}");
    EXPECT_EQ(command<broker::DeclareQueue>().name, "mine.q");
}

TEST_F(Topology, BindsAndTellsWhereTheBindingIs) {
    add_queue(100, "q/1", 0);
    (void)ask("POST", "/api/bindings/%2F/e/amq.topic/q/q%2F1", R"({"routing_key":"a.#"})");
    const auto& binding = command<broker::Bind>().binding;
    EXPECT_EQ(binding.source + "|" + binding.destination + "|" + binding.routing_key, "amq.topic|q/1|a.#");
    const Answer made = reply();
    EXPECT_EQ(made.status, 201);
    EXPECT_THAT(made.head, HasSubstr("Location: q%2F1/a.%2523"));
}

TEST_F(Topology, ABindingIsFoundAndRemovedByItsKey) {
    add_queue(100, "q", 0);
    record::FieldTableBuilder table;
    table.set_int("a", 1);
    const Bytes arguments = table.take();
    apply(broker::BindingAdded{{VhostId(1), "amq.topic", "q", false, "a~/b", {}}});
    apply(broker::BindingAdded{{VhostId(1), "amq.topic", "q", false, "a~/b", arguments}});
    apply(broker::BindingAdded{{VhostId(1), "amq.topic", "q", false, "", {}}});
    const std::string between = "/api/bindings/%2F/e/amq.topic/q/q";
    const Answer all = ask("GET", between);
    ASSERT_EQ(all.body.as_array().size(), 3u);
    EXPECT_EQ(all.body.at(0).at("properties_key").as_string(), "~");
    for (const json::value& each : all.body.as_array()) {
        const std::string key(each.at("properties_key").as_string());
        EXPECT_EQ(ask("GET", between + "/" + http::encode_percent(key)).body, each) << key;
    }
    EXPECT_EQ(ask("DELETE", between + "/none").status, 404);
    const std::string with_arguments(all.body.at(2).at("properties_key").as_string());
    (void)ask("DELETE", between + "/" + http::encode_percent(with_arguments));
    const Bytes removed = command<broker::Unbind>().binding.arguments;
    EXPECT_EQ(removed, all.body.at(2).at("arguments").as_object().empty() ? Bytes() : arguments);
    EXPECT_EQ(reply().status, 204);
    EXPECT_EQ(ask("GET", "/api/queues/%2F/q/bindings").body.as_array().size(), 3u);
    EXPECT_EQ(ask("GET", "/api/exchanges/%2F/mine.e/bindings/source").body.as_array().size(), 0u);
}

TEST_F(Topology, PublishesAndSaysWhetherAnyQueueTookIt) {
    add_queue(100, "q", 0);
    const std::string body = R"({"properties":{"delivery_mode":2,"headers":{"h":1}},"routing_key":"q",)"
                             R"("payload":"aGk=","payload_encoding":"base64"})";
    EXPECT_EQ(ask("POST", "/api/exchanges/%2F/amq.default/publish", body).status, 0);
    ASSERT_EQ(host_.shard_commands.size(), 1u);
    const auto& append = std::get<broker::Append>(host_.shard_commands.front());
    EXPECT_EQ(append.body_bytes, 2u);
    EXPECT_FALSE(append.traits.transient);
    EXPECT_EQ(json::serialize(answer(broker::Appended{}).body), R"({"routed":true})");
    const std::string nowhere = R"({"routing_key":"none","payload":"x","payload_encoding":"string","properties":{}})";
    EXPECT_EQ(json::serialize(ask("POST", "/api/exchanges/%2F/amq.default/publish", nowhere).body),
              R"({"routed":false})");
}

TEST_F(Topology, AQueuesRefusalOfAMessageIsABadRequest) {
    add_queue(100, "q", 0);
    const std::string body = R"({"routing_key":"q","payload":"x","payload_encoding":"string"})";
    (void)ask("POST", "/api/exchanges/%2F/amq.default/publish", body);
    EXPECT_EQ(answer(broker::Appended{.accepted = false}).status, 400);
}

TEST_F(Topology, BadMessagesAreNotPublished) {
    add_queue(100, "q", 0);
    const std::string to = "/api/exchanges/%2F/amq.default/publish";
    for (const char* body :
         {"{}", R"({"routing_key":"q"})", R"({"routing_key":"q","payload":"%","payload_encoding":"base64"})",
          R"({"routing_key":"q","payload":"x","payload_encoding":"hex"})",
          R"({"routing_key":"q","payload":"x","properties":{"delivery_mod":2}})",
          R"({"routing_key":"q","payload":"x","properties":{"delivery_mode":300}})",
          R"({"routing_key":"q","payload":"x","properties":{"expiration":"soon"}})"})
        EXPECT_EQ(ask("POST", to, body).status, 400) << body;
    EXPECT_EQ(ask("POST", "/api/exchanges/%2F/none/publish", R"({"routing_key":"q","payload":"x"})").status, 404);
    backend_.alarm = "memory";
    EXPECT_EQ(ask("POST", to, R"({"routing_key":"q","payload":"x"})").status, 503);
    EXPECT_TRUE(host_.shard_commands.empty());
}

TEST_F(Topology, TakesMessagesAndGivesThemBack) {
    add_queue(100, "q", 2);
    EXPECT_EQ(ask("POST", "/api/queues/%2F/q/get", R"({"count":5,"ackmode":"ack_requeue_true","truncate":2})").status,
              0);
    EXPECT_FALSE(std::get<broker::Get>(host_.shard_commands.back()).settled_on_delivery);
    EXPECT_EQ(answer(message("hello", 1)).status, 0) << "there may be more";
    EXPECT_EQ(answer(message("\xff\xfe", 0)).status, 0);
    const Answer all = answer(broker::GetResult{});
    EXPECT_EQ(all.status, 200);
    ASSERT_EQ(all.body.as_array().size(), 2u);
    EXPECT_EQ(all.body.at(0).at("payload").as_string(), "he");
    EXPECT_EQ(all.body.at(0).at("payload_bytes").to_number<int>(), 5);
    EXPECT_EQ(all.body.at(0).at("exchange").as_string(), "from");
    EXPECT_EQ(all.body.at(1).at("payload_encoding").as_string(), "base64");
    const auto& settle = std::get<broker::Settle>(host_.shard_commands.at(3));
    EXPECT_EQ(settle.outcome, broker::Outcome::release);
    EXPECT_EQ(settle.ranges.size(), 2u);
    EXPECT_TRUE(std::holds_alternative<broker::Detach>(host_.shard_commands.at(4)));
}

TEST_F(Topology, WhatIsHeldGoesBackWhenTheClientGoes) {
    add_queue(100, "q", 2);
    (void)ask("POST", "/api/queues/%2F/q/get", R"({"count":5,"ackmode":"reject_requeue_false"})");
    (void)answer(message("x", 1));
    session_.on_closed();
    EXPECT_TRUE(std::holds_alternative<broker::Detach>(host_.shard_commands.back()));
}

TEST_F(Topology, BadWaysOfTakingMessagesAreRefused) {
    add_queue(100, "q", 2);
    for (const char* body : {"{}", R"({"count":1})", R"({"count":0,"ackmode":"ack_requeue_true"})",
                             R"({"count":1001,"ackmode":"ack_requeue_true"})", R"({"count":1,"ackmode":"bogus"})"})
        EXPECT_EQ(ask("POST", "/api/queues/%2F/q/get", body).status, 400) << body;
    EXPECT_TRUE(host_.shard_commands.empty());
}

}  // namespace
}  // namespace fantail::server

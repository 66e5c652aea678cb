// SPDX-License-Identifier: Apache-2.0
//! Whole requests against a fake host, backend and a real catalog: logins, answers, refusals, and what reaches the broker.
#include "server/admin/admin_session.hpp"

#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

TEST_F(Admin, HealthReadinessAndMetricsNeedNoLogin) {
    EXPECT_EQ(ask("GET", "/healthz", "", "").status, 200);
    EXPECT_EQ(ask("GET", "/readyz", "", "").status, 200);
    EXPECT_EQ(ask("GET", "/metrics", "", "").status, 200);
    EXPECT_EQ(ask("HEAD", "/healthz", "", "").status, 200);
}

TEST_F(Admin, IsNotReadyWhileStoppingOrWhenStorageIsUnwell) {
    backend_.log_state = storage::LogState::no_space;
    EXPECT_EQ(ask("GET", "/readyz").status, 503);
    EXPECT_EQ(ask("GET", "/readyz").error(), "storage is full");
    backend_.log_state = storage::LogState::failed;
    EXPECT_EQ(ask("GET", "/readyz").status, 503);
    backend_.log_state = storage::LogState::ok;
    backend_.ready = false;
    EXPECT_EQ(ask("GET", "/readyz").status, 503);
    EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(Admin, EverythingElseNeedsAnAdministrator) {
    const Answer missing = ask("GET", "/api/users", "", "");
    EXPECT_EQ(missing.status, 401);
    EXPECT_THAT(missing.head, HasSubstr("WWW-Authenticate: Basic"));
    EXPECT_EQ(ask("PUT", "/healthz", "", "").status, 401) << "open to reading only";
    EXPECT_EQ(ask("GET", "/api/users").status, 200);
}

TEST_F(Admin, AWrongPasswordIsAnsweredLateAndEndsTheConnection) {
    EXPECT_EQ(ask("GET", "/api/users", "", http::basic_authorization("admin", "wrong")).status, 0) << "no answer yet";
    EXPECT_EQ(session_.deadline(), MonoTime{}.plus_ms(1000));
    EXPECT_FALSE(host_.closed);
    session_.on_tick();
    EXPECT_EQ(parse(std::string(as_text(host_.sent))).status, 401);
    EXPECT_TRUE(host_.closed);
}

TEST_F(Admin, WhoCannotBeCheckedForTheCrowdIsToldToComeAgain_503) {
    host_.busy = true;
    EXPECT_EQ(ask("GET", "/api/users").status, 503);
    EXPECT_FALSE(host_.closed);
    host_.busy = false;
    EXPECT_EQ(ask("GET", "/api/users").status, 200);
}

TEST_F(Admin, NothingIsDoneBeforeTheLoginIsChecked) {
    const std::string login = "Authorization: " + admin_login + "\r\n";
    session_.on_bytes(as_bytes("DELETE /api/users/plain HTTP/1.1\r\n" + login + "\r\n"));
    EXPECT_TRUE(host_.commands.empty());
    EXPECT_EQ(session_.on_bytes(as_bytes("GET /healthz HTTP/1.1\r\n\r\n")), 0u) << "one request after another";
    answer_logins();
    EXPECT_EQ(command<broker::RemoveUser>().name, "plain");
}

TEST_F(Admin, WhoHasNoTagIsToldSoAsByRabbitmq) {
    const Answer answer = ask("GET", "/api/whoami", "", http::basic_authorization("plain", "right"));
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.body.at("error").as_string(), "not_authorised");
    EXPECT_EQ(answer.error(), "Not management user");
    EXPECT_FALSE(host_.closed);
}

TEST_F(Admin, EachTagOpensWhatItOpensInRabbitmq) {
    apply(broker::VhostPut{{.id = VhostId(2), .name = "other"}});
    for (const char* tag : {"management", "monitoring", "policymaker"}) {
        apply(broker::UserPut{{.name = tag, .password_hash = to_bytes(as_bytes("h")), .tags = {tag}}});
        apply(broker::PermissionPut{{tag, VhostId(2), ".*", ".*", ".*"}});
    }
    const auto as = [this](const char* user, const std::string& method, const std::string& path) {
        return ask(method, path, "", http::basic_authorization(user, "right"));
    };
    EXPECT_EQ(as("management", "GET", "/api/nodes").error(), "Not monitor user");
    EXPECT_EQ(as("monitoring", "GET", "/api/nodes").status, 200);
    EXPECT_EQ(as("monitoring", "GET", "/api/users").error(), "Not administrator user");
    EXPECT_EQ(as("management", "GET", "/api/queues/%2F").error(), "User not authorised to access virtual host");
    EXPECT_EQ(as("monitoring", "GET", "/api/queues/%2F").status, 200) << "may see, though not enter";
    EXPECT_EQ(as("monitoring", "PUT", "/api/queues/%2F/q").status, 401);
    EXPECT_EQ(as("management", "GET", "/api/queues/other").status, 200);
    EXPECT_EQ(as("management", "PUT", "/api/policies/other/p").error(), "User not authorised to access object");
    EXPECT_EQ(as("policymaker", "PUT", "/api/policies/other/p").status, 400) << "let in, and the body is missing";
    EXPECT_EQ(as("policymaker", "PUT", "/api/operator-policies/other/p").status, 401);
    EXPECT_EQ(as("management", "GET", "/api/vhosts").body.as_array().size(), 1u) << "those that one may enter";
    EXPECT_EQ(as("monitoring", "GET", "/api/vhosts").body.as_array().size(), 2u);
    add_queue(100, "hidden", 1);
    EXPECT_EQ(as("management", "GET", "/api/queues").body.as_array().size(), 0u);
    EXPECT_EQ(as("monitoring", "GET", "/api/queues").body.as_array().size(), 1u);
}

TEST_F(Admin, WhoMakesAVhostMayUseItAsInRabbitmq) {
    (void)ask("PUT", "/api/vhosts/new", "{}");
    EXPECT_EQ(command<broker::PutVhost>().definition.name, "new");
    apply(broker::VhostPut{{.id = VhostId(5), .name = "new"}});
    host_.commands.clear();
    EXPECT_EQ(reply().status, 0) << "not yet";
    const auto given = command<broker::PutPermission>().definition;
    EXPECT_EQ(given.user, "admin");
    EXPECT_EQ(given.vhost, VhostId(5));
    EXPECT_EQ(given.configure + given.write + given.read, ".*.*.*");
    EXPECT_EQ(reply().status, 201);
    host_.commands.clear();
    (void)ask("PUT", "/api/vhosts/new", R"({"description": "changed"})");
    (void)command<broker::PutVhost>();
    EXPECT_EQ(reply().status, 204) << "a vhost that was there gives nobody anything";
}

TEST_F(Admin, UnknownPathsAndMethodsAreRefused) {
    EXPECT_EQ(ask("GET", "/api/nothing").status, 404);
    EXPECT_EQ(ask("GET", "/").status, 404);
    const Answer method = ask("POST", "/api/users/x");
    EXPECT_EQ(method.status, 405);
    EXPECT_THAT(method.head, HasSubstr("Allow: GET, PUT, DELETE"));
    EXPECT_EQ(method.body.at("error").as_string(), "Method Not Allowed");
}

TEST_F(Admin, BadNamesEscapesAndParametersAreBadRequests) {
    for (const char* target : {"/api/queues/%2F/a%zz", "/api/queues/%2F/", "/api/queues//q", "/api/queues/%2F/a%0Ab"})
        EXPECT_EQ(ask("PUT", target, "{}").status, 400) << target;
    EXPECT_EQ(ask("PUT", "/api/queues/%2F/" + std::string(256, 'n'), "{}").status, 400);
    EXPECT_EQ(ask("GET", "/api/queues?if_emtpy=true").status, 400);
    EXPECT_EQ(ask("GET", "/api/queues?name=%q").status, 400);
    EXPECT_EQ(ask("GET", "/api/queues/").status, 200) << "a slash behind a whole path is nothing";
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(Admin, AnswersOneRequestAfterAnother) {
    const std::string get = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string once = say(get);
    EXPECT_EQ(say(get + get), once + once);
    EXPECT_FALSE(host_.closed);
}

TEST_F(Admin, TakesNothingWhileAnAnswerIsAwaited) {
    EXPECT_EQ(ask("DELETE", "/api/users/plain").status, 0);
    EXPECT_EQ(session_.on_bytes(as_bytes("GET /healthz HTTP/1.1\r\n\r\n")), 0u);
    const int before = host_.resumed;
    EXPECT_EQ(reply().status, 204);
    EXPECT_EQ(host_.resumed, before + 1) << "what waits is looked at again";
}

TEST_F(Admin, WhatIsNoHttpGets400AndIsClosed) {
    EXPECT_THAT(say("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_TRUE(host_.closed);
}

TEST_F(Admin, ATooLargeBodyGets413) {
    EXPECT_THAT(say("PUT /api/users/x HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n"), StartsWith("HTTP/1.1 413"));
    EXPECT_TRUE(host_.closed);
}

TEST_F(Admin, ASilentConnectionIsClosed) {
    EXPECT_NE(session_.deadline(), MonoTime::never());
    session_.on_tick();
    EXPECT_TRUE(host_.closed);
}

TEST_F(Admin, AnAdministratorsCloseEndsTheConnection) {
    broker::Event event = broker::CloseRequested{"shutdown"};
    session_.on_event(event);
    EXPECT_TRUE(host_.closed);
}

TEST_F(Admin, ListsQueuesInOrderAndInPages) {
    for (int i = 9; i >= 0; --i)
        add_queue(100 + static_cast<std::uint64_t>(i), "q" + std::to_string(i), static_cast<std::uint64_t>(i));
    const Answer page = ask("GET", "/api/queues?offset=3&limit=2");
    EXPECT_EQ(page.body.at("total").as_int64(), 10);
    ASSERT_EQ(page.body.at("items").as_array().size(), 2u);
    EXPECT_EQ(page.body.at("items").at(0).at("name").as_string(), "q3");
    EXPECT_EQ(page.body.at("items").at(1).at("messages_ready").to_number<int>(), 4);
    EXPECT_EQ(backend_.asked, 2u) << "only the page's queues";
    EXPECT_EQ(ask("GET", "/api/queues?offset=50").body.at("items").as_array().size(), 0u);
    EXPECT_EQ(ask("GET", "/api/queues?name=7&offset=0").body.at("total").as_int64(), 1);
    EXPECT_EQ(ask("GET", "/api/queues/%2F").body.as_array().size(), 10u) << "whole: an array, as RabbitMQ has it";
    EXPECT_EQ(json::serialize(ask("GET", "/api/queues?name=7&columns=name,message_stats.publish").body),
              R"([{"name":"q7","message_stats":{"publish":0}}])");
    EXPECT_EQ(ask("GET", "/api/queues/nowhere").status, 404);
    EXPECT_EQ(ask("GET", "/api/queues?limit=10001").status, 400);
    EXPECT_EQ(ask("GET", "/api/queues?offset=-1").status, 400);
}

TEST_F(Admin, PagesByNumberAsRabbitmqsManagementApiDoes) {
    for (std::uint64_t i = 0; i < 7; ++i) add_queue(100 + i, (i < 5 ? "Orders." : "other.") + std::to_string(i), i);
    const Answer second = ask("GET", "/api/queues?page=2&page_size=2&name=orders");
    EXPECT_EQ(second.body.at("total_count").as_int64(), 7);
    EXPECT_EQ(second.body.at("filtered_count").as_int64(), 5);
    EXPECT_EQ(second.body.at("item_count").as_int64(), 2);
    EXPECT_EQ(second.body.at("page").as_int64(), 2);
    EXPECT_EQ(second.body.at("page_size").as_int64(), 2);
    EXPECT_EQ(second.body.at("page_count").as_int64(), 3);
    EXPECT_EQ(second.body.at("items").at(0).at("name").as_string(), "Orders.2");
    const Answer all = ask("GET", "/api/queues?page=1");
    EXPECT_EQ(all.body.at("page_size").as_int64(), 100);
    EXPECT_EQ(all.body.at("items").as_array().size(), 7u);
    EXPECT_EQ(ask("GET", "/api/users?page=1&name=PLA").body.at("filtered_count").as_int64(), 1);
    EXPECT_EQ(ask("GET", "/api/queues?page=1&name=nothing").body.at("item_count").as_int64(), 0);
}

TEST_F(Admin, RefusesPagesThatDoNotExistOrAreTooLarge) {
    add_queue(100, "q", 0);
    EXPECT_THAT(ask("GET", "/api/queues?page=2").error(), HasSubstr("Page out of range"));
    for (const char* bad : {"page=0", "page=x", "page=1&page_size=0", "page=1&page_size=501", "use_regex=true"})
        EXPECT_EQ(ask("GET", std::string("/api/queues?") + bad).status, 400) << bad;
}

TEST_F(Admin, ShowsOneQueueByItsName) {
    add_queue(100, "a/b", 5);
    const Answer answer = ask("GET", "/api/queues/%2F/a%2Fb");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.at("name").as_string(), "a/b");
    EXPECT_EQ(answer.body.at("messages").to_number<int>(), 5);
    EXPECT_EQ(backend_.asked, 1u) << "nothing but this queue is looked at";
    EXPECT_EQ(ask("GET", "/api/queues/%2F/none").status, 404);
}

TEST_F(Admin, PutsUsersKeepingWhatIsNotNamed) {
    (void)ask("PUT", "/api/users/admin", R"({"tags":["administrator","x"]})");
    const auto& put = command<broker::PutUser>();
    EXPECT_TRUE(put.keep_password);
    EXPECT_EQ(put.definition.tags.size(), 2u);
    EXPECT_EQ(reply().status, 204);
    host_.commands.clear();
    (void)ask("PUT", "/api/users/new", R"({"password":"p"})");
    EXPECT_FALSE(command<broker::PutUser>().keep_password);
    EXPECT_FALSE(command<broker::PutUser>().definition.password_hash.empty());
    EXPECT_EQ(reply().status, 201);
}

TEST_F(Admin, AnEmptyPasswordIsRefusedAndAnEmptyHashMeansNone) {
    EXPECT_THAT(ask("PUT", "/api/users/new", R"({"password":""})").error(), HasSubstr("empty password"));
    EXPECT_TRUE(host_.commands.empty());
    (void)ask("PUT", "/api/users/admin", R"({"password_hash":"","tags":"a, b"})");
    EXPECT_FALSE(command<broker::PutUser>().keep_password);
    EXPECT_TRUE(command<broker::PutUser>().definition.password_hash.empty());
    EXPECT_THAT(command<broker::PutUser>().definition.tags, testing::ElementsAre("a", "b"));
}

TEST_F(Admin, NeverShowsPasswordHashes) {
    const Answer users = ask("GET", "/api/users");
    EXPECT_EQ(users.body.as_array().size(), 2u);
    EXPECT_FALSE(users.body.at(0).as_object().contains("password_hash"));
    EXPECT_TRUE(users.body.at(0).at("has_password").as_bool());
    EXPECT_FALSE(users.body.at(1).at("has_password").as_bool());
    EXPECT_EQ(ask("GET", "/api/users/plain").body.at("name").as_string(), "plain");
    EXPECT_EQ(ask("GET", "/api/users/nobody").status, 404);
}

TEST_F(Admin, PermissionsNeedUserVhostAndAllThreePatterns) {
    EXPECT_EQ(ask("PUT", "/api/permissions/%2F/nobody", R"({"configure":"","write":"","read":""})").status, 404);
    EXPECT_EQ(ask("PUT", "/api/permissions/nowhere/plain", R"({"configure":"","write":"","read":""})").status, 404);
    EXPECT_EQ(ask("PUT", "/api/permissions/%2F/plain", R"({"configure":""})").status, 400);
    EXPECT_TRUE(host_.commands.empty());
    (void)ask("PUT", "/api/permissions/%2F/plain", R"({"configure":"a","write":"b","read":"c"})");
    EXPECT_EQ(command<broker::PutPermission>().definition.read, "c");
}

TEST_F(Admin, TopicPermissionsNeedVhostAndBothPatterns) {
    EXPECT_EQ(ask("PUT", "/api/topic-permissions/nowhere/plain", R"({"exchange":"e","write":"","read":""})").status,
              404);
    EXPECT_EQ(ask("PUT", "/api/topic-permissions/%2F/plain", R"({"write":""})").status, 400);
    EXPECT_TRUE(host_.commands.empty());
    (void)ask("PUT", "/api/topic-permissions/%2F/plain", R"({"exchange":"e","write":"a","read":"b"})");
    const auto put = command<broker::PutTopicPermission>().definition;
    EXPECT_EQ(put.user + put.exchange + put.write + put.read, "plaineab");
    EXPECT_EQ(reply().status, 201);
    host_.commands.clear();
    (void)ask("DELETE", "/api/topic-permissions/%2F/plain/e");
    EXPECT_EQ(command<broker::RemoveTopicPermission>().exchange, "e");
}

TEST_F(Admin, PoliciesAreUnderstoodOrRefusedByKey) {
    (void)ask(
        "PUT", "/api/policies/%2F/p",
        R"({"pattern":"^q","priority":3,"apply-to":"queues","definition":{"max-length":5,"overflow":"reject-publish"}})");
    const auto& policy = command<broker::PutPolicy>().definition;
    EXPECT_EQ(policy.options.length_max, 5u);
    EXPECT_EQ(policy.options.overflow, broker::Overflow::reject_publish);
    EXPECT_EQ(policy.keys.size(), 2u);
    EXPECT_FALSE(policy.is_operator);
    (void)reply();
    EXPECT_THAT(ask("PUT", "/api/policies/%2F/p", R"({"pattern":"","definition":{"max-lenght":5}})").error(),
                HasSubstr("max-lenght"));
    EXPECT_THAT(ask("PUT", "/api/policies/%2F/p", R"({"pattern":"","definition":{"max-length":-1}})").error(),
                HasSubstr("max-length"));
    EXPECT_EQ(ask("PUT", "/api/policies/%2F/p", R"({"pattern":"","definition":{}})").status, 400);
    EXPECT_EQ(ask("PUT", "/api/policies/%2F/p", R"({"definition":{"expires":1}})").status, 400);
    EXPECT_THAT(
        ask("PUT", "/api/operator-policies/%2F/p", R"({"pattern":"","definition":{"dead-letter-exchange":"x"}})")
            .error(),
        HasSubstr("limits only"));
    host_.commands.clear();
    (void)ask("PUT", "/api/operator-policies/%2F/p", R"({"pattern":"","definition":{"max-age":"7D"}})");
    EXPECT_TRUE(command<broker::PutPolicy>().definition.is_operator);
    EXPECT_EQ(command<broker::PutPolicy>().definition.options.retention_ms, 7 * 86'400'000);
}

TEST_F(Admin, ClosesConnectionsByIdOrName) {
    backend_.connections.push_back({.id = ConnectionId(77), .peer = "127.0.0.1:5", .local = "127.0.0.1:6"});
    EXPECT_EQ(ask("DELETE", "/api/connections/77").status, 204);
    EXPECT_EQ(backend_.closed, ConnectionId(77));
    EXPECT_EQ(ask("DELETE", "/api/connections/127.0.0.1%3A5%20-%3E%20127.0.0.1%3A6").status, 204);
    EXPECT_EQ(ask("DELETE", "/api/connections/78").status, 404);
    EXPECT_EQ(ask("DELETE", "/api/connections/x").status, 404);
}

TEST_F(Admin, ListsChannelsAndConsumersOfConnections) {
    add_queue(100, "q", 5);
    ConnectionRow row{.id = ConnectionId(77), .peer = "127.0.0.1:5", .local = "127.0.0.1:6"};
    row.session.vhost = "/";
    row.details.channels.push_back({.number = 3, .consumers = 1, .prefetch = 9, .confirms = true});
    row.details.consumers.push_back({.channel = 3, .tag = "t", .queue = QueueId(100), .acknowledges = true});
    backend_.connections.push_back(row);
    const Answer channels = ask("GET", "/api/channels");
    EXPECT_EQ(channels.body.at(0).at("name").as_string(), "127.0.0.1:5 -> 127.0.0.1:6 (3)");
    EXPECT_EQ(channels.body.at(0).at("prefetch_count").to_number<int>(), 9);
    EXPECT_TRUE(channels.body.at(0).at("confirm").as_bool());
    const Answer consumers = ask("GET", "/api/consumers/%2F");
    EXPECT_EQ(consumers.body.at(0).at("queue").at("name").as_string(), "q");
    EXPECT_TRUE(consumers.body.at(0).at("ack_required").as_bool());
    EXPECT_EQ(ask("GET", "/api/connections").body.at(0).at("peer_port").to_number<int>(), 5);
}

TEST_F(Admin, MetricsNameQueuesWithEscapedLabels) {
    add_queue(100, "a\"b\\c", 5);
    const std::string text = say("GET /metrics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(text, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(text, HasSubstr("# TYPE fantail_queue_messages_ready gauge\n"));
    EXPECT_THAT(text, HasSubstr("fantail_queue_messages_ready{vhost=\"/\",queue=\"a\\\"b\\\\c\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("fantail_messages_ready 5\n"));
    EXPECT_THAT(text, HasSubstr("fantail_connections{core=\"0\"} 3\n"));
}

TEST_F(Admin, NamesThatAreNoUtf8StayApart) {
    add_queue(100, "bad\xff\xc0name", 1);
    add_queue(101, "bad\xfe\xc0name", 1);
    add_queue(102, "bad\\xfe\\xc0name", 1);  // what the second is shown as
    EXPECT_EQ(ask("GET", "/api/queues?name=name").body.as_array().size(), 3u);
    EXPECT_EQ(ask("GET", "/api/queues?offset=2").body.at("items").at(0).at("name").as_string(), "bad\\xff\\xc0name");
    const std::string metrics = say("GET /metrics HTTP/1.1\r\n\r\n");
    const std::string series = "fantail_queue_messages_ready{vhost=\"/\",queue=\"bad\\\\xfe\\\\xc0name\"}";
    const std::size_t at = metrics.find(series);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(metrics.find(series, at + 1), std::string::npos) << "a series stands there once";
}

TEST(AdminProtocol, KnowsItsOwnFirstBytes) {
    FakeBackend backend;
    const auto protocol = AdminSession::protocol(backend);
    using Sniff = protocols::Protocol::Sniff;
    EXPECT_EQ(protocol.sniff(as_bytes("GET / HTTP/1.1")), Sniff::yes);
    EXPECT_EQ(protocol.sniff(as_bytes("DELE")), Sniff::maybe);
    EXPECT_EQ(protocol.sniff(as_bytes("P")), Sniff::maybe);
    EXPECT_EQ(protocol.sniff(as_bytes("AMQP")), Sniff::no);
}

}  // namespace
}  // namespace fantail::server

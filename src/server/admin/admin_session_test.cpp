// SPDX-License-Identifier: Apache-2.0
//! Whole requests against a fake host, backend and a real catalog: logins, answers, refusals, and what reaches the broker.
#include "server/admin/admin_session.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "record/field_table.hpp"

namespace fantail::server {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

const std::string admin_login = http::basic_authorization("admin", "right");

/// The process: answers at once, as if the next turn had come.
class FakeBackend final : public AdminBackend {
public:
    const broker::Catalog& catalog(CoreId) const override { return topology; }
    ProcessReport process() const override { return {.ready = ready, .uptime_ms = 5000, .resident_bytes = 1000}; }
    void list_queues(Asker, std::optional<VhostId> vhost,
                     std::function<void(std::vector<broker::QueueDefinitionRef>)> done) override {
        std::vector<broker::QueueDefinitionRef> rows;
        BucketWalk walk;
        (void)topology.some_queues(walk, 1000, [&](const broker::QueueDefinitionRef& queue) {
            if (!vhost || queue->vhost == *vhost) rows.push_back(queue);
        });
        done(std::move(rows));
    }
    void list_exchanges(Asker, std::optional<VhostId> vhost,
                        std::function<void(std::vector<ExchangeRow>)> done) override {
        std::vector<ExchangeRow> rows;
        topology.for_each_exchange([&](const broker::ExchangeDefinition& exchange) {
            if (!vhost || exchange.vhost == *vhost) rows.push_back({exchange, topology.binding_count(exchange)});
        });
        done(std::move(rows));
    }
    void list_bindings(Asker, std::optional<VhostId> vhost,
                       std::function<void(std::vector<broker::BindingDefinition>)> done) override {
        std::vector<broker::BindingDefinition> rows;
        topology.for_each_binding([&](const broker::BindingDefinition& binding) {
            if (!vhost || binding.vhost == *vhost) rows.push_back(binding);
        });
        done(std::move(rows));
    }
    void gather_queues(Asker, Wanted wanted, std::function<void(std::vector<broker::QueueFigures>)> done) override {
        std::vector<broker::QueueFigures> found;
        for (const auto& each : figures)
            if (std::ranges::find(*wanted, each.queue) != wanted->end()) found.push_back(each);
        asked = wanted->size();
        done(std::move(found));
    }
    void gather_connections(Asker, std::function<void(std::vector<ConnectionRow>)> done) override { done(connections); }
    void gather_reports(Asker, ReportScope, std::function<void(std::vector<CoreReport>)> done) override {
        CoreReport report{.connections = 3, .queues = figures};
        report.logs.push_back({ShardId(0), {}, log_state});
        for (const auto& each : figures) report.totals.add(each);
        done({report});
    }
    void calculate(Asker, std::move_only_function<void()> work, std::function<void()> done) override {
        work();
        done();
    }
    void close_connection(Asker, ConnectionId id, std::string, std::function<void(bool)> done) override {
        done(id.value == 77);
    }

    broker::Catalog topology;
    std::vector<broker::QueueFigures> figures;
    std::vector<ConnectionRow> connections;
    storage::LogState log_state = storage::LogState::ok;
    std::size_t asked = 0;
    bool ready = true;
};

class FakeHost final : public protocols::SessionHost, public broker::Port {
public:
    explicit FakeHost(FakeBackend& backend) : backend_(backend) {}
    ConnectionId id() const override { return ConnectionId(20); }
    const protocols::PeerInfo& peer() const override { return peer_; }
    const Now& now() const override { return now_; }
    broker::Port& broker() override { return *this; }
    Bytes& out() override { return sent; }
    std::size_t unsent() const override { return 0; }
    void resume_input() override { ++resumed; }
    void hold_input(bool) override {}
    bool input_held() const override { return false; }
    void close() override { closed = true; }
    const broker::CatalogView& catalog() const override { return backend_.topology; }
    CoreId core() const override { return CoreId(0); }
    std::uint16_t shard_count() const override { return 1; }
    void send(ShardId, RequestId request, broker::ShardCommand command) override {
        last_request = request;
        shard_commands.push_back(std::move(command));
    }
    void send(RequestId request, broker::AdminCommand command) override {
        last_request = request;
        commands.push_back(std::move(command));
    }
    void check_login(RequestId request, std::string_view user, std::string_view password) override {
        Result<void> outcome;
        if (busy) outcome = fail(ErrorCode::unavailable, "too many logins");
        else if (backend_.topology.user(user) == nullptr || password != "right")
            outcome = fail(ErrorCode::not_authenticated, "wrong");
        logins.push_back({request, std::move(outcome)});
    }
    std::uint64_t random() override { return 4; }
    bool send_direct(ConnectionId, ConsumerId, SharedBytes) override { return false; }

    Bytes sent;
    std::vector<broker::AdminCommand> commands;
    std::vector<broker::ShardCommand> shard_commands;
    std::vector<broker::LoginChecked> logins;  ///< answers that are due
    bool busy = false;
    RequestId last_request;
    int resumed = 0;
    bool closed = false;

private:
    FakeBackend& backend_;
    protocols::PeerInfo peer_;
    Now now_;
};

struct Answer {
    int status = 0;
    std::string head;
    json::value body;
    [[nodiscard]] std::string error() const { return std::string(body.at("error").as_string()); }
};

class Admin : public testing::Test {
protected:
    Admin() {
        apply(broker::VhostPut{{.id = VhostId(1), .name = "/"}});
        apply(broker::UserPut{{.name = "admin", .password_hash = to_bytes(as_bytes("h")), .tags = {"administrator"}}});
        apply(broker::UserPut{{.name = "plain"}});
    }
    void apply(const broker::CatalogChange& change) {
        Bytes bytes;
        encode_change(change, bytes);
        ASSERT_TRUE(backend_.topology.apply(bytes));
    }
    void add_queue(std::uint64_t id, const std::string& name, std::uint64_t ready) {
        broker::QueueDefinition queue;
        queue.id = QueueId(id);
        queue.vhost = VhostId(1);
        queue.name = name;
        apply(broker::QueuePut{queue});
        backend_.figures.push_back({.queue = QueueId(id), .ready = ready});
    }
    /// Sends text and gives what came back since.
    std::string say(const std::string& text) {
        host_.sent.clear();
        session_.on_bytes(as_bytes(text));
        answer_logins();
        return std::string(as_text(host_.sent));
    }
    void answer_logins() {
        for (broker::LoginChecked& each : std::exchange(host_.logins, {})) {
            broker::Event event = std::move(each);
            session_.on_event(event);
        }
    }
    static Answer parse(const std::string& text) {
        const std::size_t end = text.find("\r\n\r\n");
        if (end == std::string::npos) return {};
        boost::system::error_code not_json;
        return {std::stoi(text.substr(9, 3)), text.substr(0, end), json::parse(text.substr(end + 4), not_json)};
    }
    Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
               const std::string& login = admin_login) {
        return parse(say(method + " " + target + " HTTP/1.1\r\nHost: h\r\n" +
                         (login.empty() ? "" : "Authorization: " + login + "\r\n") +
                         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
    }
    /// The controller's answer to the last command.
    Answer reply(Result<void> outcome = {}) {
        host_.sent.clear();
        broker::Event event = broker::AdminReply{.request = host_.last_request, .outcome = std::move(outcome)};
        session_.on_event(event);
        return parse(std::string(as_text(host_.sent)));
    }
    template <class T>
    const T& command() {
        EXPECT_EQ(host_.commands.size(), 1u);
        return std::get<T>(host_.commands.back());
    }

    FakeBackend backend_;
    FakeHost host_{backend_};
    AdminSession session_{host_, backend_};
};

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

TEST_F(Admin, AUserWithoutTheTagIsNoAdministrator) {
    EXPECT_EQ(ask("GET", "/api/users", "", http::basic_authorization("plain", "right")).status, 0);
    session_.on_tick();
    EXPECT_EQ(parse(std::string(as_text(host_.sent))).status, 401);
}

TEST_F(Admin, UnknownPathsAndMethodsAreRefused) {
    EXPECT_EQ(ask("GET", "/api/nothing").status, 404);
    EXPECT_EQ(ask("GET", "/").status, 404);
    const Answer method = ask("POST", "/api/users/x");
    EXPECT_EQ(method.status, 405);
    EXPECT_THAT(method.head, HasSubstr("Allow: PUT, DELETE"));
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
    EXPECT_EQ(reply().status, 200);
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
    EXPECT_EQ(page.body.at("items").at(1).at("ready").to_number<int>(), 4);
    EXPECT_EQ(backend_.asked, 2u) << "only the page's queues";
    EXPECT_EQ(ask("GET", "/api/queues?offset=50").body.at("items").as_array().size(), 0u);
    EXPECT_EQ(ask("GET", "/api/queues?name=7").body.at("total").as_int64(), 1);
    EXPECT_EQ(ask("GET", "/api/queues/%2F").body.at("total").as_int64(), 10);
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
    EXPECT_THAT(ask("GET", "/api/queues?page=2").error(), HasSubstr("page out of range"));
    for (const char* bad : {"page=0", "page=x", "page=1&page_size=0", "page=1&page_size=501", "use_regex=true"})
        EXPECT_EQ(ask("GET", std::string("/api/queues?") + bad).status, 400) << bad;
}

TEST_F(Admin, AsksOneQueuesOwnShard) {
    add_queue(100, "a/b", 5);
    EXPECT_EQ(ask("GET", "/api/queues/%2F/a%2Fb").status, 0);
    ASSERT_EQ(host_.shard_commands.size(), 1u);
    EXPECT_EQ(std::get<broker::Inspect>(host_.shard_commands[0]).queue, QueueId(100));
    broker::Event counts = broker::QueueCounts{.request = host_.last_request, .ready = 5, .consumers = 2};
    session_.on_event(counts);
    const Answer answer = parse(std::string(as_text(host_.sent)));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.at("name").as_string(), "a/b");
    EXPECT_EQ(answer.body.at("ready").to_number<int>(), 5);
    EXPECT_EQ(ask("GET", "/api/queues/%2F/none").status, 404);
}

TEST_F(Admin, AQueueThatVanishesMeanwhileIsNotFound) {
    add_queue(100, "q", 5);
    (void)ask("POST", "/api/queues/%2F/q/purge");
    host_.sent.clear();
    broker::Event gone = broker::QueueCounts{.request = host_.last_request, .found = false};
    session_.on_event(gone);
    EXPECT_EQ(parse(std::string(as_text(host_.sent))).status, 404);
}

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
    for (const char* body : {"{", "[]", R"({"durable":"yes"})", R"({"arguments":[]})",
                             R"({"arguments":{"x-max-length":"x"}})", R"({"duraable":true})"})
        EXPECT_EQ(ask("PUT", "/api/queues/%2F/new", body).status, 400) << body;
    EXPECT_EQ(ask("PUT", "/api/queues/%2F/amq.mine").status, 403);
    EXPECT_EQ(ask("PUT", "/api/queues/nowhere/new").status, 404);
    EXPECT_TRUE(host_.commands.empty());
}

TEST_F(Admin, TheBrokersRefusalBecomesAStatus) {
    add_queue(100, "q", 5);
    (void)ask("DELETE", "/api/queues/%2F/q?if_empty=true");
    EXPECT_TRUE(command<broker::DeleteQueue>().if_empty);
    const Answer refused = reply(fail(ErrorCode::precondition_failed, "queue 'q' is not empty"));
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.error(), "queue 'q' is not empty");
}

TEST_F(Admin, PutsUsersKeepingWhatIsNotNamed) {
    (void)ask("PUT", "/api/users/admin", R"({"tags":["administrator","x"]})");
    const auto& put = command<broker::PutUser>();
    EXPECT_TRUE(put.keep_password);
    EXPECT_EQ(put.definition.tags.size(), 2u);
    EXPECT_EQ(reply().status, 200);
    host_.commands.clear();
    (void)ask("PUT", "/api/users/new", R"({"password":"p"})");
    EXPECT_FALSE(command<broker::PutUser>().keep_password);
    EXPECT_FALSE(command<broker::PutUser>().definition.password_hash.empty());
    EXPECT_EQ(reply().status, 201);
}

TEST_F(Admin, NeverShowsPasswordHashes) {
    const Answer users = ask("GET", "/api/users");
    EXPECT_EQ(users.body.at("items").as_array().size(), 2u);
    EXPECT_FALSE(users.body.at("items").at(0).as_object().contains("password_hash"));
    EXPECT_TRUE(users.body.at("items").at(0).at("has_password").as_bool());
    EXPECT_FALSE(users.body.at("items").at(1).at("has_password").as_bool());
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
    EXPECT_EQ(ask("PUT", "/api/topic-permissions/nowhere/plain/e", R"({"write":"","read":""})").status, 404);
    EXPECT_EQ(ask("PUT", "/api/topic-permissions/%2F/plain/e", R"({"write":""})").status, 400);
    EXPECT_TRUE(host_.commands.empty());
    (void)ask("PUT", "/api/topic-permissions/%2F/plain/e", R"({"write":"a","read":"b"})");
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
        R"({"pattern":"^q","priority":3,"apply_to":"queues","definition":{"max-length":5,"overflow":"reject-publish"}})");
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

TEST_F(Admin, ClosesConnectionsById) {
    EXPECT_EQ(ask("DELETE", "/api/connections/77").status, 200);
    EXPECT_EQ(ask("DELETE", "/api/connections/78").status, 404);
    EXPECT_EQ(ask("DELETE", "/api/connections/x").status, 400);
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

TEST_F(Admin, NamesThatAreNoUtf8DoNotBreakTheJson) {
    add_queue(100, "bad\xff\xc0name", 1);
    EXPECT_EQ(ask("GET", "/api/queues").body.at("items").at(0).at("name").as_string(), "bad??name");
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

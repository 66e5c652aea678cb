// SPDX-License-Identifier: Apache-2.0
//! For tests: whole requests against a fake host and backend and a real catalog.
#pragma once

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "record/field_table.hpp"
#include "server/admin/admin_session.hpp"

namespace fantail::server {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

inline const std::string admin_login = http::basic_authorization("admin", "right");

/// The process: answers at once, as if the next turn had come.
class FakeBackend final : public AdminBackend {
public:
    const broker::Catalog& catalog(CoreId) const override { return topology; }
    ProcessReport process() const override {
        return {.ready = ready, .alarm = alarm, .uptime_ms = 5000, .resident_bytes = 1000};
    }
    const NodeFacts& facts() const override { return node; }
    std::vector<ListenerRow> listeners() const override { return rows_of_listeners; }
    std::vector<ListenerRow> rows_of_listeners{{"amqp", "127.0.0.1", 5672, {}}};
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
    void gather_connections(Asker, bool, std::function<void(std::vector<ConnectionRow>)> done) override {
        done(connections);
    }
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
        closed = id;
        done(true);
    }

    broker::Catalog topology;
    std::vector<broker::QueueFigures> figures;
    std::vector<ConnectionRow> connections;
    storage::LogState log_state = storage::LogState::ok;
    std::size_t asked = 0;
    bool ready = true;
    std::string alarm;
    NodeFacts node{.name = "fantail@here", .cluster = "fantail", .rabbitmq_version = "4.3.0"};
    ConnectionId closed;
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
        requests.push_back(request);
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
    void open_direct(ConsumerId) override {}
    void close_direct(ConsumerId) override {}
    bool has_direct(ConnectionId, ConsumerId) const override { return false; }
    bool send_direct(ConnectionId, ConsumerId, SharedBytes) override { return false; }

    Bytes sent;
    std::vector<broker::AdminCommand> commands;
    std::vector<RequestId> requests;  ///< of `commands`
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
    [[nodiscard]] std::string error() const { return std::string(body.at("reason").as_string()); }
};

class Admin : public testing::Test {
protected:
    Admin() {
        apply(broker::VhostPut{{.id = VhostId(1), .name = "/"}});
        apply(broker::UserPut{{.name = "admin", .password_hash = to_bytes(as_bytes("h")), .tags = {"administrator"}}});
        apply(broker::UserPut{{.name = "plain"}});
        apply(broker::PermissionPut{{"admin", VhostId(1), ".*", ".*", ".*"}});
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
    Answer reply(Result<void> outcome = {}) { return reply_to(host_.last_request, std::move(outcome)); }
    Answer reply_to(RequestId request, Result<void> outcome = {}) {
        host_.sent.clear();
        broker::Event event = broker::AdminReply{.request = request, .outcome = std::move(outcome)};
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

}  // namespace fantail::server

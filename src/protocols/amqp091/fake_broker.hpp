// SPDX-License-Identifier: Apache-2.0
//! A broker for tests of sessions: a small topology, a record of all commands, and answers when they are wanted.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocols/session.hpp"

namespace fantail::amqp091 {

class FakeCatalog final : public broker::CatalogView {
public:
    FakeCatalog() {
        vhosts["/"] = {.id = VhostId(1), .name = "/"};
        users["guest"].name = "guest";
        add_exchange("", broker::ExchangeType::direct);
        add_exchange("amq.direct", broker::ExchangeType::direct);
        add_exchange("amq.fanout", broker::ExchangeType::fanout);
    }

    std::map<std::string, broker::VhostDefinition, std::less<>> vhosts;
    std::map<std::string, broker::UserDefinition, std::less<>> users;
    std::map<std::string, broker::ExchangeDefinition, std::less<>> exchanges;
    std::map<std::string, broker::QueueDefinition, std::less<>> queues;
    std::vector<broker::BindingDefinition> bindings;
    std::set<std::string, std::less<>> denied;  ///< "write name", "write exchange/key"
    bool entry_denied = false;
    bool repeatable = true;
    std::uint64_t changes = 1;
    mutable std::size_t routed = 0;  ///< calls of route()

    broker::ExchangeDefinition& add_exchange(const std::string& name, broker::ExchangeType type) {
        ++changes;
        static constexpr const char* names[] = {"direct", "fanout", "topic", "headers"};
        auto& exchange = exchanges[name];
        exchange.name = name;
        exchange.vhost = VhostId(1);
        exchange.type = type;
        if (static_cast<std::size_t>(type) < 4) exchange.type_name = names[static_cast<std::size_t>(type)];
        return exchange;
    }
    broker::QueueDefinition& add_queue(const std::string& name, std::uint16_t shard = 0) {
        ++changes;
        auto& queue = queues[name];
        queue.name = name;
        queue.vhost = VhostId(1);
        queue.id = make_id<QueueId>(shard, ++queue_count_);
        return queue;
    }
    void bind(const std::string& exchange, const std::string& queue, const std::string& key = "") {
        ++changes;
        bindings.push_back({.vhost = VhostId(1), .source = exchange, .destination = queue, .routing_key = key});
    }

    std::uint64_t version() const override { return changes; }
    const broker::VhostDefinition* vhost(std::string_view name) const override { return find(vhosts, name); }
    const broker::UserDefinition* user(std::string_view name) const override { return find(users, name); }
    const broker::ExchangeDefinition* exchange(VhostId, std::string_view name) const override {
        return find(exchanges, name);
    }
    const broker::QueueDefinition* queue(VhostId, std::string_view name) const override { return find(queues, name); }
    const broker::QueueDefinition* queue(QueueId id) const override {
        for (const auto& [name, queue] : queues) {
            if (queue.id == id) return &queue;
        }
        return nullptr;
    }
    void route(const broker::ExchangeDefinition& exchange, const broker::RoutingFacts& facts,
               broker::Route& out) const override {
        ++routed;
        out = {};
        out.repeatable = repeatable;
        if (exchange.type == broker::ExchangeType::recent_history) out.histories.push_back(exchange.id);
        route_key(exchange, facts.routing_key, out);
        for (const std::string_view key : facts.more_keys) route_key(exchange, key, out);
    }
    bool permits(std::string_view, VhostId, broker::Operation operation, std::string_view resource) const override {
        static constexpr const char* words[] = {"configure ", "write ", "read "};
        return !denied.contains(words[static_cast<std::size_t>(operation)] + std::string(resource));
    }
    bool permits_topic(std::string_view, VhostId, broker::Operation operation, std::string_view exchange,
                       std::string_view key) const override {
        const std::string word = operation == broker::Operation::write ? "write " : "read ";
        return !denied.contains(word + std::string(exchange) + "/" + std::string(key));
    }
    const broker::TopicDefinition* topic(VhostId, std::string_view) const override { return nullptr; }
    const broker::TopicDefinition* topic(TopicId) const override { return nullptr; }
    void for_each_topic(VhostId, const std::function<void(const broker::TopicDefinition&)>&) const override {}
    bool may_enter(std::string_view, VhostId) const override { return !entry_denied; }

private:
    template <class Map>
    static const typename Map::mapped_type* find(const Map& map, std::string_view name) {
        const auto found = map.find(name);
        return found == map.end() ? nullptr : &found->second;
    }
    void route_key(const broker::ExchangeDefinition& exchange, std::string_view key, broker::Route& out) const {
        const auto add = [&](const broker::QueueDefinition* queue) {
            if (queue != nullptr && std::ranges::find(out.queues, queue) == out.queues.end())
                out.queues.push_back(queue);
        };
        if (exchange.name.empty()) return add(find(queues, key));
        for (const auto& binding : bindings) {
            const bool all =
                exchange.type == broker::ExchangeType::fanout || exchange.type == broker::ExchangeType::recent_history;
            if (binding.source == exchange.name && (all || binding.routing_key == key))
                add(find(queues, binding.destination));
        }
    }
    std::uint64_t queue_count_ = 0;
};

/// Host and port of one session. Records commands; answers those it knows if `answers` is on.
class FakeBroker final : public protocols::SessionHost, public broker::Port {
public:
    struct Sent {
        ShardId shard;
        RequestId request;
        broker::ShardCommand command;
    };
    struct SentAdmin {
        RequestId request;
        broker::AdminCommand command;
    };
    struct Direct {
        ConnectionId connection;
        ConsumerId consumer;
        SharedBytes batch;
    };

    FakeCatalog topology;
    protocols::PeerInfo peer_info{.address = "127.0.0.1:5", .local_address = "127.0.0.1:5672", .loopback = true};
    Now time{WallTime{1'700'000'000'000}, MonoTime{1'000'000'000}};
    Bytes output;
    bool closed = false;
    bool held = false;
    int resumed = 0;  ///< calls of resume_input()
    bool answers = true;
    bool records = true;
    ErrorCode consumer_error{};  ///< answer to AddConsumer, if has_consumer_error
    bool has_consumer_error = false;
    std::optional<Error> admin_error;  ///< answer to the next admin command
    std::optional<Error> login_error;  ///< answer to check_login()
    std::size_t logins = 0;            ///< calls of check_login()
    bool accept_appends = true;
    std::optional<broker::Deliver> next_get;
    std::vector<Sent> sent;
    std::vector<SentAdmin> admin;
    std::vector<Direct> direct;
    std::set<std::pair<ConnectionId, ConsumerId>> direct_open;
    std::deque<broker::Event> events;

    template <class Command>
    [[nodiscard]] std::vector<Command> all() const {
        std::vector<Command> out;
        for (const Sent& s : sent) {
            if (const auto* command = std::get_if<Command>(&s.command)) out.push_back(*command);
        }
        return out;
    }
    template <class Command>
    [[nodiscard]] std::vector<Command> all_admin() const {
        std::vector<Command> out;
        for (const SentAdmin& s : admin) {
            if (const auto* command = std::get_if<Command>(&s.command)) out.push_back(*command);
        }
        return out;
    }

    // SessionHost
    ConnectionId id() const override { return ConnectionId(77); }
    const protocols::PeerInfo& peer() const override { return peer_info; }
    const Now& now() const override { return time; }
    broker::Port& broker() override { return *this; }
    Bytes& out() override { return output; }
    std::size_t unsent() const override { return output.size(); }
    void resume_input() override { ++resumed; }
    void hold_input(bool hold) override { held = hold; }
    bool input_held() const override { return held; }
    void close() override { closed = true; }

    // Port
    const broker::CatalogView& catalog() const override { return topology; }
    CoreId core() const override { return CoreId(0); }
    std::uint16_t shard_count() const override { return 1; }
    void send(ShardId shard, RequestId request, broker::ShardCommand command) override {
        if (answers) std::visit([&](const auto& c) { answer(request, c); }, command);
        if (records) sent.push_back({shard, request, std::move(command)});
    }
    void send(RequestId request, broker::AdminCommand command) override {
        if (answers) std::visit([&](const auto& c) { answer_admin(request, c); }, command);
        admin.push_back({request, std::move(command)});
    }
    void check_login(RequestId request, std::string_view user, std::string_view password) override {
        ++logins;
        Result<void> outcome;
        if (login_error) outcome = std::unexpected(*login_error);
        else if (user != "guest" || password != "guest") outcome = fail(ErrorCode::not_authenticated, "wrong");
        if (answers) events.push_back(broker::LoginChecked{request, std::move(outcome)});
    }
    std::uint64_t random() override { return ++random_; }
    bool send_direct(ConnectionId to, ConsumerId consumer, SharedBytes batch) override {
        direct.push_back({to, consumer, std::move(batch)});
        return has_direct(to, consumer);
    }
    void open_direct(ConsumerId consumer) override { direct_open.emplace(id(), consumer); }
    void close_direct(ConsumerId consumer) override { direct_open.erase({id(), consumer}); }
    bool has_direct(ConnectionId connection, ConsumerId consumer) const override {
        return direct_open.contains({connection, consumer});
    }

private:
    template <class Command>
    void answer(RequestId, const Command&) {}
    void answer(RequestId request, const broker::Append& command) {
        if (command.confirm) events.push_back(broker::Appended{request, accept_appends});
    }
    void answer(RequestId request, const broker::AppendOnce& command) { answer(request, command.append); }
    void answer(RequestId request, const broker::Remember& command) {
        if (command.confirm) events.push_back(broker::Appended{.request = request, .missed = !command.alone});
    }
    void answer(RequestId request, const broker::AddConsumer& command) {
        Result<void> outcome;
        if (has_consumer_error) outcome = fail(consumer_error, "refused");
        events.push_back(broker::ConsumerAdded{request, command.consumer, outcome});
    }
    void answer(RequestId request, const broker::Inspect& command) {
        events.push_back(broker::QueueCounts{
            .request = request, .ready = 3, .consumers = 2, .found = topology.queue(command.queue) != nullptr});
    }
    void answer(RequestId request, const broker::Purge&) {
        events.push_back(broker::QueueCounts{.request = request, .purged = 5});
    }
    void answer(RequestId request, const broker::Get&) {
        broker::GetResult result{.request = request, .ready_left = 4};
        if (next_get) result.message = *std::exchange(next_get, std::nullopt);
        events.push_back(result);
    }

    void reply(RequestId request, Result<void> outcome, std::string name = {}, QueueId queue = {},
               std::uint64_t messages = 0) {
        events.push_back(broker::AdminReply{.request = request,
                                            .outcome = std::move(outcome),
                                            .name = std::move(name),
                                            .queue = queue,
                                            .messages = messages});
    }
    bool refuse_next(RequestId request) {
        if (!admin_error) return false;
        const Error error = *std::exchange(admin_error, std::nullopt);
        reply(request, std::unexpected(error));
        return true;
    }
    template <class Command>
    void answer_admin(RequestId request, const Command&) {
        if (request.value != 0 && !refuse_next(request)) reply(request, {});
    }
    void answer_admin(RequestId request, const broker::DeclareQueue& command) {
        if (refuse_next(request)) return;
        const std::string name = command.name.empty() ? command.name_prefix + "made" : command.name;
        const auto* existing = topology.queue(command.vhost, name);
        if (existing != nullptr) {
            const bool same = existing->durable == command.durable && existing->kind == command.kind &&
                              existing->arguments == command.arguments &&
                              existing->auto_delete == command.auto_delete &&
                              existing->exclusive_owner.has_value() == command.exclusive;
            if (!same) return reply(request, fail(ErrorCode::already_exists, "differs"));
            return reply(request, {}, name, existing->id, 3);
        }
        auto& queue = topology.add_queue(name);
        queue.kind = command.kind;
        queue.durable = command.durable;
        queue.auto_delete = command.auto_delete;
        queue.arguments = command.arguments;
        queue.declared = command.options;
        queue.options = command.options;
        if (command.exclusive) queue.exclusive_owner = id();
        reply(request, {}, name, queue.id);
    }
    void answer_admin(RequestId request, const broker::DeleteQueue& command) {
        if (refuse_next(request)) return;
        if (topology.queue(command.vhost, command.name) == nullptr)
            return reply(request, fail(ErrorCode::not_found, "no queue"));
        topology.queues.erase(command.name);
        ++topology.changes;
        reply(request, {}, {}, {}, 7);
    }
    void answer_admin(RequestId request, const broker::DeclareExchange& command) {
        if (refuse_next(request)) return;
        const auto* existing = topology.exchange(command.definition.vhost, command.definition.name);
        if (existing != nullptr && existing->type_name != command.definition.type_name)
            return reply(request, fail(ErrorCode::already_exists, "differs"));
        topology.exchanges[command.definition.name] = command.definition;
        ++topology.changes;
        reply(request, {});
    }
    void answer_admin(RequestId request, const broker::Bind& command) {
        if (refuse_next(request)) return;
        const auto& binding = command.binding;
        const bool there = binding.to_exchange ? topology.exchange(binding.vhost, binding.destination) != nullptr
                                               : topology.queue(binding.vhost, binding.destination) != nullptr;
        if (!there || topology.exchange(binding.vhost, binding.source) == nullptr)
            return reply(request, fail(ErrorCode::not_found, "missing"));
        topology.bindings.push_back(binding);
        ++topology.changes;
        reply(request, {});
    }

    std::uint64_t random_ = 0x1234;
};

}  // namespace fantail::amqp091

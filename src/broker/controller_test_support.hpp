// SPDX-License-Identifier: Apache-2.0
//! A host of the controller that is played by the test, and what the controller's tests say to it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "broker/controller.hpp"
#include "record/field_table.hpp"

namespace fantail::broker::testing {

/// Carries out effects on one catalog; barriers, durability and shards' answers come when the test says so.
class FakeControllerHost final : public ControllerHost {
public:
    explicit FakeControllerHost(Catalog& catalog) : catalog_(catalog) {}
    Lsn log_change(ByteView change) override {
        log.push_back(to_bytes(change));
        return Lsn(log.size());
    }
    void broadcast(std::shared_ptr<const CatalogChange> change, RequestId barrier) override {
        const auto effect = catalog_.apply(*change);
        ASSERT_TRUE(effect.has_value()) << effect.error().message;
        shown.push_back(*change);
        barriers.push_back(barrier);
    }
    void send(ShardId shard, RequestId request, ShardCommand command) override {
        if (const auto* recall = std::get_if<Recall>(&command)) recalls.push_back({shard, request, *recall});
        else if (const auto* close = std::get_if<CloseQueue>(&command))
            questions.push_back({shard, request, close->queue, *close});
        else questions.push_back({shard, request, std::get<Inspect>(command).queue, std::nullopt});
    }
    void emit(ConnectionId to, Event event) override {
        if (auto* reply = std::get_if<AdminReply>(&event)) replies.push_back({to, std::move(*reply)});
        else closes.push_back({to, std::get<CloseRequested>(event).reason});
    }
    std::uint64_t random() override { return random_(); }

    struct Question {
        ShardId shard;
        RequestId request;
        QueueId queue;
        std::optional<CloseQueue> close;
    };
    std::vector<Bytes> log;
    std::vector<CatalogChange> shown;
    std::deque<RequestId> barriers;
    std::deque<Question> questions;
    std::deque<std::tuple<ShardId, RequestId, Recall>> recalls;
    std::deque<std::pair<ConnectionId, AdminReply>> replies;
    std::vector<std::pair<ConnectionId, std::string>> closes;

private:
    Catalog& catalog_;
    std::mt19937_64 random_{42};
};

constexpr ConnectionId alice{100};
constexpr ConnectionId bob{200};

class ControllerTest : public ::testing::Test {
protected:
    explicit ControllerTest(ControllerOptions options = default_options())
        : controller(catalog, host, std::move(options)) {
        controller.bootstrap();
        settle();
        root = catalog.vhost("/")->id;
        host.log.clear();
        host.shown.clear();
    }
    static ControllerOptions default_options() {
        ControllerOptions options;
        options.shard_count = 4;
        ExchangeDefinition topic;
        topic.name = "pre.topic";
        topic.type = ExchangeType::topic;
        topic.type_name = "topic";
        options.predeclared.push_back(topic);
        UserDefinition user;
        user.name = "guest";
        options.default_users.push_back(user);
        return options;
    }

    RequestId send(ConnectionId from, AdminCommand command) {
        const RequestId request(++requests_);
        controller.handle({from, request}, std::move(command), {});
        return request;
    }
    /// Everything on its way arrives: questions (answered with `counts`), barriers, durability.
    void settle(QueueCounts counts = {}) {
        while (!host.questions.empty()) answer_question(counts);
        reach_barriers();
        controller.on_durable(Lsn(1'000'000));
    }
    void answer_question(QueueCounts counts = {}) {
        const auto question = host.questions.front();
        host.questions.pop_front();
        counts.request = question.request;
        counts.found = catalog.queue(question.queue) != nullptr;
        if (question.close) {
            const bool used = (question.close->if_unused || question.close->if_abandoned) && counts.consumers > 0;
            counts.closed = counts.found && !used && !(question.close->if_empty && counts.ready > 0);
        }
        controller.on_event(counts);
    }
    void reach_barriers() {
        while (!host.barriers.empty()) {
            const RequestId barrier = host.barriers.front();
            host.barriers.pop_front();
            controller.on_barrier(barrier);
        }
    }
    AdminReply take() {
        EXPECT_FALSE(host.replies.empty());
        if (host.replies.empty()) return {.outcome = fail(ErrorCode::internal, "no reply")};
        AdminReply reply = std::move(host.replies.front().second);
        host.replies.pop_front();
        return reply;
    }
    AdminReply ask(ConnectionId from, AdminCommand command, QueueCounts counts = {}) {
        const RequestId request = send(from, std::move(command));
        settle(counts);
        AdminReply reply = take();
        EXPECT_EQ(reply.request, request);
        return reply;
    }
    std::string refused(ConnectionId from, AdminCommand command, ErrorCode code, QueueCounts counts = {}) {
        const AdminReply reply = ask(from, std::move(command), counts);
        if (reply.outcome) return "was done";
        EXPECT_EQ(reply.outcome.error().code, code);
        return reply.outcome.error().message;
    }

    DeclareQueue queue(const std::string& name, bool durable = true) const {
        DeclareQueue command;
        command.vhost = root;
        command.name = name;
        command.durable = durable;
        return command;
    }
    DeclareQueue exclusive(const std::string& name) const {
        DeclareQueue command = queue(name, false);
        command.exclusive = true;
        return command;
    }
    DeclareExchange exchange(const std::string& name, bool auto_delete = false) const {
        DeclareExchange command;
        command.definition.vhost = root;
        command.definition.name = name;
        command.definition.type_name = "direct";
        command.definition.auto_delete = auto_delete;
        return command;
    }
    BindingDefinition binding(const std::string& from, const std::string& to, const std::string& key = "",
                              bool to_exchange = false) const {
        return {root, from, to, to_exchange, key, {}};
    }
    PolicyDefinition policy(const std::string& name, const std::string& pattern, QueueOptions options,
                            bool is_operator = false) const {
        PolicyDefinition made;
        made.vhost = root;
        made.name = name;
        made.pattern = pattern;
        made.options = std::move(options);
        made.is_operator = is_operator;
        return made;
    }

    Catalog catalog;
    FakeControllerHost host{catalog};
    Controller controller;
    VhostId root;

private:
    std::uint64_t requests_ = 0;
};

}  // namespace fantail::broker::testing

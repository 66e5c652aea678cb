// SPDX-License-Identifier: Apache-2.0
//! Cursor groups in a test world: a log double that can crash, a clock, and short words for commands and answers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "broker/groups/fake_topics.hpp"
#include "broker/groups/group_table.hpp"

namespace fantail::broker::testing {

inline constexpr QueueId log_a = make_id<QueueId>(1, 1);
inline constexpr QueueId log_b = make_id<QueueId>(1, 2);
inline constexpr std::int32_t session_ms = 10'000;
inline constexpr std::int32_t rebalance_ms = 30'000;
inline constexpr std::int32_t first_delay_ms = 50;  ///< GroupLimits

class GroupWorld : public GroupHost {
public:
    GroupWorld() { now = {WallTime{1'700'000'000'000}, MonoTime{1'000'000'000}}; }

    // GroupHost
    void answer(const Origin& to, GroupAnswer answer) override {
        EXPECT_TRUE(answers.emplace(to.request, std::move(answer)).second) << "answered twice: " << to.request.value;
    }
    Lsn persist(ByteView change, bool) override {
        EXPECT_TRUE(is_group_change(change));
        EXPECT_LE(change.size(), 1u << 20);
        log.push_back(to_bytes(change));
        return Lsn(log.size());
    }
    std::uint64_t random() override { return ++randoms * 0x9E37'79B9'7F4A'7C15u; }
    const CatalogView& catalog() const override { return topics; }

    RequestId send(GroupAction action) {
        const RequestId request(++requests);
        GroupCommand command{group, std::make_unique<GroupAction>(std::move(action))};
        table->handle({ConnectionId(1), request}, std::move(command), now);
        return request;
    }
    /// The disk catches up.
    void sync() {
        durable = log.size();
        table->on_durable(Lsn(durable));
    }
    [[nodiscard]] bool answered(RequestId request) const { return answers.contains(request); }
    template <class T>
    T take(RequestId request) {
        const auto at = answers.find(request);
        if (at == answers.end() || !std::holds_alternative<T>(at->second)) {
            ADD_FAILURE() << "no such answer to " << request.value;
            return {};
        }
        T answer = std::get<T>(std::move(at->second));
        answers.erase(at);
        return answer;
    }
    template <class T>
    T call(GroupAction action) {
        const RequestId request = send(std::move(action));
        sync();
        return take<T>(request);
    }
    GroupOutcome outcome_of(GroupAction action) { return call<GroupDone>(std::move(action)).outcome; }
    GroupDescribed describe() { return call<GroupDescribed>(DescribeGroup{}); }
    GroupState state() { return describe().state; }

    /// Time goes by; timers fire when they are due.
    void pass_ms(std::int64_t ms) {
        const MonoTime end = now.mono.plus_ms(ms);
        while (table->deadline() <= end) {
            go_to(std::max(table->deadline(), now.mono));
            table->on_tick(now);
            if (disk_is_quick) sync();
        }
        go_to(end);
    }
    void go_to(MonoTime time) {
        now.wall.ms += (time.ns - now.mono.ns) / 1'000'000;
        now.mono = time;
    }

    void take_snapshot() {
        snapshot = encoded(*table);
        snapshot_at = log.size();
    }
    void take_snapshot_if_durable() {
        if (durable == log.size()) take_snapshot();
    }
    static Bytes encoded(const GroupTable& from) {
        Bytes bytes;
        Writer out(bytes);
        from.encode(out);
        return bytes;
    }
    /// The process dies; what was not durable is lost, and so are its clients' requests.
    void crash() {
        log.resize(std::max(durable, snapshot_at));
        durable = log.size();
        answers.clear();
        table = replayed();
        table->recovered(now, [this](QueueId id) { return !missing.contains(id); });
        sync();
    }
    /// Another table that reads what this one wrote.
    std::unique_ptr<GroupTable> replayed() {
        auto fresh = std::make_unique<GroupTable>(*this);
        Reader in(snapshot);
        if (!snapshot.empty()) {
            EXPECT_TRUE(fresh->decode(in));
            EXPECT_TRUE(in.done());
        }
        for (std::size_t at = snapshot_at; at < log.size(); ++at) EXPECT_TRUE(fresh->apply(log[at]).has_value());
        return fresh;
    }

    FakeTopics topics;
    std::string group = "billing";
    bool disk_is_quick = true;  ///< as time goes by
    Now now;
    std::vector<Bytes> log;
    std::size_t durable = 0;
    Bytes snapshot;
    std::size_t snapshot_at = 0;
    std::set<QueueId> missing;  ///< logs that a restart does not find
    std::map<RequestId, GroupAnswer> answers;
    std::uint64_t requests = 0;
    std::uint64_t randoms = 0;
    std::unique_ptr<GroupTable> table = std::make_unique<GroupTable>(*this);
};

inline GroupProtocol protocol(std::string name, std::string metadata = "m",
                              std::optional<std::vector<std::string>> topics = std::nullopt) {
    return {std::move(name), to_bytes(as_bytes(metadata)), std::move(topics)};
}

inline JoinGroup join(std::string member = {}, std::vector<GroupProtocol> protocols = {protocol("range")}) {
    JoinGroup command;
    command.member = std::move(member);
    command.client_id = "client";
    command.client_host = "/127.0.0.1";
    command.protocol_type = "consumer";
    command.protocols = std::move(protocols);
    command.session_timeout_ms = session_ms;
    command.rebalance_timeout_ms = rebalance_ms;
    return command;
}

inline JoinGroup join_static(std::string instance, std::string member = {}) {
    JoinGroup command = join(std::move(member));
    command.instance = std::move(instance);
    return command;
}

inline SyncGroup sync_of(const GroupJoined& joined) {
    SyncGroup command;
    command.generation = joined.generation;
    command.member = joined.member;
    for (const GroupMemberMetadata& each : joined.members)
        command.assignments.push_back({each.member, to_bytes(as_bytes("for " + each.member))});
    return command;
}

inline GroupHeartbeat beat(const GroupJoined& joined) { return {joined.generation, joined.member, {}}; }

inline CommitOffsets commit(std::int32_t generation, std::string member, std::uint64_t offset, QueueId log = log_a) {
    CommitOffsets command;
    command.generation = generation;
    command.member = std::move(member);
    command.offsets.push_back({log, Offset(offset), 7, "note"});
    return command;
}

/// Members that joined together and were assigned; the leader first.
inline std::vector<GroupJoined> stable_group(GroupWorld& w, const std::vector<JoinGroup>& joins) {
    std::vector<RequestId> requests;
    for (const JoinGroup& each : joins) requests.push_back(w.send(each));
    w.pass_ms(1'000);
    std::vector<GroupJoined> members;
    for (const RequestId request : requests) members.push_back(w.take<GroupJoined>(request));
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return !a.members.empty() && b.members.empty(); });
    for (const GroupJoined& each : members) {
        EXPECT_EQ(each.outcome, GroupOutcome::ok);
        EXPECT_EQ(w.call<GroupSynced>(sync_of(each)).outcome, GroupOutcome::ok);
    }
    return members;
}

inline std::vector<GroupJoined> stable_group(GroupWorld& w, std::size_t count) {
    return stable_group(w, std::vector<JoinGroup>(count, join()));
}

}  // namespace fantail::broker::testing

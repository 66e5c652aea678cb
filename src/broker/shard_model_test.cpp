// SPDX-License-Identifier: Apache-2.0
//! Random histories of one shard, with crashes, against what every consumer is promised.
#include <gtest/gtest.h>

#include <random>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

/// What became of one message, by its body.
struct Fate {
    QueueId queue;
    std::uint64_t offset = 0;
    std::uint8_t level = 0;
    bool transient = false;
    bool durable = false;  ///< its confirm came
    bool settled = false;
    bool settled_durably = false;
    bool delivered = false;  ///< in this life of the process
    bool held = false;
    bool may_be_gone = false;  ///< published or settled without having become durable before a crash
};

class Model {
public:
    explicit Model(unsigned seed) : random_(seed) {
        w_.shard->set_tail_cache_limit(seed % 2 == 0 ? 3000 : 1 << 20);
        QueueOptions levels;
        levels.priority_max = 2;
        w_.put(definition(q1, seed % 3 == 0 ? QueueKind::quorum : QueueKind::classic));
        w_.put(definition(q2, QueueKind::classic, levels));
    }

    void run(int steps) {
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            step();
            look();
        }
        finale();
    }

private:
    void step() {
        const unsigned what = random_() % 100;
        if (what < 30) publish();
        else if (what < 40) add_consumer();
        else if (what < 65) settle();
        else if (what < 70) detach();
        else if (what < 73) w_.send(connection(), SetFlow{queue(), ConsumerId(random_() % 3), random_() % 3 > 0, {}});
        else if (what < 77) get();
        else if (what < 85) sync();
        else if (what < 87 && random_() % 2 == 0) w_.take_checkpoint();
        else if (what < 89) crash();
        else w_.turn();
    }
    QueueId queue() { return random_() % 2 == 0 ? q1 : q2; }
    ConnectionId connection() { return ConnectionId(1 + random_() % 3); }

    void publish() {
        const bool transient = random_() % 4 == 0;
        const bool both = random_() % 5 == 0;
        const QueueId to = queue();
        const auto level = static_cast<std::uint8_t>(to == q2 && !both ? random_() % 3 : 0);
        std::vector<AppendTarget> targets{{to, level}};
        if (both) targets = {{q1, 0}, {q2, 0}};
        std::vector<Message> messages;
        for (unsigned n = 1 + random_() % 6; n > 0; --n) messages.push_back({std::to_string(++bodies_)});
        const RequestId request = w_.publish(targets, messages, transient);
        for (const AppendTarget& t : targets) {
            for (const Message& m : messages) {
                const bool logged = t.queue == q1 && w_.definitions[q1].kind == QueueKind::quorum;
                fates_[{t.queue, m.body}] = {t.queue, 0, t.level, transient && !logged};
                requests_[request].push_back({t.queue, m.body});
            }
        }
    }
    void add_consumer() {
        AddConsumer c;
        c.settled_on_delivery = random_() % 6 == 0;
        c.priority = static_cast<std::int32_t>(random_() % 2);
        const ConnectionId from = connection();
        const std::uint64_t id = random_() % 3;
        const QueueId to = queue();
        w_.consume(from, id, to, random_() % 8, c);
        for (const auto& answer : w_.take<ConsumerAdded>()) {
            if (answer.outcome) automatic_[{from, answer.consumer, to}] = c.settled_on_delivery;
        }
    }
    void get() {
        w_.send(connection(), Get{queue(), ConsumerId(9), false});
        w_.turn();
    }
    void settle() {
        if (held_.empty()) return;
        const std::size_t at = random_() % held_.size();
        const auto [queue, got] = held_[at];
        held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
        Fate& fate = fates_[{queue, got.body}];
        fate.held = false;
        const unsigned how = random_() % 6;
        const Outcome outcome = how == 0   ? Outcome::requeue
                                : how == 1 ? Outcome::release
                                : how == 2 ? Outcome::reject
                                           : Outcome::accept;
        if (outcome == Outcome::accept || outcome == Outcome::reject) fate.settled = true;
        w_.settle(got, outcome, queue);
    }
    void detach() {
        const ConnectionId gone = connection();
        w_.detach(gone);
        release([&](const Got& g) { return g.connection == gone; });
        std::erase_if(automatic_, [&](const auto& a) { return a.first.connection == gone; });
    }
    template <class Which>
    void release(Which which) {
        std::erase_if(held_, [&](const auto& h) {
            if (which(h.second)) fates_[{h.first, h.second.body}].held = false;
            return which(h.second);
        });
    }
    void sync() {
        w_.turn();
        look();
        w_.sync();
        look();
        for (auto& [key, fate] : fates_) fate.settled_durably = fate.settled_durably || fate.settled;
    }
    void crash() {
        look();
        w_.crash();
        held_.clear();
        automatic_.clear();
        for (auto& [key, fate] : fates_) {
            if (!fate.durable || fate.transient || fate.settled) fate.may_be_gone = true;
            if (!fate.settled_durably) fate.settled = false;
            fate.held = false;
            fate.delivered = false;
        }
        last_fresh_.clear();
    }
    void saw(QueueId queue, const Got& got, bool automatic) {
        Fate& fate = fates_[{queue, got.body}];
        ASSERT_FALSE(fate.settled) << got.body << " came back after it was settled";
        ASSERT_FALSE(fate.held) << got.body << " is held by two";
        ASSERT_TRUE(!fate.delivered || got.redelivered) << got.body << " came twice without a flag";
        if (!got.redelivered) {
            auto& last = last_fresh_[{queue, fate.level}];
            ASSERT_GE(std::stoull(got.body), last) << "out of order";
            last = std::stoull(got.body);
        }
        fate.delivered = true;
        if (automatic) {
            fate.settled = true;
            return;
        }
        fate.held = true;
        held_.emplace_back(queue, got);
    }
    void look() {
        for (const auto& a : w_.take<Appended>()) {
            ASSERT_TRUE(a.accepted);
            for (const auto& key : requests_[a.request]) fates_[key].durable = true;
        }
        for (const auto& e : std::exchange(w_.host.events, {})) {
            if (const auto* d = std::get_if<Deliver>(&e.second))
                see(e.first, *d, automatic_[{e.first, d->consumer, d->queue}]);
            if (const auto* g = std::get_if<GetResult>(&e.second)) see(e.first, g->message, false);
        }
    }
    void see(ConnectionId to, const Deliver& d, bool automatic) {
        for (std::uint32_t i = 0; i < d.count; ++i) {
            saw(d.queue, {to, d.consumer, d.level, d.first.value + i, body_at(*d.batch, d.index + i), d.redelivered},
                automatic);
        }
    }
    /// Everything that must be there comes to a last consumer, nothing else but what may.
    void finale() {
        for (std::uint64_t c = 1; c <= 3; ++c) w_.detach(ConnectionId(c));
        release([](const Got&) { return true; });
        automatic_.clear();
        w_.consume(ConnectionId(7), 1, q1);
        w_.consume(ConnectionId(7), 1, q2);
        w_.turn();
        look();
        for (const auto& [key, fate] : fates_) {
            if (fate.settled || fate.may_be_gone) continue;
            EXPECT_TRUE(fate.held) << key.second << " was lost in queue " << (key.first == q1 ? 1 : 2);
        }
        const std::uint64_t held = static_cast<std::uint64_t>(held_.size());
        EXPECT_EQ(w_.figures(q1).ready + w_.figures(q2).ready, 0u);
        EXPECT_EQ(w_.figures(q1).unsettled + w_.figures(q2).unsettled, held);
        for (const auto& [queue, got] : std::exchange(held_, {})) w_.settle(got, Outcome::accept, queue);
        w_.turn();
        w_.sync();
        EXPECT_EQ(w_.shard->cached_bytes(), 0u);
        for (const auto& [stream, batches] : w_.host.stored) EXPECT_TRUE(batches.empty()) << "space was not given back";
    }

    World w_;
    std::mt19937 random_;
    std::uint64_t bodies_ = 0;
    std::map<std::pair<QueueId, std::string>, Fate> fates_;
    std::map<RequestId, std::vector<std::pair<QueueId, std::string>>> requests_;
    std::map<ConsumerKey, bool> automatic_;
    std::map<std::pair<QueueId, std::uint8_t>, std::uint64_t> last_fresh_;
    std::vector<std::pair<QueueId, Got>> held_;
};

class ShardModel : public ::testing::TestWithParam<unsigned> {};

TEST_P(ShardModel, NothingIsLostOrDoubledOrOutOfOrder) {
    SCOPED_TRACE("repeat with --gtest_filter=*ShardModel*/" + std::to_string(GetParam()));
    Model(GetParam()).run(400);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ShardModel, ::testing::Range(0u, 300u));

}  // namespace
}  // namespace fantail::broker::testing

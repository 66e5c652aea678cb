// SPDX-License-Identifier: Apache-2.0
//! Random work, crashes and reopenings against a naive model: everything durable is there, in order, readable.
#include <gtest/gtest.h>

#include <cstdlib>

#include "storage/local/test_log.hpp"

namespace fantail::storage {
namespace {

/// One operation as the log numbered it.
struct Op {
    std::vector<Target> targets;  ///< empty: a settlement
    std::uint32_t count = 0;
    std::uint64_t id = 0;
    bool transient = false;
    std::uint64_t stream = 0, first = 0, end = 0;
};

class ModelRun {
public:
    explicit ModelRun(std::uint64_t seed)
        : random_(seed), disk_(seed * 31 + 7), owner_(std::make_unique<TestOwner>(disk_)) {}

    void run(int steps) {
        open();
        for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
            const auto dice = below(1000);
            if (dice < 350) append();
            else if (dice < 600) settle();
            else if (dice < 700) owner_->turn(static_cast<std::int64_t>(below(4)));
            else if (dice < 980) step_some();
            else if (dice < 995) read_some();
            else if (dice < 999) crash();
            else stop();
            if (owner_->log->undurable_bytes() > (1 << 20)) owner_->settle_down();
        }
        owner_->settle_down();
        check_all();
        crash();
        owner_->settle_down();
        check_all();
    }
    [[nodiscard]] std::uint64_t crashes() const { return crashes_; }
    [[nodiscard]] std::uint64_t segments_seen() const { return segments_seen_; }

private:
    std::uint64_t below(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random_); }

    void step_some() {
        for (auto n = below(8); n > 0; --n) disk_.step();
    }

    void open() {
        auto opened = owner_->open(small_options());
        ASSERT_TRUE(opened) << opened.error().message;
        ASSERT_FALSE(owner_->broken);
    }

    void append() {
        std::vector<StreamId> streams{StreamId(1 + below(6))};
        if (below(5) == 0)
            for (std::uint64_t s = 10; s < 13; ++s)
                if (below(2)) streams.push_back(StreamId(s));
        const auto count = static_cast<std::uint32_t>(1 + below(5));
        const auto size = below(60) == 0 ? 13000 + below(40000) : 120 + below(below(4) == 0 ? 9000 : 600);
        const bool transient = below(12) == 0;
        Op op{.count = count, .id = owner_->next_id + 1, .transient = transient};
        for (auto s : streams) op.targets.push_back({s, Offset(owner_->state.streams[s.value].next)});
        const auto lsn = owner_->append_to(streams, count, size, transient);
        ops_.push_back(std::move(op));
        ASSERT_EQ(lsn.value, ops_.size());
    }

    void settle() {
        auto& streams = owner_->state.streams;
        if (streams.empty()) return;
        auto at = std::next(streams.begin(), static_cast<std::ptrdiff_t>(below(streams.size())));
        auto& live = at->second.live;
        if (live.empty()) return;
        auto first =
            below(3) == 0 ? std::next(live.begin(), static_cast<std::ptrdiff_t>(below(live.size()))) : live.begin();
        auto end = *first + 1;  // a range of offsets that are all live
        for (auto n = below(below(4) == 0 ? 200 : 4); n > 0 && live.contains(end); --n) ++end;
        Op op{.stream = at->first, .first = *first, .end = end};
        ops_.push_back(op);
        ASSERT_EQ(owner_->settle(op.stream, op.first, op.end).value, ops_.size());
    }

    /// The state that the first `n` operations lead to, transient batches of former processes left out.
    OwnerState model(std::uint64_t n, std::uint64_t transient_from) const {
        OwnerState s;
        for (std::uint64_t i = 0; i < n; ++i) {
            const auto& op = ops_[i];
            if (op.targets.empty()) s.settle(op.stream, op.first, op.end);
            else if (!op.transient || i >= transient_from) s.append(op.targets, op.count, op.id);
        }
        return s;
    }

    void reopen() {
        const auto durable = owner_->durable.value;
        const auto next_id = owner_->next_id;
        owner_ = std::make_unique<TestOwner>(disk_);
        open();
        if (testing::Test::HasFatalFailure()) return;
        owner_->next_id = next_id;
        const auto recovered = owner_->log->durable().value;
        ASSERT_GE(recovered, durable);
        ASSERT_LE(recovered, ops_.size());
        ops_.resize(recovered);
        const auto expected = model(recovered, recovered);
        for (auto& [id, s] : owner_->state.streams) compare(id, s, expected);
        for (const auto& [id, s] : expected.streams) ASSERT_TRUE(s.live.empty() || owner_->state.streams.contains(id));
        drop_transient(expected);
        check_all();
    }

    /// What a checkpoint holds of transient batches is not covered any more: the owner drops it, as the interface says.
    void compare(std::uint64_t id, OwnerState::Stream& s, const OwnerState& expected) {
        auto want = expected.streams.find(id);
        for (auto at = s.live.begin(); at != s.live.end();) {
            const bool is_covered =
                std::ranges::any_of(owner_->covered[id], [&](auto& r) { return *at >= r.first && *at < r.second; });
            at = is_covered ? std::next(at) : s.live.erase(at);
        }
        ASSERT_EQ(s.live, want == expected.streams.end() ? std::set<std::uint64_t>{} : want->second.live)
            << "stream " << id;
    }

    void drop_transient(const OwnerState& expected) {
        for (auto& [id, s] : owner_->state.streams) {
            auto want = expected.streams.find(id);
            s.batches =
                want == expected.streams.end() ? std::map<std::uint64_t, OwnerState::Batch>{} : want->second.batches;
            // The model forgets where transient batches ended; offsets go on behind whatever was used.
            for (const auto& op : ops_)
                for (const auto& t : op.targets)
                    if (t.stream.value == id) s.next = std::max(s.next, t.base.value + op.count);
        }
    }

    void crash() {
        ++crashes_;
        disk_.crash();
        owner_->log.reset();
        reopen();
    }

    void stop() {
        owner_->close();
        ASSERT_TRUE(owner_->closed);
        ASSERT_EQ(owner_->durable.value, ops_.size());
        reopen();
    }

    void read_some() {
        auto& streams = owner_->state.streams;
        if (streams.empty()) return;
        auto at = std::next(streams.begin(), static_cast<std::ptrdiff_t>(below(streams.size())));
        check_stream(at->first, at->second);
    }

    void check_all() {
        segments_seen_ += owner_->log->figures().segments;
        for (auto& [id, s] : owner_->state.streams) check_stream(id, s);
        ASSERT_FALSE(owner_->went_back);
    }

    /// Reads every live offset: each comes back once per pass, in order, with the right contents.
    void check_stream(std::uint64_t id, const OwnerState::Stream& s) {
        for (auto at = s.live.begin(); at != s.live.end();) {
            const auto batches = owner_->read(id, *at, static_cast<std::uint32_t>(1 + below(20000)));
            ASSERT_FALSE(owner_->read_error) << owner_->read_error->message;
            ASSERT_FALSE(batches.empty()) << "stream " << id << " offset " << *at;
            std::uint64_t end = 0;
            for (const auto& b : batches) {
                ASSERT_GE(b.base.value, end);
                ASSERT_TRUE(batch_is_whole(*b.bytes));
                ASSERT_EQ(load_be<std::uint64_t>(b.bytes->data()), b.base.value);
                auto known = s.batches.find(b.base.value);
                ASSERT_NE(known, s.batches.end()) << "stream " << id << " base " << b.base.value;
                ASSERT_EQ(known->second, (OwnerState::Batch{b.count, batch_id(*b.bytes)}));
                for (; at != s.live.end() && *at < b.base.value + b.count; ++at)
                    ASSERT_GE(*at, b.base.value) << "stream " << id << " skipped an offset";
                end = b.base.value + b.count;
            }
        }
    }

    std::mt19937_64 random_;
    SimulatedFiles disk_;
    std::unique_ptr<TestOwner> owner_;
    std::vector<Op> ops_;
    std::uint64_t crashes_ = 0;
    std::uint64_t segments_seen_ = 0;
};

TEST(LocalLogModel, EverythingDurableSurvivesRandomCrashes) {
    std::uint64_t first = 1, seeds = 30;
    if (const char* one = std::getenv("FANTAIL_SEED")) {
        first = std::strtoull(one, nullptr, 10);
        seeds = 1;
    }
    std::uint64_t crashes = 0, segments = 0;
    for (auto seed = first; seed < first + seeds; ++seed) {
        SCOPED_TRACE("repeat with FANTAIL_SEED=" + std::to_string(seed) +
                     " storage_local_test --gtest_filter=LocalLogModel.*");
        ModelRun run(seed);
        run.run(4000);
        crashes += run.crashes();
        segments += run.segments_seen();
        if (HasFatalFailure()) return;
    }
    if (seeds > 1) {
        EXPECT_GT(crashes, seeds);
        EXPECT_GT(segments, seeds);
    }
}

}  // namespace
}  // namespace fantail::storage

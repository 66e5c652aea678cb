// SPDX-License-Identifier: Apache-2.0
//! Simulated time: what happens when, in which order, and the record of it.
#pragma once

#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "sim/random.hpp"

namespace fantail::sim {

inline constexpr std::int64_t us = 1'000;
inline constexpr std::int64_t ms = 1'000'000;
inline constexpr std::int64_t second = 1'000'000'000;

/// What a run counts, for the table at the end.
struct Counts {
    std::uint64_t published = 0, confirmed = 0, delivered = 0, settled = 0, connections = 0, turns = 0;
    std::uint64_t records_written = 0, records_acknowledged = 0, records_read = 0, generations = 0, commits = 0,
                  waits_judged = 0;
    std::uint64_t transactions_committed = 0, transactions_aborted = 0, producers_fenced = 0;
    std::uint64_t crashes = 0, clean_restarts = 0, lost_connections = 0, half_open = 0, stalled_readers = 0,
                  slow_networks = 0, clock_steps = 0, paused_nodes = 0, failed_writes = 0, failed_syncs = 0,
                  full_disks = 0, rotten_bits = 0, rot_detected = 0, policy_changes = 0;
};

/// The clock and the list of what is to come. Everything that happens in a run is an event here, so that one seed is one run.
class World {
public:
    /// \param with_history keeps lines for people: slower, so a run is only repeated with it once it has failed
    World(std::uint64_t seed, bool with_history) : seed_(seed), random_(seed), with_history_(with_history) {}

    [[nodiscard]] Now now() const {
        return {WallTime{wall_start_ms + (time_ns_ + clock_offset(time_ns_)) / ms}, MonoTime{time_ns_}};
    }
    /// What the wall clock shows at the beginning.
    static constexpr std::int64_t wall_start_ms = 1'700'000'000'000;
    /// Sets the wall clock: from now on it is so far ahead of time().
    void set_clock(std::int64_t offset_ns) { clock_steps_.push_back({time_ns_, offset_ns}); }
    /// What the wall clock showed at least and at most in a span of time, in nanoseconds.
    struct Shown {
        std::int64_t least;
        std::int64_t most;
    };
    [[nodiscard]] Shown shown(std::int64_t from_ns, std::int64_t to_ns) const;
    /// Nanoseconds since the beginning.
    [[nodiscard]] std::int64_t time() const { return time_ns_; }
    /// Independent chance for one concern.
    [[nodiscard]] Random chance(std::uint64_t concern) const { return random_.fork(concern); }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }

    void at(std::int64_t time_ns, std::move_only_function<void()> what);
    void after(std::int64_t delay_ns, std::move_only_function<void()> what) {
        at(time_ns_ + delay_ns, std::move(what));
    }
    /// Lets happen what comes up to `time_ns`, or until something fails.
    void run_until(std::int64_t time_ns);

    /// A promise was broken; the first one counts.
    void fail(std::string what);
    [[nodiscard]] bool failed() const { return !failure_.empty(); }
    [[nodiscard]] const std::string& failure() const { return failure_; }
    /// The run can tell no more, though nothing is wrong: the broker noticed damage that was done to its disk.
    void end_early() { ended_ = true; }
    [[nodiscard]] bool ended() const { return ended_ || failed(); }

    /// Part of the trace, whose hash is the same for the same seed.
    void trace(std::uint64_t what);
    void trace(ByteView bytes);
    [[nodiscard]] std::uint64_t trace_hash() const { return trace_; }
    /// A line of history; `text` is only called when somebody will read it.
    template <class Text>
    void note(Text text) {
        if (with_history_) add_line(text());
    }
    [[nodiscard]] const std::deque<std::string>& history() const { return history_; }

    Counts counts;

private:
    static constexpr std::size_t history_max = 100'000;
    struct Event {
        std::int64_t time_ns;
        std::uint64_t order;
        std::move_only_function<void()> what;
    };
    struct Later {
        bool operator()(const Event& a, const Event& b) const {
            return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.order > b.order;
        }
    };
    struct ClockStep {
        std::int64_t at_ns;
        std::int64_t offset_ns;
    };
    [[nodiscard]] std::int64_t clock_offset(std::int64_t time_ns) const;
    void add_line(std::string text);

    std::uint64_t seed_;
    Random random_;
    bool with_history_;
    std::int64_t time_ns_ = 1;
    std::uint64_t order_ = 0;
    std::vector<Event> events_;  ///< a heap
    std::vector<ClockStep> clock_steps_;
    std::uint64_t trace_ = 0;
    std::string failure_;
    bool ended_ = false;
    std::deque<std::string> history_;
};

}  // namespace fantail::sim

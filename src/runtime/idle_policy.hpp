// SPDX-License-Identifier: Apache-2.0
//! When an idle core polls on and when it sleeps.
#pragma once

#include "base/time.hpp"

namespace fantail::runtime {

/// Waking a sleeping core costs tens of microseconds on virtual machines, polling costs a core. A core polls for a short
/// while after work, and longer only while that pays; polling that finds nothing is limited to a small share of time.
/// With one processor for everybody polling only keeps the peer from running: it is off.
class IdlePolicy {
public:
    /// \param processors how many the process may use
    explicit IdlePolicy(unsigned processors) : enabled_(processors > 1) {}

    /// The last turn did something.
    void worked(MonoTime now) {
        if (polling_since_.ns != 0) found_after_polling(now);
        idle_since_ = now;
    }
    /// The last turn found nothing. True: poll again; false: sleep.
    /// \param answer_is_near the disk is about to answer, in a tenth of a millisecond or three: worth a longer wait
    [[nodiscard]] bool keep_polling(MonoTime now, bool answer_is_near) {
        const std::int64_t longest = answer_is_near ? disk_poll_ns_max : poll_ns_max;
        if (!enabled_ || now.ns - idle_since_.ns > longest || budget_ns_ <= 0) return give_up(now);
        if (polling_since_.ns == 0) polling_since_ = now;
        return true;
    }
    /// The core slept until now: the budget grows with the time asleep.
    void slept(MonoTime from, MonoTime to) {
        budget_ns_ += (to.ns - from.ns) / budget_share;
        if (budget_ns_ > budget_ns_max) budget_ns_ = budget_ns_max;
        idle_since_ = to;
    }

private:
    static constexpr std::int64_t poll_ns_max = 60'000;
    static constexpr std::int64_t disk_poll_ns_max = 300'000;
    static constexpr std::int64_t budget_share = 20;  ///< one twentieth of the time asleep may be polled away
    static constexpr std::int64_t budget_ns_max = 5'000'000;

    void found_after_polling(MonoTime now) {
        // It paid: give back what it took, and a little more.
        budget_ns_ += (now.ns - polling_since_.ns) / 4;
        if (budget_ns_ > budget_ns_max) budget_ns_ = budget_ns_max;
        polling_since_ = {};
    }
    bool give_up(MonoTime now) {
        if (polling_since_.ns != 0) budget_ns_ -= now.ns - polling_since_.ns;
        polling_since_ = {};
        return false;
    }

    bool enabled_;
    MonoTime idle_since_;
    MonoTime polling_since_;
    std::int64_t budget_ns_ = budget_ns_max;
};

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! The event list, the trace and the history.
#include "sim/world.hpp"

#include <algorithm>
#include <cstdio>

#include "base/crc32c.hpp"

namespace fantail::sim {

void World::at(std::int64_t time_ns, std::move_only_function<void()> what) {
    events_.push_back({std::max(time_ns, time_ns_), order_++, std::move(what)});
    std::push_heap(events_.begin(), events_.end(), Later());
}

void World::run_until(std::int64_t time_ns) {
    while (!events_.empty() && events_.front().time_ns <= time_ns && !ended()) {
        std::pop_heap(events_.begin(), events_.end(), Later());
        Event event = std::move(events_.back());
        events_.pop_back();
        time_ns_ = event.time_ns;
        event.what();
    }
    if (!ended()) time_ns_ = std::max(time_ns_, time_ns);
}

std::int64_t World::clock_offset(std::int64_t time_ns) const {
    std::int64_t offset = 0;
    for (const ClockStep& step : clock_steps_)
        if (step.at_ns <= time_ns) offset = step.offset_ns;
    return offset;
}

World::Shown World::shown(std::int64_t from_ns, std::int64_t to_ns) const {
    const std::int64_t first = from_ns + clock_offset(from_ns);
    Shown all{first, first};
    const auto add = [&](std::int64_t wall) { all = {std::min(all.least, wall), std::max(all.most, wall)}; };
    for (const ClockStep& step : clock_steps_) {
        if (step.at_ns <= from_ns || step.at_ns > to_ns) continue;
        add(step.at_ns + clock_offset(step.at_ns - 1));
        add(step.at_ns + step.offset_ns);
    }
    add(to_ns + clock_offset(to_ns));
    return all;
}

void World::fail(std::string what) {
    if (failed()) return;
    note([&] { return "FAILED: " + what; });
    failure_ = std::move(what);
}

void World::trace(std::uint64_t what) {
    trace_ = (trace_ ^ what ^ static_cast<std::uint64_t>(time_ns_)) * 0x9E3779B97F4A7C15ull;
    trace_ ^= trace_ >> 29;
}

void World::trace(ByteView bytes) { trace((std::uint64_t{bytes.size()} << 32) | crc32c(bytes)); }

void World::add_line(std::string text) {
    char time[32];
    std::snprintf(time, sizeof time, "%12.6f  ", static_cast<double>(time_ns_) / 1e9);
    history_.push_back(time + std::move(text));
    if (history_.size() > history_max) history_.pop_front();
}

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! Where the offsets of every stream stand, and how many of them are still needed.
#include "storage/local/stream_index.hpp"

#include <algorithm>

namespace fantail::storage {

StreamPlaces* StreamIndex::find(StreamId stream) {
    if (last_ != nullptr && last_stream_ == stream) return last_;
    auto at = streams_.find(stream);
    if (at == streams_.end()) return nullptr;
    last_stream_ = stream;
    return last_ = &at->second;
}

std::uint32_t StreamIndex::add_batch(std::span<const Target> targets, std::uint32_t count, std::uint32_t length,
                                     std::uint32_t position, bool transient) {
    const std::uint32_t number = next_batch();
    batches_.push_back({.position = position,
                        .length = length,
                        .count = count,
                        .live = static_cast<std::uint32_t>(targets.size()),
                        .stream = targets[0].stream,
                        .transient = transient,
                        .fan_out = targets.size() > 1});
    if (targets.size() > 1) {
        auto& streams = fan_out_[number];
        streams.reserve(targets.size());
        for (const auto& t : targets) streams.push_back(t.stream);
    }
    for (const auto& t : targets) {
        StreamPlaces* places = find(t.stream);
        if (places == nullptr) {
            places = last_ = &streams_[t.stream];
            last_stream_ = t.stream;
        }
        places->entries.push_back({.base = t.base.value, .batch = number, .live = count});
    }
    return number;
}

void StreamIndex::place_batches(std::uint32_t first, std::uint32_t n, std::uint32_t file, std::uint32_t position) {
    std::uint32_t live = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
        auto& b = batch(first + i);
        b.position += position;
        b.file = file;
        live += b.live > 0 ? 1 : 0;
    }
    if (live > 0) live_in_file_[file] += live;
}

std::uint32_t StreamIndex::live_batches(std::uint32_t file) const {
    auto at = live_in_file_.find(file);
    return at == live_in_file_.end() ? 0 : at->second;
}

StreamEntry* StreamIndex::find_entry(StreamId stream, std::uint32_t number) {
    StreamPlaces* places = find(stream);
    if (places == nullptr) return nullptr;
    auto& list = places->entries;
    auto at = std::partition_point(list.begin(), list.end(), [&](const StreamEntry& e) {
        return static_cast<std::uint32_t>(e.batch - front_) < static_cast<std::uint32_t>(number - front_);
    });
    return at != list.end() && at->batch == number ? &*at : nullptr;
}

void StreamIndex::drop_batches(std::uint32_t end) {
    while (front_ != end && !batches_.empty()) {
        each_stream(front_, [&](StreamId stream) {
            StreamPlaces* places = find(stream);
            if (places == nullptr) return;
            if (!places->entries.empty() && places->entries.front().batch == front_) places->entries.pop_front();
            drop_dead_front(*places);
            drop_if_empty(stream, *places);
        });
        const auto& b = batches_.front();
        if (b.fan_out) fan_out_.erase(front_);
        if (b.live > 0 && b.file != 0) --live_in_file_[b.file];
        if (auto at = live_in_file_.find(b.file); at != live_in_file_.end() && at->second == 0) live_in_file_.erase(at);
        batches_.pop_front();
        ++front_;
    }
}

void StreamIndex::add_run(StreamId stream, const StreamRun& run) {
    auto& runs = streams_[stream].runs;
    auto at = std::partition_point(runs.begin(), runs.end(), [&](const StreamRun& r) { return r.base < run.base; });
    if (at == runs.end()) runs.push_back(run);
    else runs.insert(static_cast<std::size_t>(at - runs.begin()), run);
}

std::size_t StreamIndex::entry_after(const StreamPlaces& places, std::uint64_t from) {
    const auto& list = places.entries;
    if (list.empty() || end_of(list[0]) > from) return 0;
    auto at = std::partition_point(list.begin(), list.end(), [&](const StreamEntry& e) { return e.base <= from; });
    auto i = static_cast<std::size_t>(at - list.begin());
    return i > 0 && end_of(list[i - 1]) > from ? i - 1 : i;
}

std::size_t StreamIndex::run_after(const StreamPlaces& places, std::uint64_t from) {
    const auto& list = places.runs;
    if (list.empty() || list[0].end > from) return 0;
    auto at = std::partition_point(list.begin(), list.end(), [&](const StreamRun& r) { return r.end <= from; });
    return static_cast<std::size_t>(at - list.begin());
}

void StreamIndex::entry_died(std::uint32_t number) {
    auto& b = batch(number);
    FANTAIL_ASSERT(b.live > 0);
    if (--b.live > 0 || b.file == 0) return;
    auto at = live_in_file_.find(b.file);
    if (--at->second == 0) live_in_file_.erase(at);
}

void StreamIndex::drop_dead_front(StreamPlaces& places) {
    while (!places.entries.empty() && places.entries.front().live == 0) places.entries.pop_front();
}

void StreamIndex::drop_if_empty(StreamId stream, const StreamPlaces& places) {
    if (!places.entries.empty() || !places.runs.empty()) return;
    if (last_ == &places) last_ = nullptr;
    streams_.erase(stream);
}

void StreamIndex::release_runs(StreamPlaces& places, std::uint64_t first, std::uint64_t end) {
    for (auto i = run_after(places, first); i < places.runs.size() && places.runs[i].base < end;) {
        auto& run = places.runs[i];
        run.live -= std::min(run.live, std::min(end, run.end) - std::max(first, run.base));
        if (run.live > 0) {
            ++i;
            continue;
        }
        const auto segment = run.segment, number = run.run;
        places.runs.erase(i);
        died_(segment, number);
    }
}

void StreamIndex::release_entries(StreamPlaces& places, std::uint64_t first, std::uint64_t end) {
    for (auto i = entry_after(places, first); i < places.entries.size() && places.entries[i].base < end; ++i) {
        auto& e = places.entries[i];
        if (e.live == 0) continue;
        const auto overlap = std::min(end, end_of(e)) - std::max(first, e.base);
        e.live -= static_cast<std::uint32_t>(std::min<std::uint64_t>(e.live, overlap));
        if (e.live == 0) entry_died(e.batch);
    }
    drop_dead_front(places);
}

void StreamIndex::release(StreamId stream, std::uint64_t first, std::uint64_t end) {
    StreamPlaces* places = find(stream);
    if (places == nullptr || first >= end) return;
    if (!places->runs.empty()) release_runs(*places, first, end);
    if (!places->entries.empty()) release_entries(*places, first, end);
    drop_if_empty(stream, *places);
}

void StreamIndex::forget(StreamId stream) {
    auto at = streams_.find(stream);
    if (at == streams_.end()) return;
    last_ = nullptr;
    for (auto& e : at->second.entries)
        if (e.live > 0) entry_died(e.batch);
    for (auto& r : at->second.runs) died_(r.segment, r.run);
    streams_.erase(at);
}

void StreamIndex::recount(const std::function<std::uint64_t(StreamId, std::uint64_t, std::uint64_t)>& live) {
    last_ = nullptr;
    for (auto at = streams_.begin(); at != streams_.end();) {
        auto& [stream, places] = *at;
        for (auto& e : places.entries) {
            e.live = static_cast<std::uint32_t>(std::min<std::uint64_t>(e.live, live(stream, e.base, end_of(e))));
            if (e.live == 0) entry_died(e.batch);
        }
        drop_dead_front(places);
        for (std::size_t i = 0; i < places.runs.size();) {
            auto& r = places.runs[i];
            r.live = std::min(r.end - r.base, live(stream, r.base, r.end));
            if (r.live > 0) {
                ++i;
                continue;
            }
            const auto segment = r.segment, number = r.run;
            places.runs.erase(i);
            died_(segment, number);
        }
        at = places.entries.empty() && places.runs.empty() ? streams_.erase(at) : std::next(at);
    }
}

}  // namespace fantail::storage

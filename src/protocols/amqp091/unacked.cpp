// SPDX-License-Identifier: Apache-2.0
//! Keeps track of unsettled deliveries.
#include "protocols/amqp091/unacked.hpp"

#include <algorithm>
#include <bit>

namespace fantail::amqp091 {

namespace {

constexpr std::uint64_t bit(std::uint64_t at) { return std::uint64_t{1} << at; }
/// Bits 0 to `at`, both included.
constexpr std::uint64_t bits_to(std::uint64_t at) { return ~std::uint64_t{0} >> (63 - at); }
constexpr std::size_t compaction_size_min = 64;

}  // namespace

void Unacked::add(std::uint64_t tag, ConsumerId consumer, QueueId queue, std::uint8_t level, Offset offset) {
    ++live_;
    if (head_ < runs_.size()) {
        Run& run = runs_.back();
        if (run.size < run_size_max && run.consumer == consumer && run.queue == queue && run.level == level &&
            run.first_offset.value + run.size == offset.value && run.first_tag + run.size == tag) {
            // A run emptied behind the head comes back to life.
            if (run.left == 0) --empty_runs_;
            run.left |= bit(run.size++);
            return;
        }
    }
    if (head_ > compaction_size_min && head_ > runs_.size() / 2) compact();
    runs_.push_back({tag, 1, consumer, queue, offset, level, 1});
}

std::uint64_t Unacked::held_by(ConsumerId consumer) const {
    std::uint64_t sum = 0;
    for (std::size_t at = head_; at < runs_.size(); ++at) {
        if (runs_[at].consumer == consumer) sum += static_cast<std::uint64_t>(std::popcount(runs_[at].left));
    }
    return sum;
}

std::size_t Unacked::find(std::uint64_t tag) const {
    if (head_ >= runs_.size()) return runs_.size();
    std::size_t at = head_;
    // Acks nearly always come in order: look at the front before searching.
    if (tag - runs_[head_].first_tag >= runs_[head_].size) {
        const auto begin = runs_.begin() + static_cast<std::ptrdiff_t>(head_);
        const auto after =
            std::upper_bound(begin, runs_.end(), tag, [](std::uint64_t t, const Run& r) { return t < r.first_tag; });
        if (after == begin) return runs_.size();
        at = static_cast<std::size_t>(after - runs_.begin()) - 1;
    }
    const std::uint64_t place = tag - runs_[at].first_tag;
    return place < runs_[at].size && (runs_[at].left & bit(place)) != 0 ? at : runs_.size();
}

bool Unacked::take(std::uint64_t tag, LeaseRange& out) {
    const std::size_t at = find(tag);
    if (at == runs_.size()) return false;
    Run& run = runs_[at];
    const std::uint64_t place = tag - run.first_tag;
    run.left &= ~bit(place);
    --live_;
    out = {run.consumer, run.queue, run.level, run.first_offset.plus(place), 1};
    if (run.left != 0) return true;
    ++empty_runs_;
    if (at == head_) drop_front();
    else if (empty_runs_ > compaction_size_min && empty_runs_ > (runs_.size() - head_) / 2) compact();
    return true;
}

void Unacked::drain(Run& run, std::uint64_t mask, std::vector<LeaseRange>& out) {
    std::uint64_t taken = run.left & mask;
    run.left &= ~mask;
    while (taken != 0) {
        const auto first = static_cast<unsigned>(std::countr_zero(taken));
        const auto count = static_cast<unsigned>(std::countr_one(taken >> first));
        out.push_back({run.consumer, run.queue, run.level, run.first_offset.plus(first), count});
        taken &= ~(bits_to(count - 1) << first);
    }
}

bool Unacked::take_to(std::uint64_t tag, std::vector<LeaseRange>& out) {
    const std::size_t last = find(tag);
    if (last == runs_.size()) return false;
    for (std::size_t at = head_; at <= last; ++at) {
        Run& run = runs_[at];
        if (run.left == 0) continue;
        const std::uint64_t mask = at < last ? ~std::uint64_t{0} : bits_to(tag - run.first_tag);
        live_ -= static_cast<std::uint64_t>(std::popcount(run.left & mask));
        drain(run, mask, out);
        if (run.left == 0) ++empty_runs_;
    }
    drop_front();
    return true;
}

void Unacked::list(std::uint64_t last, std::vector<std::uint64_t>& out) const {
    for (std::size_t at = head_; at < runs_.size() && runs_[at].first_tag <= last; ++at) {
        for (std::uint64_t left = runs_[at].left; left != 0; left &= left - 1) {
            const std::uint64_t tag = runs_[at].first_tag + static_cast<unsigned>(std::countr_zero(left));
            if (tag <= last) out.push_back(tag);
        }
    }
}

void Unacked::take_all(std::vector<LeaseRange>& out) {
    for (std::size_t at = head_; at < runs_.size(); ++at) drain(runs_[at], ~std::uint64_t{0}, out);
    runs_.clear();
    head_ = 0;
    empty_runs_ = 0;
    live_ = 0;
}

void Unacked::drop_front() {
    while (head_ < runs_.size() && runs_[head_].left == 0) {
        ++head_;
        --empty_runs_;
    }
    if (head_ != runs_.size()) return;
    runs_.clear();
    head_ = 0;
}

void Unacked::compact() {
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(head_));
    std::erase_if(runs_, [](const Run& run) { return run.left == 0; });
    head_ = 0;
    empty_runs_ = 0;
}

}  // namespace fantail::amqp091

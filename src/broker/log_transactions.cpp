// SPDX-License-Identifier: Apache-2.0
//! Follows transactions from batch to marker.
#include "broker/log_transactions.hpp"

#include <algorithm>

namespace fantail::broker {

void LogTransactions::enlist(ProducerEpoch producer) {
    Member& member = members_[producer.id];
    member.epoch = std::max(member.epoch, producer.epoch);
}

LogOutcome LogTransactions::check(ProducerEpoch producer) const {
    const auto at = members_.find(producer.id);
    if (at == members_.end() || at->second.epoch < producer.epoch) return LogOutcome::invalid_transaction;
    return at->second.epoch > producer.epoch ? LogOutcome::fenced : LogOutcome::ok;
}

std::optional<Offset> LogTransactions::start_of(std::int64_t producer) const {
    const auto at = members_.find(producer);
    if (at == members_.end() || !at->second.first) return std::nullopt;
    return Offset(*at->second.first);
}

void LogTransactions::note_records(ProducerEpoch producer, std::uint64_t base) {
    Member& member = members_[producer.id];
    member.epoch = producer.epoch;
    if (!member.first) member.first = base;
}

void LogTransactions::note_marker(std::int64_t producer, bool commit, std::uint64_t offset) {
    const auto at = members_.find(producer);
    if (at == members_.end() || !at->second.first) return;
    const std::uint64_t first = *at->second.first;
    members_.erase(at);
    ended_.push_back({first, offset});
    if (!commit) aborted_.push_back({producer, first, offset, first_open(offset + 1)});
}

void LogTransactions::dismiss(std::int64_t producer) {
    const auto at = members_.find(producer);
    if (at != members_.end() && !at->second.first) members_.erase(at);
}

void LogTransactions::trim(std::uint64_t head) {
    while (!aborted_.empty() && aborted_.front().last < head) aborted_.pop_front();
}

/// The least first record of an open transaction; `end` if none is open.
std::uint64_t LogTransactions::first_open(std::uint64_t end) const {
    for (const auto& [producer, member] : members_)
        if (member.first) end = std::min(end, *member.first);
    return end;
}

std::uint64_t LogTransactions::stable_end(std::uint64_t high_watermark) const {
    std::uint64_t end = first_open(high_watermark);
    for (const Ended& each : ended_)
        if (each.marker >= high_watermark) end = std::min(end, each.first);
    return end;
}

void LogTransactions::became_durable(std::uint64_t high_watermark) {
    std::erase_if(ended_, [&](const Ended& each) { return each.marker < high_watermark; });
}

void LogTransactions::collect_aborted(std::uint64_t first, std::uint64_t end, std::vector<AbortedSpan>& out) const {
    const auto from = std::ranges::lower_bound(aborted_, first, {}, &Aborted::last);
    for (auto at = from; at != aborted_.end(); ++at) {
        if (at->first < end) out.push_back({at->producer, Offset(at->first)});
        if (at->stable >= end) return;
    }
}

bool LogTransactions::aborted(std::int64_t producer, std::uint64_t offset) const {
    for (auto at = std::ranges::lower_bound(aborted_, offset, {}, &Aborted::last); at != aborted_.end(); ++at) {
        if (at->producer == producer && at->first <= offset) return true;
        if (at->stable > offset) return false;
    }
    return false;
}

void LogTransactions::encode(Writer& out) const {
    out.uvarint(static_cast<std::uint64_t>(
        std::ranges::count_if(members_, [](const auto& each) { return each.second.first.has_value(); })));
    for (const auto& [producer, member] : members_) {
        if (!member.first) continue;
        out.u64(static_cast<std::uint64_t>(producer));
        out.u16(static_cast<std::uint16_t>(member.epoch));
        out.uvarint(*member.first);
    }
    out.uvarint(aborted_.size());
    for (const Aborted& each : aborted_) {
        out.u64(static_cast<std::uint64_t>(each.producer));
        out.uvarint(each.first);
        out.uvarint(each.last);
        out.uvarint(each.stable);
    }
}

bool LogTransactions::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        Member& member = members_[static_cast<std::int64_t>(in.u64())];
        member.epoch = static_cast<std::int16_t>(in.u16());
        member.first = in.uvarint();
    }
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        Aborted each;
        each.producer = static_cast<std::int64_t>(in.u64());
        each.first = in.uvarint();
        each.last = in.uvarint();
        each.stable = in.uvarint();
        if (!aborted_.empty() && each.last <= aborted_.back().last) return false;
        aborted_.push_back(each);
    }
    return !in.failed();
}

}  // namespace fantail::broker

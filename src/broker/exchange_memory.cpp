// SPDX-License-Identifier: Apache-2.0
//! Tells duplicates from messages that pass.
#include "broker/exchange_memory.hpp"

#include <algorithm>

namespace fantail::broker {

ExchangeMemory::Verdict ExchangeMemory::look_up(const Origin& origin, const AppendOnce& message, std::int64_t now_ms) {
    if (message.id.empty()) return Verdict::passes;
    const auto at = exchanges_.find(message.exchange);
    if (at == exchanges_.end()) return Verdict::passes;
    if (at->second.seen.seen(message.id, now_ms, {0, message.window_ms})) return Verdict::seen;
    const auto first = at->second.under_way.find(std::string(as_text(message.id)));
    if (first == at->second.under_way.end()) return Verdict::passes;
    if (message.append.confirm) passages_.at(first->second).awaited_by.push_back(origin);
    return Verdict::under_way;
}

Passage& ExchangeMemory::begin(RequestId request, const Origin& origin, const AppendOnce& message) {
    Passage& passage = passages_[request];
    passage.exchange = message.exchange;
    passage.durable = message.durable;
    passage.window_ms = message.window_ms;
    passage.id = as_text(message.id);
    if (message.append.confirm) passage.awaited_by.push_back(origin);
    if (passage.id.empty()) return passage;
    Remembered& exchange = exchanges_[message.exchange];
    exchange.durable = message.durable;
    exchange.under_way[passage.id] = request;
    return passage;
}

Passage& ExchangeMemory::begin(RequestId request, const Origin& awaited_by, ExchangeId exchange) {
    Passage& passage = passages_[request];
    passage.exchange = exchange;
    passage.awaited_by.push_back(awaited_by);
    return passage;
}

void ExchangeMemory::keep_history(ExchangeId exchange, std::size_t length_max) {
    histories_[exchange].set_length(length_max);
}

ExchangeHistory* ExchangeMemory::history(ExchangeId exchange) {
    const auto at = histories_.find(exchange);
    return at == histories_.end() ? nullptr : &at->second;
}

std::optional<Passage> ExchangeMemory::answered(const Appended& answer) {
    const auto at = passages_.find(answer.request);
    if (at == passages_.end()) return std::nullopt;
    Passage& passage = at->second;
    passage.accepted = passage.accepted && answer.accepted;
    passage.missed = passage.missed && answer.missed;
    if (--passage.answers_left > 0) return std::nullopt;
    Passage done = std::move(passage);
    passages_.erase(at);
    const auto exchange = exchanges_.find(done.exchange);
    if (exchange != exchanges_.end()) exchange->second.under_way.erase(done.id);
    return done;
}

void ExchangeMemory::apply(const PassedChange& change) {
    exchanges_[change.exchange].seen.insert(as_bytes(change.id), change.at_ms, {0, change.window_ms});
}

void ExchangeMemory::confirm(ExchangeId exchange) {
    const auto at = exchanges_.find(exchange);
    if (at != exchanges_.end()) at->second.confirmed = true;
}

std::vector<ExchangeId> ExchangeMemory::drop_unconfirmed() {
    std::vector<ExchangeId> dropped;
    std::erase_if(exchanges_, [&](const auto& each) {
        if (!each.second.confirmed) dropped.push_back(each.first);
        return !each.second.confirmed;
    });
    return dropped;
}

void ExchangeMemory::encode(Writer& out) const {
    const auto kept = [](const auto& each) { return each.second.durable && each.second.seen.size() > 0; };
    out.uvarint(static_cast<std::uint64_t>(std::count_if(exchanges_.begin(), exchanges_.end(), kept)));
    for (const auto& each : exchanges_) {
        if (!kept(each)) continue;
        out.u64(each.first.value);
        each.second.seen.encode(out);
    }
}

bool ExchangeMemory::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) exchanges_[ExchangeId(in.u64())].seen.decode(in);
    return !in.failed();
}

}  // namespace fantail::broker

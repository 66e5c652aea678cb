// SPDX-License-Identifier: Apache-2.0
//! Records, encodes and decodes death histories.
#include "record/deaths.hpp"

#include <algorithm>
#include <utility>

namespace fantail::record {

namespace {

bool is_reason(std::uint8_t v) {
    return v >= static_cast<std::uint8_t>(DeathReason::rejected) &&
           v <= static_cast<std::uint8_t>(DeathReason::delivery_limit);
}

void encode_death(Writer& out, const Death& death) {
    out.string(death.queue);
    out.u8(static_cast<std::uint8_t>(death.reason));
    out.uvarint(death.count);
    out.string(death.exchange);
    out.uvarint(death.routing_keys.size());
    for (const std::string& key : death.routing_keys) out.string(key);
    out.svarint(death.time.ms);
    out.string(death.original_expiration);
}

Result<Death> decode_death(Reader& in) {
    Death death;
    death.queue = read_string(in);
    const std::uint8_t reason = in.u8();
    death.count = in.uvarint();
    death.exchange = read_string(in);
    const std::uint64_t keys = in.uvarint();
    if (keys > death_routing_keys_max)
        return fail(ErrorCode::too_large, "death history: more than death_routing_keys_max");
    for (std::uint64_t i = 0; i < keys && !in.failed(); ++i) death.routing_keys.emplace_back(read_string(in));
    death.time.ms = in.svarint();
    death.original_expiration = read_string(in);
    if (in.failed() || !is_reason(reason))
        return fail(ErrorCode::malformed, "death history: cut off or unknown reason");
    death.reason = static_cast<DeathReason>(reason);
    return death;
}

bool same_cause(const Death& a, const Death& b) { return a.queue == b.queue && a.reason == b.reason; }

/// Makes room for one more by forgetting the least recent death that is not the first.
void forget_oldest(DeathHistory& history) {
    const std::size_t last = history.deaths.size() - 1;
    const std::size_t victim = history.first_index == last ? last - 1 : last;
    history.deaths.erase(history.deaths.begin() + static_cast<std::ptrdiff_t>(victim));
    if (history.first_index > victim) --history.first_index;
}

/// Moves deaths[at] to the front and keeps first_index on the same death.
void move_to_front(DeathHistory& history, std::size_t at) {
    const auto front = history.deaths.begin();
    std::rotate(front, front + static_cast<std::ptrdiff_t>(at), front + static_cast<std::ptrdiff_t>(at) + 1);
    if (history.first_index == at) history.first_index = 0;
    else if (history.first_index < at) ++history.first_index;
}

bool distinct(const std::vector<Death>& deaths) {
    for (std::size_t i = 0; i < deaths.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (same_cause(deaths[i], deaths[j])) return false;
        }
    }
    return true;
}

}  // namespace

std::string_view to_text(DeathReason reason) {
    switch (reason) {
        case DeathReason::rejected: return "rejected";
        case DeathReason::expired: return "expired";
        case DeathReason::maxlen: return "maxlen";
        case DeathReason::delivery_limit: return "delivery_limit";
    }
    return "unknown";
}

void record_death(DeathHistory& history, Death death) {
    history.last_exchange = death.exchange;
    for (std::size_t i = 0; i < history.deaths.size(); ++i) {
        if (!same_cause(history.deaths[i], death)) continue;
        ++history.deaths[i].count;
        move_to_front(history, i);
        return;
    }
    if (history.deaths.size() == deaths_max) forget_oldest(history);
    death.count = 1;
    if (death.routing_keys.size() > death_routing_keys_max) death.routing_keys.resize(death_routing_keys_max);
    const bool first_ever = history.deaths.empty();
    history.deaths.insert(history.deaths.begin(), std::move(death));
    history.first_index = first_ever ? 0 : history.first_index + 1;
}

bool is_death_cycle(const DeathHistory& history, std::string_view queue) {
    for (const Death& death : history.deaths) {
        if (death.reason == DeathReason::rejected) return false;
        if (death.queue == queue) return true;
    }
    return false;
}

void encode_deaths(Bytes& out, const DeathHistory& history) {
    if (history.deaths.empty()) return;
    Writer w(out);
    w.uvarint(history.deaths.size());
    w.uvarint(history.first_index);
    w.string(history.last_exchange);
    for (const Death& death : history.deaths) encode_death(w, death);
}

Result<DeathHistory> decode_deaths(ByteView bytes) {
    DeathHistory history;
    if (bytes.empty()) return history;
    Reader in(bytes);
    const std::uint64_t count = in.uvarint();
    const std::uint64_t first = in.uvarint();
    if (count > deaths_max) return fail(ErrorCode::too_large, "death history: more than deaths_max");
    if (first >= count) return fail(ErrorCode::malformed, "death history: no such first death");
    history.last_exchange = read_string(in);
    for (std::uint64_t i = 0; i < count; ++i) {
        FANTAIL_TRY(Death death, decode_death(in));
        history.deaths.push_back(std::move(death));
    }
    if (!in.done()) return fail(ErrorCode::malformed, "death history: cut off or bytes left over");
    if (!distinct(history.deaths)) return fail(ErrorCode::malformed, "death history: one cause twice");
    history.first_index = first;
    return history;
}

}  // namespace fantail::record

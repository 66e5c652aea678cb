// SPDX-License-Identifier: Apache-2.0
//! Remembers ids in order of arrival.
#include "broker/deduplication.hpp"

#include "base/limits.hpp"

namespace fantail::broker {

bool Deduplication::seen(ByteView id, std::int64_t now_ms, Windows windows) {
    expire(now_ms, windows.queue_ms);
    const auto at = ids_.find(std::string(as_text(id)));
    return at != ids_.end() && !at->second.expired(now_ms, std::max(windows.queue_ms, windows.message_ms));
}

bool Deduplication::insert(ByteView id, std::int64_t now_ms, Windows windows) {
    const auto [at, added] = ids_.try_emplace(std::string(as_text(id)));
    if (!added && !at->second.expired(now_ms, std::max(windows.queue_ms, windows.message_ms))) return false;
    // An id that comes again after its window but before it is forgotten leaves its earlier place in the order behind.
    at->second = {now_ms, windows.message_ms, ++turns_};
    order_.push_back({turns_, &*at});
    if (order_.size() > limits::deduplication_ids_max) forget_oldest();
    return true;
}

void Deduplication::expire(std::int64_t now_ms, std::int64_t queue_ms) {
    while (!order_.empty()) {
        const Arrival& oldest = order_.front();
        const Seen& seen = oldest.id->second;
        if (seen.turn == oldest.turn && !seen.expired(now_ms, queue_ms)) return;
        forget_oldest();
    }
}

void Deduplication::forget_oldest() {
    const Arrival oldest = order_.front();
    order_.pop_front();
    if (oldest.id->second.turn == oldest.turn) ids_.erase(ids_.find(oldest.id->first));
}

void Deduplication::encode(Writer& out) const {
    out.uvarint(ids_.size());
    for (const Arrival& arrival : order_) {
        const auto& [id, seen] = *arrival.id;
        if (seen.turn != arrival.turn) continue;
        out.svarint(seen.at_ms);
        out.uvarint(static_cast<std::uint64_t>(seen.message_ms));
        out.string(id);
    }
}

void Deduplication::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const std::int64_t at_ms = in.svarint();
        const auto message_ms = static_cast<std::int64_t>(in.uvarint());
        const std::string_view id = read_string(in);
        if (!in.failed()) insert(as_bytes(id), at_ms, {0, message_ms});
    }
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Remembers ids in order of arrival.
#include "broker/deduplication.hpp"

#include "base/limits.hpp"

namespace fantail::broker {

bool Deduplication::seen(ByteView id, std::int64_t now_ms, std::int64_t window_ms) {
    expire(now_ms, window_ms);
    return ids_.contains(std::string(as_text(id)));
}

bool Deduplication::insert(ByteView id, std::int64_t now_ms) {
    const auto [at, added] = ids_.emplace(as_text(id));
    if (!added) return false;
    order_.push_back({now_ms, &*at});
    if (order_.size() > limits::deduplication_ids_max) forget_oldest();
    return true;
}

void Deduplication::expire(std::int64_t now_ms, std::int64_t window_ms) {
    while (!order_.empty() && order_.front().at_ms + window_ms <= now_ms) forget_oldest();
}

void Deduplication::forget_oldest() {
    ids_.erase(ids_.find(*order_.front().id));
    order_.pop_front();
}

void Deduplication::encode(Writer& out) const {
    out.uvarint(order_.size());
    for (const Seen& s : order_) {
        out.svarint(s.at_ms);
        out.string(*s.id);
    }
}

void Deduplication::decode(Reader& in) {
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const std::int64_t at_ms = in.svarint();
        const std::string_view id = read_string(in);
        if (!in.failed()) insert(as_bytes(id), at_ms);
    }
}

}  // namespace fantail::broker

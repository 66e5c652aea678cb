// SPDX-License-Identifier: Apache-2.0
//! Send while the window has room, else read confirms.
#include "driver/confirmed_producer.hpp"

#include <algorithm>

#include "driver/publish_batch.hpp"

namespace fantail::bench {
namespace {
constexpr std::int64_t confirm_limit_ns = 60'000'000'000;
}

ProducerResult produce_confirmed(Connection& connection, const Options& options, RunState& state) {
    PublishBatch batch({.exchange = "", .routing_key = options.queue, .body_bytes = options.size, .persistent = true});
    ConfirmWindow window(options.window);
    ProducerResult result;
    const std::uint64_t limit = options.count == 0 ? UINT64_MAX : options.count;
    std::uint64_t published = 0;
    std::int64_t last_ns = now_ns();
    while (!result.lost) {
        const bool more = published < limit && !state.stop_producer.load(std::memory_order_relaxed);
        if (!more && window.all_confirmed()) break;
        const std::uint64_t n = more ? std::min({window.room(), batch.capacity(), limit - published}) : 0;
        if (n > 0) {
            const std::int64_t now = now_ns();
            window.sent(n, now);
            result.lost = !connection.send(batch.stamp(published, n, now));
            published += n;
            state.published.store(published, std::memory_order_relaxed);
            if (window.room() > 0 && published < limit) continue;
        }
        const ReadStatus status = connection.fill();
        if (status == ReadStatus::closed) result.lost = true;
        window.drain(connection, state.measuring.load(std::memory_order_relaxed) ? &result.latency : nullptr);
        state.confirmed.store(window.confirmed(), std::memory_order_relaxed);
        if (status == ReadStatus::data) last_ns = now_ns();
        if (status == ReadStatus::idle && now_ns() - last_ns > confirm_limit_ns) fail("no confirm came for 60 s");
    }
    result.refused = window.refused();
    result.confirmed_without_gap = window.confirmed_without_gap();
    state.producer_done = true;
    return result;
}

}  // namespace fantail::bench

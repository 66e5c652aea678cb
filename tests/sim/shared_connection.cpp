// SPDX-License-Identifier: Apache-2.0
//! Connects, over a network of some quality.
#include "sim/shared_connection.hpp"

namespace fantail::sim {

namespace {

LinkQuality draw_quality(Random& random) {
    LinkQuality quality;
    quality.latency_ns = static_cast<std::int64_t>(random.skewed(20, 5'000)) * us;
    quality.jitter_ns = static_cast<std::int64_t>(random.skewed(10, 3'000)) * us;
    quality.window = std::size_t{1} << random.between(10, 18);
    quality.splits = random.one_in(2);
    return quality;
}

}  // namespace

std::shared_ptr<AmqpPeer> SharedConnection::get() {
    if (peer_ && peer_->usable()) return peer_;
    auto link = node_.connect(draw_quality(random_));
    if (!link) return nullptr;
    const std::uint16_t heartbeat_s = static_cast<std::uint16_t>(random_.between(5, 30));
    peer_ = std::make_shared<AmqpPeer>(world_, std::move(link), heartbeat_s);
    peer_->open();
    return peer_;
}

}  // namespace fantail::sim

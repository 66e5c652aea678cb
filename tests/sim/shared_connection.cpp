// SPDX-License-Identifier: Apache-2.0
//! Connects, over a network of some quality.
#include "sim/shared_connection.hpp"

namespace fantail::sim {

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

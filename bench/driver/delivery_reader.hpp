// SPDX-License-Identifier: Apache-2.0
//! Turns the frames of a consuming connection into deliveries; the driver's hottest loop.
#pragma once
#include <cstdint>

#include "driver/connection.hpp"
#include "driver/publish_batch.hpp"
#include "driver/report.hpp"

namespace fantail::bench {

/// One complete message as its consumer sees it. `sequence` and `sent_ns` are the body's stamp.
struct Delivery {
    std::uint64_t tag = 0;
    std::uint64_t sequence = 0;
    std::int64_t sent_ns = 0;
    std::uint64_t body_bytes = 0;
    bool redelivered = false;
};

/// Keeps the state of one message between reads. Uses, and does not own, the connection.
class DeliveryReader final {
public:
    explicit DeliveryReader(Connection& connection) : connection_(connection) {}

    /// Calls `handle(const Delivery&)` for each message completed by what was received; returns how many those were.
    template <typename Handler>
    std::uint64_t drain(Handler&& handle) {
        std::uint64_t completed = 0;
        Frame frame;
        while (connection_.next(frame)) {
            if (!advance(frame)) continue;
            handle(static_cast<const Delivery&>(current_));
            ++completed;
        }
        return completed;
    }

private:
    bool advance(const Frame& frame) {
        if (frame.type == frame_body) return on_body(frame.payload);
        if (frame.type == frame_method) return on_method(frame);
        if (frame.type == frame_heartbeat) return false;
        if (frame.type != frame_header || frame.payload.size() < 14) connection_.unexpected(frame);
        current_.body_bytes = remaining_ = load_be<std::uint64_t>(frame.payload.data() + 4);
        stamped_ = false;
        return remaining_ == 0;
    }

    bool on_method(const Frame& frame) {
        if (frame.payload.size() < 14 || frame.method() != Method::basic_deliver) connection_.unexpected(frame);
        const std::uint8_t* after_tag = frame.payload.data() + 5 + frame.payload[4];
        current_.tag = load_be<std::uint64_t>(after_tag);
        current_.redelivered = after_tag[8] != 0;
        return false;
    }

    bool on_body(Bytes part) {
        if (!stamped_) {
            if (part.size() < stamp_bytes) fail("a delivered message is shorter than the driver's stamp");
            current_.sequence = load_be<std::uint64_t>(part.data());
            current_.sent_ns = load_be<std::int64_t>(part.data() + 8);
            stamped_ = true;
        }
        if (part.size() > remaining_) fail("a delivered body is longer than its header says");
        remaining_ -= part.size();
        return remaining_ == 0;
    }

    Connection& connection_;
    Delivery current_;
    std::uint64_t remaining_ = 0;
    bool stamped_ = false;
};

}  // namespace fantail::bench

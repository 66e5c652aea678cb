// SPDX-License-Identifier: Apache-2.0
//! Builds the template once and repeats it.
#include "driver/publish_batch.hpp"

#include <algorithm>
#include <cstring>

#include "driver/report.hpp"

namespace fantail::bench {
namespace {
constexpr std::size_t batch_bytes = 64 * 1024;
}

PublishBatch::PublishBatch(const MessageSpec& spec) {
    if (spec.body_bytes < stamp_bytes) fail("a message holds at least 16 bytes (sequence and time)");
    frames_.begin_method(1, Method::basic_publish)
        .u16(0)
        .short_text(spec.exchange)
        .short_text(spec.routing_key)
        .u8(0)
        .end();
    frames_.begin(frame_header, 1).u16(60).u16(0).u64(spec.body_bytes);
    // Property flags: bit 12 is delivery-mode, whose value 2 means persistent.
    if (spec.persistent) {
        frames_.u16(0x1000).u8(2).end();
    } else {
        frames_.u16(0).end();
    }
    stamp_at_ = frames_.size() + frame_overhead_bytes - 1;
    const std::vector<std::uint8_t> body(spec.body_bytes, 'x');
    for (Bytes rest(body); !rest.empty();) {
        const std::size_t part = std::min<std::size_t>(rest.size(), frame_size_max - frame_overhead_bytes);
        frames_.begin(frame_body, 1).raw(rest.first(part)).end();
        rest = rest.subspan(part);
    }
    message_bytes_ = frames_.size();
    capacity_ = std::max<std::uint64_t>(1, batch_bytes / message_bytes_);
    buffer_.resize(message_bytes_ * capacity_);
    for (std::uint64_t i = 0; i < capacity_; ++i)
        std::memcpy(buffer_.data() + i * message_bytes_, frames_.bytes().data(), message_bytes_);
}

Bytes PublishBatch::stamp(std::uint64_t first_sequence, std::uint64_t count, std::int64_t sent_ns) {
    std::uint8_t* at = buffer_.data() + stamp_at_;
    for (std::uint64_t i = 0; i < count; ++i, at += message_bytes_) {
        store_be(at, first_sequence + i);
        store_be(at + 8, static_cast<std::uint64_t>(sent_ns));
    }
    return Bytes(buffer_).first(count * message_bytes_);
}

}  // namespace fantail::bench

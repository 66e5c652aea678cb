// SPDX-License-Identifier: Apache-2.0
//! A buffer of ready-made publish frames; sending a batch only writes a sequence number and a time into each message.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "driver/wire.hpp"

namespace fantail::bench {

/// The first bytes of every body: sequence u64, time of sending u64 (ns, CLOCK_MONOTONIC), big endian.
inline constexpr std::uint32_t stamp_bytes = 16;

struct MessageSpec {
    std::string_view exchange;
    std::string_view routing_key;
    std::uint32_t body_bytes = 100;  // at least stamp_bytes
    bool persistent = false;
};

/// Holds as many copies of one publish (method, header, body frames) as fit into 64 KiB, at least one.
class PublishBatch final {
public:
    explicit PublishBatch(const MessageSpec& spec);
    /// How many messages one batch can hold.
    [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
    /// The frames of `count` <= capacity() messages numbered from `first_sequence`; valid until the next call.
    [[nodiscard]] Bytes stamp(std::uint64_t first_sequence, std::uint64_t count, std::int64_t sent_ns);

private:
    FrameWriter frames_;
    std::vector<std::uint8_t> buffer_;
    std::size_t message_bytes_ = 0;
    std::size_t stamp_at_ = 0;
    std::uint64_t capacity_ = 0;
};

}  // namespace fantail::bench

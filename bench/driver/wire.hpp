// SPDX-License-Identifier: Apache-2.0
//! AMQP 0-9-1 frames as the driver writes and reads them, apart from the broker's codec: neither hides the other's faults.
//!
//!   frame, big endian:  0 type u8 | 1 channel u16 | 3 payload size u32 | 7 payload … | 7+size end octet 0xCE
//!   method payload:     class u16, method u16, arguments …
//!   header payload:     class u16, weight u16, body size u64, flags u16, properties …
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace fantail::bench {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::uint8_t frame_method = 1;
inline constexpr std::uint8_t frame_header = 2;
inline constexpr std::uint8_t frame_body = 3;
inline constexpr std::uint8_t frame_heartbeat = 8;
inline constexpr std::uint8_t frame_end = 0xCE;
inline constexpr std::size_t frame_overhead_bytes = 8;
inline constexpr std::uint32_t frame_size_max = 131'072;

/// A method as `class << 16 | method`.
enum class Method : std::uint32_t {
    connection_start = 10U << 16 | 10,
    connection_start_ok = 10U << 16 | 11,
    connection_tune = 10U << 16 | 30,
    connection_tune_ok = 10U << 16 | 31,
    connection_open = 10U << 16 | 40,
    connection_open_ok = 10U << 16 | 41,
    connection_close = 10U << 16 | 50,
    connection_close_ok = 10U << 16 | 51,
    channel_open = 20U << 16 | 10,
    channel_open_ok = 20U << 16 | 11,
    channel_close = 20U << 16 | 40,
    exchange_declare = 40U << 16 | 10,
    exchange_declare_ok = 40U << 16 | 11,
    exchange_delete = 40U << 16 | 20,
    exchange_delete_ok = 40U << 16 | 21,
    queue_declare = 50U << 16 | 10,
    queue_declare_ok = 50U << 16 | 11,
    queue_bind = 50U << 16 | 20,
    queue_bind_ok = 50U << 16 | 21,
    queue_delete = 50U << 16 | 40,
    queue_delete_ok = 50U << 16 | 41,
    basic_qos = 60U << 16 | 10,
    basic_qos_ok = 60U << 16 | 11,
    basic_consume = 60U << 16 | 20,
    basic_consume_ok = 60U << 16 | 21,
    basic_publish = 60U << 16 | 40,
    basic_deliver = 60U << 16 | 60,
    basic_ack = 60U << 16 | 80,
    basic_nack = 60U << 16 | 120,
    confirm_select = 85U << 16 | 10,
    confirm_select_ok = 85U << 16 | 11,
};

template <typename T>
[[nodiscard]] inline T load_be(const std::uint8_t* at) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | at[i]);
    return value;
}

template <typename T>
inline void store_be(std::uint8_t* at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        at[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * (sizeof(T) - 1 - i)));
}

/// One frame inside a read buffer; the payload lives until the buffer's next read.
struct Frame {
    std::uint8_t type = 0;
    std::uint16_t channel = 0;
    Bytes payload;
    [[nodiscard]] Method method() const { return static_cast<Method>(load_be<std::uint32_t>(payload.data())); }
};

/// Appends frames to a byte vector: `begin…`, fields, `end`.
class FrameWriter final {
public:
    FrameWriter& begin_method(std::uint16_t channel, Method method);
    FrameWriter& begin(std::uint8_t type, std::uint16_t channel);
    FrameWriter& end();
    FrameWriter& u8(std::uint8_t value);
    FrameWriter& u16(std::uint16_t value);
    FrameWriter& u32(std::uint32_t value);
    FrameWriter& u64(std::uint64_t value);
    FrameWriter& short_text(std::string_view value);
    FrameWriter& long_text(std::string_view value);
    FrameWriter& raw(Bytes value);
    /// An argument table of text values, as (name, value).
    FrameWriter& text_table(std::span<const std::pair<std::string_view, std::string_view>> entries);
    [[nodiscard]] Bytes bytes() const { return out_; }
    [[nodiscard]] std::size_t size() const { return out_.size(); }
    void clear() { out_.clear(); }

private:
    std::vector<std::uint8_t> out_;
    std::size_t size_at_ = 0;
};

/// Reads fields in order; reading past the end ends the run with an error.
class FieldReader final {
public:
    explicit FieldReader(Bytes in) : in_(in) {}
    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    std::uint64_t u64();
    std::string_view short_text();

private:
    Bytes take(std::size_t size);
    Bytes in_;
};

}  // namespace fantail::bench

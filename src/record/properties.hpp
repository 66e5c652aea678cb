// SPDX-License-Identifier: Apache-2.0
//! Message properties in the layout of AMQP 0-9-1's basic class: u16 flags, then the fields present, in fixed order.
//
// Big endian. Bit 15 content-type, 14 content-encoding, 13 headers, 12 delivery-mode, 11 priority, 10 correlation-id,
// 9 reply-to, 8 expiration, 7 message-id, 6 timestamp, 5 type, 4 user-id, 3 app-id, 2 cluster-id (reserved).
// Texts are u8 length + bytes, headers is u32 length + field table, timestamp u64, delivery-mode and priority u8.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "record/field_table.hpp"

namespace fantail::record {

/// The flag of each property; a field is present when its bit is set (AMQP 0-9-1 §4.2.6.1, class basic).
namespace property_flag {
inline constexpr std::uint16_t content_type = 1u << 15;
inline constexpr std::uint16_t content_encoding = 1u << 14;
inline constexpr std::uint16_t headers = 1u << 13;
inline constexpr std::uint16_t delivery_mode = 1u << 12;
inline constexpr std::uint16_t priority = 1u << 11;
inline constexpr std::uint16_t correlation_id = 1u << 10;
inline constexpr std::uint16_t reply_to = 1u << 9;
inline constexpr std::uint16_t expiration = 1u << 8;
inline constexpr std::uint16_t message_id = 1u << 7;
inline constexpr std::uint16_t timestamp = 1u << 6;
inline constexpr std::uint16_t type = 1u << 5;
inline constexpr std::uint16_t user_id = 1u << 4;
inline constexpr std::uint16_t app_id = 1u << 3;
inline constexpr std::uint16_t cluster_id = 1u << 2;
inline constexpr std::uint16_t none = 0x0003;  ///< the bits no property has; bit 0 would announce more flags
}  // namespace property_flag

/// The value of delivery_mode that asks for durability.
inline constexpr std::uint8_t delivery_mode_persistent = 2;
/// The longest text property, in bytes.
inline constexpr std::size_t property_text_size_max = 255;
/// The largest expiration RabbitMQ accepts, in milliseconds.
inline constexpr std::uint64_t expiration_ms_max = 0xFFFF'FFFF;

/// All properties of a message. Views borrow the bytes that were parsed.
struct Properties {
    std::optional<std::string_view> content_type;
    std::optional<std::string_view> content_encoding;
    std::optional<FieldTableView> headers;
    std::optional<std::uint8_t> delivery_mode;
    std::optional<std::uint8_t> priority;
    std::optional<std::string_view> correlation_id;
    std::optional<std::string_view> reply_to;
    std::optional<std::string_view> expiration;  ///< milliseconds as text, see parse_expiration()
    std::optional<std::string_view> message_id;
    std::optional<std::uint64_t> timestamp;  ///< seconds since 1970
    std::optional<std::string_view> type;
    std::optional<std::string_view> user_id;
    std::optional<std::string_view> app_id;
    std::optional<std::string_view> cluster_id;

    /// Decodes exactly these bytes; the headers table is validated at every depth.
    /// Errors: malformed (cut off, bytes left over, unknown flags, bad table), too_large (table nests too deep).
    [[nodiscard]] static Result<Properties> parse(ByteView bytes);
    /// Appends the encoding. REQUIRES texts up to property_text_size_max.
    void encode(Bytes& out) const;
};

/// What the hot path needs of a message's properties. Views borrow the bytes that were scanned.
struct PropertyScan {
    std::optional<std::uint8_t> delivery_mode;
    std::optional<std::uint8_t> priority;
    std::optional<std::string_view> expiration;
    std::optional<FieldTableView> headers;
    std::optional<std::string_view> user_id;
    std::optional<std::string_view> reply_to;
    std::optional<std::string_view> message_id;

    [[nodiscard]] bool persistent() const { return delivery_mode == delivery_mode_persistent; }
};

/// Validates as Properties::parse() does, with the same errors, and extracts only what PropertyScan names.
/// Hot: one pass, no allocation unless it fails.
[[nodiscard]] Result<PropertyScan> scan_properties(ByteView bytes);

/// The expiration property as milliseconds: decimal digits only, 0 to expiration_ms_max.
/// Errors: precondition_failed, as RabbitMQ answers it.
[[nodiscard]] Result<std::uint64_t> parse_expiration(std::string_view text);

}  // namespace fantail::record

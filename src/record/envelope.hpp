// SPDX-License-Identifier: Apache-2.0
//! The envelope: what a message carries besides key and value, kept in its record header "e" (docs/formats/envelope.md).
//
//   version u8 (1) | properties size uvarint | properties (record/properties.hpp) | extensions to the end
//   extension: tag uvarint | size uvarint | bytes        tags strictly ascending, so that there is one encoding
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "record/properties.hpp"

namespace fantail::record {

inline constexpr std::uint8_t envelope_version = 1;

/// What an extension says. Numbers are stored: never reuse one. Unknown tags are kept and ignored.
enum class ExtensionTag : std::uint64_t {
    exchange = 1,         ///< text: where it was published; absent for the default exchange
    deaths = 2,           ///< death history (record/deaths.hpp)
    due_time_ms = 3,      ///< u64 big endian, wall time before which it must not be delivered
    dedup_id = 4,         ///< bytes that make it a duplicate of another
    delivery_count = 5,   ///< uvarint, deliveries that have failed so far
    group_key = 6,        ///< bytes; messages of one group are dispatched in order
    origin = 7,           ///< text: protocol or peer it came from
    dedup_window_ms = 8,  ///< uvarint: how long its exchange asks that dedup_id be remembered
};

/// The fields of an envelope to be encoded. Views are copied during the call. An empty exchange, deaths or origin is
/// left out; an empty dedup_id or group_key is stored when it is set.
struct EnvelopeParts {
    ByteView properties{};
    std::string_view exchange{};
    ByteView deaths{};
    std::optional<WallTime> due_time{};
    std::optional<ByteView> dedup_id{};
    std::optional<std::uint64_t> delivery_count{};
    std::optional<ByteView> group_key{};
    std::string_view origin{};
    std::optional<std::uint64_t> dedup_window_ms{};
    ByteView unknown{};  ///< encoded extensions with tags above ours, copied as they are
};

/// Appends an envelope of properties and exchange. Hot: one growth of `out`.
void encode_envelope(Bytes& out, ByteView properties, std::string_view exchange);
/// Appends an envelope. REQUIRES a due time at or after 1970.
void encode_envelope(Bytes& out, const EnvelopeParts& parts);

/// An envelope in borrowed bytes, its structure and the sizes of known extensions checked.
class EnvelopeView {
public:
    /// Errors: unsupported (another version), malformed. The properties themselves are not looked into.
    [[nodiscard]] static Result<EnvelopeView> parse(ByteView bytes);

    /// The encoded properties, for scan_properties() or Properties::parse().
    [[nodiscard]] ByteView properties() const { return properties_; }
    /// The exchange it was published to; empty for the default exchange.
    [[nodiscard]] std::string_view exchange() const { return exchange_; }
    /// The bytes of any extension.
    [[nodiscard]] std::optional<ByteView> extension(ExtensionTag tag) const;

    [[nodiscard]] ByteView deaths() const { return extension(ExtensionTag::deaths).value_or(ByteView{}); }
    [[nodiscard]] std::optional<WallTime> due_time() const;
    [[nodiscard]] std::optional<ByteView> dedup_id() const { return extension(ExtensionTag::dedup_id); }
    [[nodiscard]] std::uint64_t delivery_count() const { return number(ExtensionTag::delivery_count); }
    [[nodiscard]] std::optional<ByteView> group_key() const { return extension(ExtensionTag::group_key); }
    /// 0 unless the exchange it was published to has a window.
    [[nodiscard]] std::uint64_t dedup_window_ms() const { return number(ExtensionTag::dedup_window_ms); }
    [[nodiscard]] std::string_view origin() const {
        return as_text(extension(ExtensionTag::origin).value_or(ByteView{}));
    }

    /// Everything, to be changed and encoded again. The views borrow what this one borrows.
    [[nodiscard]] EnvelopeParts parts() const;

private:
    EnvelopeView() = default;
    [[nodiscard]] std::uint64_t number(ExtensionTag tag) const;
    ByteView properties_{};
    ByteView extensions_{};
    std::string_view exchange_{};
};

}  // namespace fantail::record

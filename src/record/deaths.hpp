// SPDX-License-Identifier: Apache-2.0
//! A message's death history: from which queues it was dead-lettered, why, and how often.
//
// Encoding (docs/formats/envelope.md, extension `deaths`): nothing when there was none; else uvarint count, uvarint
// index of the first death, last exchange string, then the deaths, the latest first: queue string, reason u8,
// count uvarint, exchange string, uvarint number of routing keys,
// the keys as strings, time svarint (ms), original expiration string. Strings are uvarint length + bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace fantail::record {

/// The most entries a history keeps; beyond it the one longest unused is forgotten, but never the first death.
inline constexpr std::size_t deaths_max = 64;
/// The most routing keys a death keeps; further ones are not recorded.
inline constexpr std::size_t death_routing_keys_max = 256;

/// Why a message left a queue otherwise than by being settled. Numbers are stored: never reuse one.
enum class DeathReason : std::uint8_t { rejected = 1, expired = 2, maxlen = 3, delivery_limit = 4 };

/// The reason as RabbitMQ spells it in x-death.
[[nodiscard]] std::string_view to_text(DeathReason reason);

/// All deaths in one queue for one reason. Exchange, keys, time and expiration are those of the earliest of them.
struct Death {
    std::string queue;
    DeathReason reason = DeathReason::rejected;
    std::uint64_t count = 1;
    std::string exchange;
    std::vector<std::string> routing_keys;
    WallTime time;
    std::string original_expiration;  ///< the expiration property it lost by expiring; empty if none
    bool operator==(const Death&) const = default;
};

/// A message's deaths, the latest first. Invariant: empty, or `first_index < deaths.size() <= deaths_max`, and no
/// two deaths share queue and reason.
struct DeathHistory {
    std::vector<Death> deaths;
    std::size_t first_index = 0;  ///< which of them was the message's first ever
    std::string
        last_exchange;  ///< x-last-death-exchange: where it came from at its latest death, which a repeated death's entry does not say

    /// x-last-death-queue and -reason: null when the message never died.
    [[nodiscard]] const Death* last() const { return deaths.empty() ? nullptr : &deaths.front(); }
    /// x-first-death-*: null when the message never died.
    [[nodiscard]] const Death* first() const { return deaths.empty() ? nullptr : &deaths[first_index]; }
    bool operator==(const DeathHistory&) const = default;
};

/// Adds one death as RabbitMQ does with x-death: a known queue and reason counts one more and moves to the front with
/// all else unchanged but last_exchange; another becomes the new front with a count of 1 whatever `death.count` says.
void record_death(DeathHistory& history, Death death);

/// Whether dead-lettering into `queue` closes a cycle that nobody's rejection is part of, in which case RabbitMQ drops
/// the message: walking back from the latest death to the one in `queue`, none was `rejected`.
[[nodiscard]] bool is_death_cycle(const DeathHistory& history, std::string_view queue);

/// Appends the encoding.
void encode_deaths(Bytes& out, const DeathHistory& history);
/// Decodes exactly these bytes; no bytes at all are an empty history.
/// Errors: malformed, too_large (more than deaths_max or death_routing_keys_max).
[[nodiscard]] Result<DeathHistory> decode_deaths(ByteView bytes);

}  // namespace fantail::record

// SPDX-License-Identifier: Apache-2.0
//! Request ids that say by themselves what kind of command they belong to and which channel sent it.
//
//   63      60 59       44 43                0
//   +---------+-----------+-------------------+
//   | purpose |  channel  |      counter      |
//   +---------+-----------+-------------------+
#pragma once

#include "base/ids.hpp"

namespace fantail::amqp091 {

/// What a command was sent for.
enum class Purpose : std::uint8_t {
    none = 0,
    append = 1,
    channel_method = 2,
    connection_open = 3,
    connection_close = 4,
    login = 5
};

inline constexpr unsigned purpose_shift = 60;
inline constexpr unsigned channel_shift = 44;
inline constexpr std::uint64_t request_counter_mask = (std::uint64_t{1} << channel_shift) - 1;

[[nodiscard]] constexpr RequestId request_id(Purpose purpose, std::uint16_t channel, std::uint64_t counter) {
    return RequestId((static_cast<std::uint64_t>(purpose) << purpose_shift) |
                     (std::uint64_t{channel} << channel_shift) | (counter & request_counter_mask));
}
[[nodiscard]] constexpr Purpose purpose_of(RequestId id) {
    return Purpose{static_cast<std::uint8_t>(id.value >> purpose_shift)};
}
[[nodiscard]] constexpr std::uint16_t channel_of(RequestId id) {
    return static_cast<std::uint16_t>(id.value >> channel_shift);
}
[[nodiscard]] constexpr std::uint64_t counter_of(RequestId id) { return id.value & request_counter_mask; }

// Consumers are numbered so that those of one opening of a channel are a range: serial << 32 | number. Number 0 is the
// lease of basic.get. The top bit marks direct reply consumers, which no shard knows.
inline constexpr unsigned consumer_serial_shift = 32;
inline constexpr std::uint64_t reply_consumer_bit = std::uint64_t{1} << 63;

[[nodiscard]] constexpr ConsumerId consumer_id(std::uint32_t serial, std::uint32_t number) {
    return ConsumerId((std::uint64_t{serial} << consumer_serial_shift) | number);
}
[[nodiscard]] constexpr bool is_reply_consumer(ConsumerId id) { return (id.value & reply_consumer_bit) != 0; }

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Writes and reads direct reply addresses.
#include "protocols/amqp091/reply_to.hpp"

#include <charconv>

namespace fantail::amqp091 {
namespace {

constexpr std::size_t digits = 16;

std::optional<std::uint64_t> read_hex(std::string_view text) {
    std::uint64_t value = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::string hex(std::uint64_t value) {
    constexpr std::string_view alphabet = "0123456789abcdef";
    std::string out(digits, '0');
    for (std::size_t i = digits; i-- > 0; value >>= 4) out[i] = alphabet[value & 0xF];
    return out;
}

std::string to_text(const ReplyAddress& address) {
    return std::string(reply_queue) + "." + hex(address.connection.value) + hex(address.consumer.value);
}

std::optional<ReplyAddress> parse_reply_address(std::string_view key) {
    if (!is_reply_address(key) || key.size() != reply_queue.size() + 1 + 2 * digits) return std::nullopt;
    const std::string_view token = key.substr(reply_queue.size() + 1);
    const auto connection = read_hex(token.substr(0, digits));
    const auto consumer = read_hex(token.substr(digits));
    if (!connection || !consumer) return std::nullopt;
    return ReplyAddress{ConnectionId(*connection), ConsumerId(*consumer)};
}

}  // namespace fantail::amqp091

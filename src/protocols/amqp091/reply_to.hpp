// SPDX-License-Identifier: Apache-2.0
//! Direct reply-to: addresses that name a consumer instead of a queue.
//
// "amq.rabbitmq.reply-to." and the connection's and the consumer's id, 16 hexadecimal digits each. The consumer's id is
// random, so that an address cannot be guessed.
#pragma once

#include <optional>
#include <string>

#include "protocols/amqp091/publication.hpp"

namespace fantail::amqp091 {

/// A consumer of replies, anywhere in the broker.
struct ReplyAddress {
    ConnectionId connection;
    ConsumerId consumer;
    bool operator==(const ReplyAddress&) const = default;
};

/// "amq.rabbitmq.reply-to." and anything behind it.
[[nodiscard]] inline bool is_reply_address(std::string_view key) {
    return key.size() > reply_queue.size() && key.starts_with(reply_queue) && key[reply_queue.size()] == '.';
}
/// 16 hexadecimal digits.
[[nodiscard]] std::string hex(std::uint64_t value);
[[nodiscard]] std::string to_text(const ReplyAddress& address);
/// Nothing if it is no address of ours.
[[nodiscard]] std::optional<ReplyAddress> parse_reply_address(std::string_view key);

}  // namespace fantail::amqp091

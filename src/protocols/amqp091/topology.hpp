// SPDX-License-Identifier: Apache-2.0
//! The exchange and queue classes: from methods to commands of the broker, and from its refusals to RabbitMQ's words.
#pragma once

#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

/// A name with the characters that RabbitMQ strips (CR, LF) taken out.
[[nodiscard]] std::string clean_name(std::string_view name);

/// 403 unless the connection's user may do that. `kind` is "queue" or "exchange".
[[nodiscard]] Handled check_permission(const Link& link, broker::Operation operation, std::string_view kind,
                                       std::string_view name);

/// 403 unless the user may publish to a topic exchange with that key (write), or bind from it (read).
[[nodiscard]] Handled check_topic(const Link& link, broker::Operation operation, std::string_view exchange,
                                  std::string_view key);

/// A queue as it is now. Errors: 404, 405 (exclusive to another connection).
[[nodiscard]] Replied<const broker::QueueDefinition*> find_queue(const Link& link, std::string_view name);
/// An exchange as it is now. Errors: 404.
[[nodiscard]] Replied<const broker::ExchangeDefinition*> find_exchange(const Link& link, std::string_view name);

// Commands. Each checks names, permissions and arguments, as far as they do not depend on the present topology: methods
// may be pipelined. Names in the methods are clean and filled in (the channel's last declared queue).

[[nodiscard]] Replied<broker::DeclareQueue> declare_queue(const Link& link, const QueueDeclare& method);
[[nodiscard]] Replied<broker::DeclareExchange> declare_exchange(const Link& link, const ExchangeDeclare& method);
[[nodiscard]] Replied<broker::DeleteQueue> delete_queue(const Link& link, const QueueDelete& method);
[[nodiscard]] Replied<broker::DeleteExchange> delete_exchange(const Link& link, const ExchangeDelete& method);
/// `binding` has everything but the vhost. Errors also: 406 (arguments that its source cannot match).
[[nodiscard]] Replied<broker::BindingDefinition> checked_binding(const Link& link, broker::BindingDefinition binding);

// Why the broker refused a command: found out by comparing it with the topology as it is now, so that the texts are
// those that clients match on; the broker's own words where nothing is found.

[[nodiscard]] ReplyError explain(const Link& link, const broker::DeclareQueue& command, const Error& error);
[[nodiscard]] ReplyError explain(const Link& link, const broker::DeclareExchange& command, const Error& error);
[[nodiscard]] ReplyError explain(const Link& link, const broker::DeleteQueue& command, const Error& error);
[[nodiscard]] ReplyError explain(const Link& link, const broker::DeleteExchange& command, const Error& error);
[[nodiscard]] ReplyError explain(const Link& link, const broker::BindingDefinition& binding, const Error& error);

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! The arguments of queue.declare: x-message-ttl and the rest, checked and turned into QueueOptions.
#pragma once

#include <span>

#include "base/limits.hpp"
#include "protocols/amqp091/link.hpp"

namespace fantail::amqp091 {

/// What a declaration's arguments and flags amount to.
struct QueueArguments {
    broker::QueueKind kind = broker::QueueKind::classic;
    broker::QueueOptions options;
};

/// The parts of queue.declare that decide how its arguments are read.
struct QueueRequest {
    std::string_view name;  ///< for the error texts
    bool durable = false;
    bool exclusive = false;
    bool auto_delete = false;
    record::FieldTableView arguments;                             ///< validated
    broker::QueueKind default_kind = broker::QueueKind::classic;  ///< the vhost's
};

/// Reads the arguments as RabbitMQ 4.3 does, and accepts what older clients still send (x-queue-mode, x-ha-*).
/// Unknown arguments are kept and ignored. Errors: 406 with the argument's name.
[[nodiscard]] Replied<QueueArguments> parse_queue_arguments(const Link& link, const QueueRequest& request);

/// The arguments that must be equal when a queue is declared again.
[[nodiscard]] std::span<const std::string_view> compared_queue_arguments();

/// "classic", "quorum" or "stream".
[[nodiscard]] std::string_view to_text(broker::QueueKind kind);
[[nodiscard]] std::optional<broker::QueueKind> queue_kind_of(std::string_view text);

/// A stream's age as RabbitMQ writes it: a number and one of Y M D h m s. In milliseconds.
[[nodiscard]] std::optional<std::int64_t> parse_age(std::string_view text);

/// "queue 'q' in vhost '/'": how every error text names things; `kind` is "queue" or "exchange".
[[nodiscard]] std::string described(std::string_view kind, std::string_view name, const Link& link);

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Messages that an HTTP request takes from a queue, one after another.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <vector>

#include "broker/api/commands.hpp"
#include "protocols/amqp091/mapping.hpp"
#include "protocols/amqp091/unpacked_batch.hpp"

namespace fantail::server {

/// What becomes of messages that were taken, by RabbitMQ's names (`ackmode`); nothing: settled as they are taken.
struct AckMode {
    std::optional<broker::Outcome> outcome;
};
/// "ack_requeue_true", "reject_requeue_false" …
[[nodiscard]] std::optional<AckMode> ack_mode_of(std::string_view name);

struct Fetch {
    QueueId queue;
    broker::QueueKind kind = broker::QueueKind::classic;
    std::uint32_t wanted = 0;  ///< messages still to be taken
    AckMode mode;
    bool always_base64 = false;           ///< else only for what is no UTF-8
    std::optional<std::size_t> truncate;  ///< bytes of a payload that are shown
    std::vector<broker::OffsetRange> held;
    std::size_t payload_bytes = 0;  ///< shown so far
    boost::json::array rows;
    amqp091::Mapper mapper;
    amqp091::UnpackedBatch unpacked;

    /// True if the message was there.
    bool take(const broker::GetResult& got);
    [[nodiscard]] bool enough() const;
};

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! From stored records to AMQP 0-9-1 properties: what a delivery adds, and records of other protocols (docs/guide/mapping.md).
#pragma once

#include "broker/api.hpp"
#include "protocols/amqp091/link.hpp"
#include "record/batch.hpp"
#include "record/envelope.hpp"

namespace fantail::amqp091 {

/// What the delivery itself says of a message.
struct DeliveryFacts {
    broker::QueueKind kind = broker::QueueKind::classic;
    std::uint32_t delivery_count = 0;
    std::uint32_t acquired_count = 0;
    Offset offset;
};

/// A stored message as a client sees it. Views into the record or the Mapper that made it.
struct OutgoingMessage {
    std::string_view exchange;
    std::string_view routing_key;  ///< at most 255 bytes
    ByteView properties;
    ByteView body;
};

/// Turns records into messages. Keeps its buffers from message to message.
class Mapper final {
public:
    /// The result lasts until the next call and as long as the record's batch. Hot for a message that has not died and
    /// comes from a classic queue: its properties are passed on as they are.
    /// Adds x-death and its companions, x-delivery-count and x-acquired-count (quorum queues), x-stream-offset (streams).
    [[nodiscard]] OutgoingMessage map(const record::RecordView& record, const DeliveryFacts& facts,
                                      std::uint32_t frame_max);

private:
    void add_headers(ByteView properties, ByteView deaths, const DeliveryFacts& facts);
    void map_foreign(const record::RecordView& record);
    void fit(ByteView properties);

    Bytes rewritten_;
};

}  // namespace fantail::amqp091

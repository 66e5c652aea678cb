// SPDX-License-Identifier: Apache-2.0
//! ConnectionParts: what the channels of one connection work with together.
#pragma once

#include <memory>

#include "protocols/amqp091/consumers.hpp"
#include "protocols/amqp091/mapping.hpp"
#include "protocols/amqp091/publisher.hpp"
#include "protocols/amqp091/request_ids.hpp"
#include "protocols/amqp091/settler.hpp"
#include "protocols/amqp091/unpacked_batch.hpp"

namespace fantail::amqp091 {

/// Lives in the Session; channels hold a reference.
class ConnectionParts final {
public:
    explicit ConnectionParts(Link& parts_link) : link(parts_link) {}

    Link& link;
    Settler settler;
    Mapper mapper;
    UnpackedBatch unpacked;
    Consumers consumers;
    std::uint64_t unfinished_bytes = 0;        ///< announced bodies that are not complete
    bool paused = false;                       ///< the peer reads too slowly: consumers stand still
    std::vector<std::uint16_t> busy_channels;  ///< to be looked at when the turn ends

    /// Made when first needed: most connections of a fan-out only consume.
    [[nodiscard]] Publisher& publisher() {
        if (!publisher_) publisher_ = std::make_unique<Publisher>(link);
        return *publisher_;
    }
    [[nodiscard]] Publisher* existing_publisher() { return publisher_.get(); }

    [[nodiscard]] RequestId next_request(Purpose purpose, std::uint16_t channel) {
        return request_id(purpose, channel, ++requests_);
    }

    /// Sends what was gathered, so that what is sent next comes behind it.
    void flush() {
        if (publisher_) publisher_->flush();
        settler.flush(link.broker());
    }

private:
    std::unique_ptr<Publisher> publisher_;
    std::uint64_t requests_ = 0;
};

}  // namespace fantail::amqp091

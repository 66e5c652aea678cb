// SPDX-License-Identifier: Apache-2.0
//! One message on its way from an HTTP request to its queues.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocols/amqp091/publisher.hpp"

namespace fantail::server {

/// A message as its publisher describes it.
struct OutgoingBody {
    std::string exchange;
    std::string routing_key;
    Bytes properties;  ///< encoded (record/properties.hpp)
    std::string body;
};

/// Published as AMQP's basic.publish with mandatory and a confirm, with the same checks. Lives until the answer has come.
class Publishing {
public:
    /// \param link who publishes, and where
    explicit Publishing(std::shared_ptr<amqp091::Link> link) : link_(std::move(link)), publisher_(*link_) {}

    void begin(const OutgoingBody& message);
    /// Notes an answer of a shard. \return false if it is of another kind
    bool takes(const broker::Event& event);
    [[nodiscard]] bool complete() const { return outcome_.has_value(); }
    /// Whether some queue took it. Errors: what AMQP would answer; precondition_failed (a queue refused it).
    [[nodiscard]] Result<bool> outcome() const { return *outcome_; }

private:
    std::shared_ptr<amqp091::Link> link_;
    amqp091::Publisher publisher_;
    bool routed_ = false;
    std::optional<Result<bool>> outcome_;
};

/// {"routed": true}
[[nodiscard]] std::string json_of_routed(bool routed);

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! The last messages that passed through an exchange, for queues that are bound to it later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "broker/api/commands.hpp"

namespace fantail::broker {

/// Invariant: at most `length` messages and limits::exchange_history_bytes_max bytes, the oldest of which go first.
class ExchangeHistory final {
public:
    void set_length(std::size_t length);
    void add(Remember&& message);
    /// Appends of what was routed before `wanted.until`, oldest first, none of them to be confirmed.
    [[nodiscard]] std::vector<Append> recall(const Recall& wanted) const;

private:
    struct Message {
        SharedBytes batch;
        std::uint64_t body_bytes = 0;
        BatchTraits traits;
        std::uint8_t priority = 0;
        std::uint64_t routed_at = 0;
    };
    void drop_oldest();

    std::size_t length_ = 0;
    std::uint64_t bytes_ = 0;  ///< of all batches
    std::deque<Message> messages_;
};

}  // namespace fantail::broker

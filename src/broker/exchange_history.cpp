// SPDX-License-Identifier: Apache-2.0
//! A bounded queue of batches.
#include "broker/exchange_history.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace fantail::broker {

void ExchangeHistory::set_length(std::size_t length) {
    length_ = length;
    drop_oldest();
}

void ExchangeHistory::add(Remember&& message) {
    bytes_ += message.batch->size();
    messages_.push_back(
        {std::move(message.batch), message.body_bytes, message.traits, message.priority, message.routed_at});
    drop_oldest();
}

void ExchangeHistory::drop_oldest() {
    while (!messages_.empty() && (messages_.size() > length_ || bytes_ > limits::exchange_history_bytes_max)) {
        bytes_ -= messages_.front().batch->size();
        messages_.pop_front();
    }
}

std::vector<Append> ExchangeHistory::recall(const Recall& wanted) const {
    std::vector<Append> appends;
    for (const Message& each : messages_) {
        if (each.routed_at >= wanted.until) continue;
        appends.push_back({.targets = {{wanted.queue, std::min(each.priority, wanted.highest_level)}},
                           .batch = each.batch,
                           .count = 1,
                           .body_bytes = each.body_bytes,
                           .traits = each.traits});
    }
    return appends;
}

}  // namespace fantail::broker

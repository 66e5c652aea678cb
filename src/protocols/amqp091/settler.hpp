// SPDX-License-Identifier: Apache-2.0
//! Settler: gathers the settlements of one turn into as few commands as possible.
#pragma once

#include <vector>

#include "broker/api.hpp"
#include "protocols/amqp091/unacked.hpp"

namespace fantail::amqp091 {

/// Invariant: `open_` holds each (queue, consumer, outcome) at most once, at most limits::open_settles_max of them.
class Settler final {
public:
    /// Adds a range; sent with the next flush.
    void add(broker::Port& port, const LeaseRange& range, broker::Outcome outcome);
    /// Sends what was gathered.
    void flush(broker::Port& port);
    [[nodiscard]] bool empty() const { return open_.empty(); }

private:
    [[nodiscard]] broker::Settle& find(broker::Port& port, const LeaseRange& range, broker::Outcome outcome);

    std::vector<broker::Settle> open_;
    std::size_t last_ = 0;
};

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Which published messages the server has not confirmed yet, and how long each took.
#pragma once
#include <cstdint>
#include <vector>

#include "driver/connection.hpp"
#include "driver/histogram.hpp"

namespace fantail::bench {

/// Tracks publishes of one channel in confirm mode. Delivery tags are 1, 2, 3 … as AMQP's confirms number them.
/// Invariants: every tag below `low_` is confirmed; a slot is 0 exactly when its tag is confirmed or not yet sent.
class ConfirmWindow final {
public:
    /// At most `window` >= 1 messages are outstanding.
    explicit ConfirmWindow(std::uint64_t window);
    /// How many messages may be sent now.
    [[nodiscard]] std::uint64_t room() const;
    /// Notes that the next `count` <= room() messages were sent at `sent_ns`.
    void sent(std::uint64_t count, std::int64_t sent_ns);
    /// Settles `tag`, or with `multiple` every tag up to it (0: all); adds each one's latency to `latency` unless null.
    void confirm(std::uint64_t tag, bool multiple, std::int64_t now, Histogram* latency);
    /// Takes every ack and nack frame that `connection` has received. A nack counts as confirmed and as refused.
    void drain(Connection& connection, Histogram* latency);
    [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    /// Number of messages confirmed without a gap, from the first.
    [[nodiscard]] std::uint64_t confirmed_without_gap() const { return low_ - 1; }
    [[nodiscard]] bool all_confirmed() const { return confirmed_ + 1 == next_; }

private:
    bool settle(std::uint64_t tag, std::int64_t now, Histogram* latency);
    std::uint64_t window_;
    std::vector<std::int64_t> sent_ns_;
    std::uint64_t next_ = 1;
    std::uint64_t low_ = 1;
    std::uint64_t confirmed_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace fantail::bench

// SPDX-License-Identifier: Apache-2.0
//! Collects the acknowledgements of one read and sends them with one write.
#pragma once
#include <cstdint>
#include <vector>

#include "driver/connection.hpp"

namespace fantail::bench {

/// One basic.ack frame for every `every` deliveries, with `multiple` set when `every` > 1.
class AckBatch final {
public:
    explicit AckBatch(std::uint64_t every) : every_(every) {}
    void delivered(std::uint64_t tag) {
        last_ = tag;
        if (++pending_ >= every_) append();
    }
    /// Sends what was collected; false when the connection is gone.
    [[nodiscard]] bool flush(Connection& connection) {
        if (out_.size() == 0) return true;
        const bool sent = connection.send(out_.bytes());
        out_.clear();
        return sent;
    }
    /// Acknowledges the remainder that `every` left open, and sends.
    [[nodiscard]] bool finish(Connection& connection) {
        if (pending_ > 0) append();
        return flush(connection);
    }

private:
    void append() {
        out_.begin_method(1, Method::basic_ack).u64(last_).u8(every_ > 1 ? 1 : 0).end();
        pending_ = 0;
    }
    FrameWriter out_;
    std::uint64_t every_;
    std::uint64_t last_ = 0;
    std::uint64_t pending_ = 0;
};

}  // namespace fantail::bench

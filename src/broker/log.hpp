// SPDX-License-Identifier: Apache-2.0
//! What a queue of kind stream keeps besides its offsets, to be read and appended to as a log.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "broker/log_producers.hpp"
#include "broker/log_transactions.hpp"

namespace fantail::broker {

struct LogRead;

/// Made when something is first appended or asked. Invariant: `undurable` ascends in both its fields.
struct Log {
    struct Undurable {
        Lsn lsn;
        std::uint64_t base = 0;
    };
    /// The record with the greatest time.
    struct Newest {
        std::int64_t time_ms = -1;
        std::uint64_t base = 0;  ///< of its batch
    };

    std::deque<Undurable> undurable;  ///< batches that a crash may still lose
    LogProducers producers;
    LogTransactions transactions;
    Newest newest;
    std::vector<LogRead*> waiting;  ///< reads to be looked at again when the high watermark rises

    /// Notes that everything up to `durable` is safe. Returns whether the high watermark rose.
    bool became_durable(Lsn durable) {
        const std::size_t before = undurable.size();
        while (!undurable.empty() && undurable.front().lsn <= durable) undurable.pop_front();
        return undurable.size() != before;
    }
    /// \param end one past the last record
    [[nodiscard]] std::uint64_t high_watermark(std::uint64_t end) const {
        return undurable.empty() ? end : undurable.front().base;
    }

    /// newest time svarint, newest base uvarint, LogProducers::encode(), LogTransactions::encode()
    void encode(Writer& out) const {
        out.svarint(newest.time_ms);
        out.uvarint(newest.base);
        producers.encode(out);
        transactions.encode(out);
    }
    /// \param with_transactions whether the snapshot knows them
    [[nodiscard]] bool decode(Reader& in, bool with_transactions) {
        newest.time_ms = in.svarint();
        newest.base = in.uvarint();
        return producers.decode(in) && (!with_transactions || transactions.decode(in));
    }
};

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Record batches as simulated Kafka clients write and read them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record/batch.hpp"
#include "record/compression.hpp"

namespace fantail::sim {

/// A record to be written: its body follows from its id.
struct WrittenRecord {
    std::uint64_t id = 0;
    std::size_t size = 8;
    WallTime time;
};

/// As a producer sends it.
[[nodiscard]] Bytes write_batch(const std::vector<WrittenRecord>& records, const record::BatchStamp& stamp,
                                record::Codec codec);

/// What a reader makes of one record.
struct FetchedRecord {
    std::int64_t offset = 0;
    std::uint64_t id = 0;
};
struct FetchedBatch {
    std::int64_t base = 0;
    std::int64_t end = 0;  ///< one past its last offset
    std::size_t bytes = 0;
    std::int64_t producer = -1;
    bool transactional = false;
    std::optional<bool> commits;  ///< a marker: whether it commits; it has no records then
    std::vector<FetchedRecord> records;
};
/// Decodes all of it. \param wrong says why it is no sequence of sound batches; else empty
[[nodiscard]] std::vector<FetchedBatch> read_batches(ByteView bytes, std::string& wrong);

}  // namespace fantail::sim

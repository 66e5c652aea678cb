// SPDX-License-Identifier: Apache-2.0
//! Searches batches by time.
#include "broker/log_read.hpp"

#include <algorithm>

#include "record/batch.hpp"
#include "record/compression.hpp"

namespace fantail::broker {

namespace {

/// Leaves `answer` as it is if the records cannot be read.
void find_record(const record::BatchView& batch, std::uint64_t base, WallTime wanted, OffsetFound& answer) {
    auto records = batch.records();
    record::RecordView record;
    while (records && records->next(record)) {
        if (record.timestamp < wanted) continue;
        answer.offset = Offset(base + record.offset_delta);
        answer.time = record.timestamp;
        return;
    }
}

}  // namespace

bool TimeSearch::look_at(ByteView bytes, std::uint64_t base, OffsetFound& answer) const {
    const auto view = record::BatchView::parse(bytes);
    if (view && (view->attributes() & record::batch_attribute::control) != 0) return false;
    if (!view || (!newest && view->max_timestamp() < time)) return newest;
    const WallTime wanted = newest ? view->max_timestamp() : time;
    answer.offset = Offset(base);
    answer.time = view->max_timestamp();
    if (view->compression() == 0) {
        find_record(*view, base, wanted, answer);
    } else if (const auto unpacked = record::decompress_batch(*view, record::unpacked_size_max)) {
        if (const auto plain = record::BatchView::parse(*unpacked)) find_record(*plain, base, wanted, answer);
    }
    return true;
}

}  // namespace fantail::broker

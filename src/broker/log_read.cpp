// SPDX-License-Identifier: Apache-2.0
//! Searches batches by time.
#include "broker/log_read.hpp"

#include <algorithm>

#include "record/batch.hpp"

namespace fantail::broker {

bool TimeSearch::look_at(ByteView bytes, std::uint64_t base, OffsetFound& answer) const {
    const auto view = record::BatchView::parse(bytes);
    if (!view || (!newest && view->max_timestamp() < time)) return newest;
    const WallTime wanted = newest ? view->max_timestamp() : time;
    answer.offset = Offset(base);
    answer.time = view->max_timestamp();
    auto records = view->records();
    record::RecordView record;
    while (records && records->next(record)) {
        if (record.timestamp < wanted) continue;
        answer.offset = Offset(base + record.offset_delta);
        answer.time = record.timestamp;
        break;
    }
    return true;
}

}  // namespace fantail::broker

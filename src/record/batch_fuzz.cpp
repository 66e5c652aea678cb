// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the record batch reader: no bytes may break it, and what passes every check must encode to itself again.
#include <cstdlib>
#include <vector>

#include "record/batch.hpp"

using namespace fantail;
using namespace fantail::record;

namespace {

void must(bool condition) {
    if (!condition) std::abort();
}

void append_copy(BatchBuilder& builder, const RecordView& record) {
    std::vector<HeaderParts> headers;
    HeaderCursor cursor = record.header_cursor();
    HeaderView header;
    while (cursor.next(header)) headers.push_back({header.key, header.value, header.value_is_null});
    must(!cursor.failed());
    builder.append({record.timestamp, record.key, record.key_is_null, record.value, record.value_is_null, headers});
}

void same_records(ByteView left, ByteView right) {
    RecordCursor a = BatchView::parse(left).value().records().value();
    RecordCursor b = BatchView::parse(right).value().records().value();
    RecordView x, y;
    while (a.next(x)) {
        must(b.next(y));
        must(as_text(x.key) == as_text(y.key) && as_text(x.value) == as_text(y.value) && x.timestamp == y.timestamp);
        must(x.header_count == y.header_count && as_text(x.envelope) == as_text(y.envelope));
    }
    must(!b.next(y) && !b.failed());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto view = BatchView::parse({data, size});
    if (!view) return 0;
    (void)view->verify_crc();
    auto cursor = view->records();
    if (!cursor) return 0;
    RecordCursor skipping = *cursor;
    (void)skipping.skip(view->record_count() / 2);
    RecordView record;
    const bool valid = view->check_records().has_value();
    BatchBuilder builder;
    while (cursor->next(record)) {
        (void)record.find_header("bb");
        if (valid) append_copy(builder, record);
    }
    if (valid) same_records(view->bytes(), builder.finish(view->base_offset()));
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! Fuzzes field tables and message properties: what validates can be walked, and scan agrees with parse.
#include <cstdlib>

#include "record/field_table.hpp"
#include "record/properties.hpp"

using namespace fantail;
using namespace fantail::record;

namespace {

void must(bool condition) {
    if (!condition) std::abort();
}

void walk_table(FieldTableView table);

void walk_value(const FieldValueView& value) {
    (void)value.as_int(), (void)value.as_double(), (void)value.as_timestamp(), (void)value.as_decimal();
    if (const auto table = value.as_table()) walk_table(*table);
    const auto array = value.as_array();
    if (!array) return;
    FieldArrayCursor values = array->values();
    FieldValueView element;
    while (values.next(element)) walk_value(element);
    must(!values.failed());
}

void walk_table(FieldTableView table) {
    FieldCursor cursor = table.entries();
    FieldEntry entry;
    while (cursor.next(entry)) walk_value(entry.value);
    must(!cursor.failed());
}

void check_table(FieldTableView table) {
    FieldCursor cursor = table.entries();
    FieldEntry entry;
    while (cursor.next(entry)) {
        (void)table.find(entry.name)->equals(entry.value);
    }
    if (!validate(table)) return;
    walk_table(table);
    if (table.bytes().size() > 4096) return;
    FieldTableBuilder copy;
    copy.copy(table);
    must(validate(copy.view()).has_value());
}

void check_properties(ByteView bytes) {
    const auto parsed = Properties::parse(bytes);
    const auto scan = scan_properties(bytes);
    must(parsed.has_value() == scan.has_value());
    if (!parsed) return;
    must(parsed->expiration == scan->expiration && parsed->message_id == scan->message_id &&
         parsed->user_id == scan->user_id);
    must(parsed->delivery_mode == scan->delivery_mode && parsed->reply_to == scan->reply_to);
    Bytes again;
    parsed->encode(again);
    must(as_text(again) == as_text(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView rest{data + 1, size - 1};
    if (data[0] % 2 == 0) check_table(FieldTableView(rest));
    else check_properties(rest);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! Reading record batches: every field and record, and bad input.
#include "record/batch_scene.hpp"

namespace fantail::record {
namespace {

TEST(BatchView, ReadsEveryHeaderField) {
    const Bytes batch = golden_batch();
    const BatchView view = BatchView::parse(batch).value();
    EXPECT_EQ(view.total_size(), batch.size());
    EXPECT_EQ(view.base_offset(), Offset(7));
    EXPECT_EQ(view.last_offset(), Offset(8));
    EXPECT_EQ(view.leader_epoch(), 3);
    EXPECT_EQ(view.attributes(), batch_attribute::transactional);
    EXPECT_EQ(view.base_timestamp(), WallTime{1000});
    EXPECT_EQ(view.max_timestamp(), WallTime{1002});
    EXPECT_EQ(view.producer_id(), 9);
    EXPECT_EQ(view.producer_epoch(), 5);
    EXPECT_EQ(view.base_sequence(), 6);
    EXPECT_EQ(view.record_count(), 2u);
    EXPECT_TRUE(view.verify_crc());
    EXPECT_TRUE(view.check_records().has_value());
}

TEST(RecordCursor, ReadsTheGoldenRecords) {
    const Bytes batch = golden_batch();
    const auto records = all_records(batch);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(as_text(records[0].key), "ky");
    EXPECT_EQ(as_text(records[0].value), "val");
    EXPECT_EQ(as_text(records[0].envelope), "ENV");
    EXPECT_EQ(records[1].offset_delta, 1u);
    EXPECT_EQ(records[1].timestamp, WallTime{1002});
    EXPECT_TRUE(records[1].key_is_null);
    EXPECT_FALSE(records[1].value_is_null);
    EXPECT_EQ(records[1].header_count, 2u);
    EXPECT_TRUE(records[1].envelope.empty());
    EXPECT_TRUE(records[1].find_header("a")->value_is_null);
    EXPECT_FALSE(records[1].find_header("bb")->value_is_null);
    EXPECT_FALSE(records[1].find_header("b").has_value());
}

TEST(RecordCursor, RestoresTimesBeforeTheFirst) {
    const Bytes batch = three_messages();
    const auto records = all_records(batch);
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[2].timestamp, WallTime{990});
    EXPECT_EQ(BatchView::parse(batch).value().max_timestamp(), WallTime{1005});
    EXPECT_FALSE(records[1].key_is_null) << "a message's empty key is empty, not null";
    EXPECT_EQ(as_text(records[0].envelope), "envelope");
}

TEST(RecordCursor, LogAppendTimeOverridesEachRecordsTime) {
    BatchBuilder builder;
    builder.append_message({1}, {}, {}, {});
    builder.append_message({8}, {}, {}, {});
    const Bytes batch = builder.finish(Offset(0), {.attributes = batch_attribute::log_append_time});
    for (const RecordView& record : all_records(batch)) EXPECT_EQ(record.timestamp, WallTime{8});
}

TEST(RecordCursor, SkipsToAnyRecord) {
    BatchBuilder builder;
    for (int i = 0; i < 300; ++i)
        builder.append_message({i}, {}, as_bytes("e"), Bytes(static_cast<std::size_t>(i), 'v'));
    const Bytes batch = builder.finish(Offset(0));
    for (std::uint32_t n = 0; n < 300; ++n) {
        RecordCursor cursor = cursor_of(batch);
        RecordView record;
        ASSERT_TRUE(cursor.skip(n));
        ASSERT_TRUE(cursor.next(record));
        EXPECT_EQ(record.offset_delta, n);
        EXPECT_EQ(record.value.size(), n);
        EXPECT_EQ(cursor.left(), 299 - n);
    }
    RecordCursor all = cursor_of(batch);
    EXPECT_TRUE(all.skip(300));
    EXPECT_FALSE(all.skip(1));
    EXPECT_FALSE(all.failed());
}

TEST(BatchView, TakesTheFirstOfSeveralBatches) {
    Bytes two = three_messages();
    const std::size_t first_size = two.size();
    const Bytes second = golden_batch();
    two.insert(two.end(), second.begin(), second.end());
    const BatchView first = BatchView::parse(two).value();
    EXPECT_EQ(first.total_size(), first_size);
    EXPECT_TRUE(first.verify_crc());
    EXPECT_EQ(BatchView::parse(ByteView(two).subspan(first_size)).value().base_offset(), Offset(7));
}

TEST(BatchView, NewBaseOffsetKeepsTheChecksum) {
    Bytes batch = three_messages();
    BatchView::set_base_offset(batch, Offset(1'000'000'007));
    const BatchView view = BatchView::parse(batch).value();
    EXPECT_EQ(view.base_offset(), Offset(1'000'000'007));
    EXPECT_TRUE(view.verify_crc());
}

TEST(BatchView, AnyChangedBitBehindTheCrcBreaksIt) {
    const Bytes good = three_messages();
    for (std::size_t at = batch_at::crc; at < good.size(); ++at) {
        Bytes bad = good;
        bad[at] ^= 0x10;
        const auto view = BatchView::parse(bad);
        EXPECT_FALSE(view && view->verify_crc()) << "byte " << at;
    }
}

TEST(BatchView, EveryCutIsMalformed) {
    const Bytes batch = three_messages();
    for (std::size_t n = 0; n < batch.size(); ++n) {
        const Bytes cut(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n));
        const auto view = BatchView::parse(cut);
        ASSERT_FALSE(view.has_value()) << "cut at " << n;
        EXPECT_EQ(view.error().code, ErrorCode::malformed);
    }
}

template <class T>
Bytes with(Bytes batch, std::size_t at, T value) {
    store_be(batch.data() + at, value);
    return batch;
}

TEST(BatchView, RefusesSenselessHeaders) {
    const Bytes good = three_messages();
    const auto code = [](const Bytes& bytes) { return BatchView::parse(bytes).error().code; };
    EXPECT_EQ(code(with<std::uint8_t>(good, batch_at::magic, 1)), ErrorCode::unsupported);
    EXPECT_EQ(code(with<std::int32_t>(good, batch_at::batch_length, -1)), ErrorCode::malformed);
    EXPECT_EQ(code(with<std::int32_t>(good, batch_at::batch_length, 48)), ErrorCode::malformed);
    EXPECT_EQ(code(with<std::int32_t>(good, batch_at::record_count, -1)), ErrorCode::malformed);
    EXPECT_EQ(code(with<std::int32_t>(good, batch_at::record_count, 1'000'000)), ErrorCode::malformed);
    EXPECT_EQ(code(with<std::int32_t>(good, batch_at::last_offset_delta, 1)), ErrorCode::malformed);
    EXPECT_EQ(code(with<std::int32_t>(good, batch_at::last_offset_delta, -1)), ErrorCode::malformed);
    EXPECT_EQ(code(with<std::int64_t>(good, batch_at::base_offset, -1)), ErrorCode::malformed);
}

TEST(BatchView, CompressedBatchParsesButHasNoCursor) {
    const Bytes zstd = with<std::uint16_t>(three_messages(), batch_at::attributes, 4);
    const auto view = BatchView::parse(zstd);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->compression(), 4u);
    EXPECT_EQ(view->records().error().code, ErrorCode::unsupported);
    EXPECT_EQ(view->check_records().error().code, ErrorCode::unsupported);
}

TEST(BatchView, CheckFindsOffsetsOutOfOrderAndBadHeaders) {
    Bytes reordered = golden_batch();
    const std::size_t second = batch_header_size + 18;
    reordered[second + 3] = 4;
    EXPECT_FALSE(BatchView::parse(reordered).value().check_records().has_value());
    Bytes header = golden_batch();
    header[second + 10] = 40;  // key length of the second record's second header
    EXPECT_FALSE(BatchView::parse(header).value().check_records().has_value());
    const Bytes gap = with<std::int32_t>(golden_batch(), batch_at::last_offset_delta, 5);
    EXPECT_FALSE(BatchView::parse(gap).value().check_records().has_value());
}

TEST(RecordCursor, BytesBehindTheLastRecordAreAFailure) {
    Bytes batch = golden_batch();
    store_be<std::int32_t>(batch.data() + batch_at::record_count, 1);
    RecordCursor cursor = cursor_of(batch);
    RecordView record;
    EXPECT_TRUE(cursor.next(record));
    EXPECT_FALSE(cursor.next(record));
    EXPECT_TRUE(cursor.failed());
}

TEST(RecordCursor, NegativeLengthsOtherThanNullAreFailures) {
    const std::size_t record = batch_header_size;
    for (const std::size_t at : {record, record + 4, record + 7, record + 11, record + 14}) {
        Bytes batch = golden_batch();
        batch[at] = 3;  // zigzag(-2)
        const auto view = BatchView::parse(batch).value();
        EXPECT_FALSE(view.check_records().has_value()) << "byte " << at - record << " of the record";
    }
}

}  // namespace
}  // namespace fantail::record

// SPDX-License-Identifier: Apache-2.0
//! Record batches: the bytes themselves, round trips, bad input.
#include "record/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "record/random_input.hpp"
#include "record/varint.hpp"

namespace fantail::record {
namespace {

using testing::ElementsAreArray;

std::uint32_t crc32c_by_definition(ByteView bytes) {
    std::uint32_t crc = 0xFFFF'FFFF;
    for (const std::uint8_t b : bytes) {
        crc ^= b;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    }
    return ~crc;
}

RecordCursor cursor_of(ByteView batch) { return BatchView::parse(batch).value().records().value(); }

std::vector<RecordView> all_records(ByteView batch) {
    RecordCursor cursor = cursor_of(batch);
    std::vector<RecordView> out;
    RecordView record;
    while (cursor.next(record)) out.push_back(record);
    EXPECT_FALSE(cursor.failed());
    return out;
}

Bytes three_messages() {
    BatchBuilder builder;
    builder.append_message({1000}, as_bytes("k0"), as_bytes("envelope"), as_bytes("first"));
    builder.append_message({1005}, {}, as_bytes("e1"), {});
    builder.append_message({990}, as_bytes("k2"), as_bytes("e2"), as_bytes("third"));
    return builder.finish(Offset(40));
}

// Composed by hand from KIP-98's message format: two records, every length and delta written out.
Bytes golden_batch() {
    Bytes b = {
        0,  0,    0,   0,  0,   0,   0,    7,     // base offset 7
        0,  0,    0,   81,                        // batch length: 49 of header + 18 + 14 of records
        0,  0,    0,   3,                         // leader epoch
        2,                                        // magic
        0,  0,    0,   0,                         // crc, filled in below
        0,  0x10,                                 // attributes: transactional
        0,  0,    0,   1,                         // last offset delta
        0,  0,    0,   0,  0,   0,   0x03, 0xE8,  // base timestamp 1000
        0,  0,    0,   0,  0,   0,   0x03, 0xEA,  // max timestamp 1002
        0,  0,    0,   0,  0,   0,   0,    9,     // producer id
        0,  5,                                    // producer epoch
        0,  0,    0,   6,                         // base sequence
        0,  0,    0,   2,                         // record count
        34, 0,    0,   0,                         // record of 17 bytes, attributes, time +0, offset +0
        4,  'k',  'y', 6,  'v', 'a', 'l',         // key of 2, value of 3
        2,  2,    'e', 6,  'E', 'N', 'V',         // one header: "e" of 1, value of 3
        26, 0,    4,   2,                         // record of 13 bytes, attributes, time +2, offset +1
        1,  0,                                    // null key, empty value
        4,  2,    'a', 1,  4,   'b', 'b',  0,     // two headers: "a" null, "bb" empty
    };
    const std::uint32_t crc = crc32c_by_definition(ByteView(b).subspan(21));
    for (int i = 0; i < 4; ++i) b[17 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    return b;
}

TEST(BatchBuilder, WritesTheBytesOfKafkasRecordBatchV2_KIP98) {
    const HeaderParts first[] = {{"e", as_bytes("ENV")}};
    const HeaderParts second[] = {{"a", {}, true}, {"bb", {}}};
    BatchBuilder builder;
    builder.append({.timestamp = {1000}, .key = as_bytes("ky"), .value = as_bytes("val"), .headers = first});
    builder.append({.timestamp = {1002}, .key_is_null = true, .headers = second});
    const Bytes batch = builder.finish(Offset(7), {.leader_epoch = 3,
                                                   .attributes = batch_attribute::transactional,
                                                   .producer_id = 9,
                                                   .producer_epoch = 5,
                                                   .base_sequence = 6});
    EXPECT_THAT(batch, ElementsAreArray(golden_batch()));
}

TEST(BatchBuilder, FastPathWritesWhatTheGeneralPathWrites) {
    for (const std::size_t size : {0, 1, 62, 63, 64, 127, 128, 8191, 8192, 70'000}) {
        const Bytes value(size, 'v');
        const HeaderParts header[] = {{envelope_header_key, as_bytes("env")}};
        BatchBuilder general, fast;
        general.append({.timestamp = {5}, .key = as_bytes("key"), .value = value, .headers = header});
        fast.append_message({5}, as_bytes("key"), as_bytes("env"), value);
        const Bytes marked = general.finish(Offset(1), {.attributes = batch_attribute::has_envelopes});
        EXPECT_EQ(marked, fast.finish(Offset(1))) << "value of " << size;
    }
}

TEST(BatchBuilder, ValueInPiecesGivesTheSameBatchAsInOne) {
    const Bytes value = [] {
        Bytes v(5000);
        for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::uint8_t>(i * 7);
        return v;
    }();
    BatchBuilder whole, pieces;
    for (int i = 0; i < 3; ++i) {
        whole.append_message({i}, as_bytes("k"), as_bytes("env"), value);
        pieces.begin_message({i}, as_bytes("k"), as_bytes("env"), value.size());
        EXPECT_TRUE(pieces.open());
        EXPECT_FALSE(pieces.append_value(ByteView(value).first(1)));
        EXPECT_FALSE(pieces.append_value({}));
        EXPECT_FALSE(pieces.append_value(ByteView(value).subspan(1, 4000)));
        EXPECT_EQ(pieces.value_left(), 999u);
        EXPECT_TRUE(pieces.append_value(ByteView(value).subspan(4001)));
        EXPECT_FALSE(pieces.open());
    }
    EXPECT_EQ(whole.finish(Offset(9)), pieces.finish(Offset(9)));
}

TEST(BatchBuilder, EmptyValueIsCompleteAtOnce) {
    BatchBuilder builder;
    builder.begin_message({1}, {}, {}, 0);
    EXPECT_FALSE(builder.open());
    EXPECT_EQ(all_records(builder.finish(Offset(0))).size(), 1u);
}

TEST(BatchBuilder, DroppedMessageLeavesNoTrace) {
    BatchBuilder dropping, clean;
    for (BatchBuilder* b : {&dropping, &clean}) b->append_message({10}, as_bytes("a"), as_bytes("e"), as_bytes("1"));
    dropping.begin_message({99}, as_bytes("gone"), as_bytes("e"), 1000);
    EXPECT_FALSE(dropping.append_value(as_bytes("part")));
    dropping.drop_message();
    EXPECT_EQ(dropping.size(), clean.size());
    for (BatchBuilder* b : {&dropping, &clean}) b->append_message({11}, as_bytes("b"), as_bytes("e"), as_bytes("2"));
    EXPECT_EQ(dropping.finish(Offset(3)), clean.finish(Offset(3)));
}

TEST(BatchBuilder, DroppedFirstMessageLeavesItEmptyWithAFreshBaseTime) {
    BatchBuilder builder;
    builder.begin_message({99}, {}, {}, 10);
    builder.drop_message();
    EXPECT_TRUE(builder.empty());
    EXPECT_EQ(builder.size(), 0u);
    builder.append_message({5}, {}, {}, {});
    const Bytes batch = builder.finish(Offset(0));
    EXPECT_EQ(BatchView::parse(batch).value().base_timestamp(), WallTime{5});
    EXPECT_EQ(BatchView::parse(batch).value().max_timestamp(), WallTime{5});
}

TEST(BatchBuilder, IsReusableAndCountsAnew) {
    BatchBuilder builder;
    Bytes previous;
    for (int round = 0; round < 4; ++round) {
        EXPECT_TRUE(builder.empty());
        for (int i = 0; i < 10; ++i) builder.append_message({i}, as_bytes("k"), as_bytes("e"), Bytes(100, 'x'));
        EXPECT_EQ(builder.count(), 10u);
        const std::size_t size = builder.size();
        const Bytes batch = builder.finish(Offset(0));
        EXPECT_EQ(batch.size(), size);
        EXPECT_LE(batch.capacity(), batch.size() * 4 / 3 + 1) << "a batch must not pin unused memory";
        if (round > 0) {
            EXPECT_EQ(batch, previous);
        }
        previous = batch;
    }
}

TEST(BatchBuilder, ClearForgetsRecordsAndAnOpenValue) {
    BatchBuilder builder;
    builder.append_message({1}, {}, {}, as_bytes("x"));
    builder.begin_message({1}, {}, {}, 5);
    builder.clear(true);
    EXPECT_TRUE(builder.empty());
    EXPECT_FALSE(builder.open());
    builder.append_message({2}, {}, {}, as_bytes("y"));
    const Bytes batch = builder.finish(Offset(0));
    ASSERT_EQ(all_records(batch).size(), 1u);
    EXPECT_EQ(as_text(all_records(batch)[0].value), "y");
}

TEST(BatchBuilder, OverheadBoundHoldsForTheWorstDeltas) {
    BatchBuilder builder;
    builder.append_message({0}, {}, {}, {});
    for (const std::int64_t ms : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        const std::size_t before = builder.size();
        const Bytes big(300'000, 'x');
        builder.append_message({ms}, big, big, big);
        EXPECT_LE(builder.size() - before, 3 * big.size() + record_overhead_max);
    }
}

TEST(BatchBuilderDeathTest, MisuseIsOurBug) {
    BatchBuilder builder;
    EXPECT_DEATH((void)builder.finish(Offset(0)), "assertion failed");
    EXPECT_DEATH(builder.begin_message({0}, {}, {}, std::size_t{1} << 32), "assertion failed");
    EXPECT_DEATH(builder.drop_message(), "assertion failed");
    builder.begin_message({0}, {}, {}, 2);
    EXPECT_DEATH(builder.append_message({0}, {}, {}, {}), "assertion failed");
    EXPECT_DEATH((void)builder.append_value(as_bytes("three")), "assertion failed");
    EXPECT_DEATH((void)builder.finish(Offset(0)), "assertion failed");
}

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

TEST(Varint, RoundTripsAndRefusesMoreThan64Bits) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (const std::uint64_t v : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit}) {
            std::uint8_t room[10];
            const std::uint8_t* const end = put_uvarint(room, v);
            EXPECT_EQ(static_cast<std::size_t>(end - room), uvarint_size(v)) << v;
            const std::uint8_t* at = room;
            std::uint64_t back = 0;
            EXPECT_TRUE(get_uvarint(at, end, back));
            EXPECT_EQ(back, v);
            EXPECT_EQ(at, end);
            at = room;
            EXPECT_FALSE(get_uvarint(at, end - 1, back));
            EXPECT_EQ(unzigzag(zigzag(static_cast<std::int64_t>(v))), static_cast<std::int64_t>(v));
        }
    }
    const Bytes too_big{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02};
    const std::uint8_t* at = too_big.data();
    std::uint64_t v;
    EXPECT_FALSE(get_uvarint(at, at + too_big.size(), v));
}

struct OwnedRecord {
    WallTime timestamp;
    Bytes key, value;
    bool key_is_null, value_is_null;
    std::vector<std::pair<std::string, Bytes>> headers;
};

OwnedRecord random_record(RandomInput& random) {
    OwnedRecord r;
    r.timestamp.ms =
        random.chance(10) ? static_cast<std::int64_t>(random.any()) : static_cast<std::int64_t>(random.upto(10'000));
    r.key_is_null = random.chance(3);
    r.value_is_null = random.chance(5);
    if (!r.key_is_null) r.key = random.bytes(random.upto(40));
    if (!r.value_is_null) r.value = random.bytes(random.upto(random.chance(8) ? 5000 : 200));
    for (std::size_t n = random.upto(3); n > 0; --n)
        r.headers.emplace_back(random.chance(3) ? "e" : random.text(9), random.bytes(random.upto(30)));
    return r;
}

void append(BatchBuilder& builder, const OwnedRecord& r) {
    std::vector<HeaderParts> headers;
    for (const auto& [name, value] : r.headers) headers.push_back({name, value});
    builder.append({r.timestamp, r.key, r.key_is_null, r.value, r.value_is_null, headers});
}

void expect_same(const RecordView& got, const OwnedRecord& want) {
    EXPECT_EQ(got.timestamp, want.timestamp);
    EXPECT_EQ(got.key_is_null, want.key_is_null);
    EXPECT_EQ(got.value_is_null, want.value_is_null);
    EXPECT_TRUE(std::ranges::equal(got.key, want.key));
    EXPECT_TRUE(std::ranges::equal(got.value, want.value));
    ASSERT_EQ(got.header_count, want.headers.size());
    HeaderCursor cursor = got.header_cursor();
    HeaderView header;
    for (const auto& [name, value] : want.headers) {
        ASSERT_TRUE(cursor.next(header));
        EXPECT_EQ(header.key, name);
        EXPECT_TRUE(std::ranges::equal(header.value, value));
    }
    EXPECT_FALSE(cursor.next(header));
    EXPECT_FALSE(cursor.failed());
    const bool enveloped = !want.headers.empty() && want.headers[0].first == "e";
    EXPECT_TRUE(std::ranges::equal(got.envelope, enveloped ? want.headers[0].second : Bytes{}));
}

TEST(Batch, RandomRecordsRoundTrip) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    BatchBuilder builder;
    for (int round = 0; round < 200; ++round) {
        std::vector<OwnedRecord> wanted(1 + random.upto(20));
        for (OwnedRecord& r : wanted) {
            r = random_record(random);
            append(builder, r);
        }
        const Bytes batch = builder.finish(Offset(random.upto(1'000'000)));
        const BatchView view = BatchView::parse(batch).value();
        EXPECT_TRUE(view.verify_crc());
        EXPECT_TRUE(view.check_records().has_value());
        const auto got = all_records(batch);
        ASSERT_EQ(got.size(), wanted.size());
        for (std::size_t i = 0; i < got.size(); ++i) expect_same(got[i], wanted[i]);
    }
}

TEST(Batch, MutatedBytesNeverBreakTheReaderNorPassAsValid) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    const Bytes originals[] = {golden_batch(), three_messages()};
    for (int round = 0; round < 20'000; ++round) {
        const Bytes& original = originals[random.upto(1)];
        Bytes bytes = original;
        random.mutate(bytes);
        const auto view = BatchView::parse(bytes);
        if (!view) continue;
        const ByteView checked = view->bytes().subspan(batch_at::attributes);
        EXPECT_EQ(view->verify_crc(), crc32c_by_definition(checked) == view->crc());
        auto cursor = view->records();
        if (!cursor) continue;
        RecordView record;
        std::uint32_t n = 0;
        while (cursor->next(record)) {
            ++n;
            (void)record.find_header("bb");
        }
        EXPECT_LE(n, view->record_count());
        EXPECT_TRUE(cursor->failed() || n == view->record_count()) << "records lost without a failure";
        RecordCursor skipping = view->records().value();
        EXPECT_TRUE(skipping.skip(view->record_count()) || cursor->failed());
        (void)view->check_records();
    }
}

}  // namespace
}  // namespace fantail::record

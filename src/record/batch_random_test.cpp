// SPDX-License-Identifier: Apache-2.0
//! Random record batches come back as they were; mutated ones break nothing.
#include <algorithm>

#include "record/batch_scene.hpp"
#include "record/random_input.hpp"

namespace fantail::record {
namespace {

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

// SPDX-License-Identifier: Apache-2.0
//! Building record batches: the bytes themselves, values in pieces, messages that are dropped.
#include <gmock/gmock.h>

#include <limits>

#include "record/batch_scene.hpp"

namespace fantail::record {
namespace {

using testing::ElementsAreArray;

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

}  // namespace
}  // namespace fantail::record

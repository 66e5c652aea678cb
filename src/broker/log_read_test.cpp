// SPDX-License-Identifier: Apache-2.0
//! Searches by time in plain, compressed and damaged batches.
#include "broker/log_read.hpp"

#include <gtest/gtest.h>

#include "record/compression_test_support.hpp"

namespace fantail::broker {
namespace {

/// Three records at 100, 300 and 200 ms.
Bytes batch_of(record::Codec codec) {
    record::BatchBuilder builder;
    for (const int time : {100, 300, 200}) builder.append({.timestamp = WallTime{time}, .value = as_bytes("v")});
    const Bytes plain = builder.finish(Offset(0));
    return codec == record::Codec::none ? plain : record::compressed_batch(plain, codec);
}

class TimeSearchTest : public testing::TestWithParam<record::Codec> {
protected:
    const Bytes batch = batch_of(GetParam());
    OffsetFound found;
};

TEST_P(TimeSearchTest, ItIsTheFirstRecordThatIsNotOlder) {
    EXPECT_TRUE((TimeSearch{.time = WallTime{150}}.look_at(batch, 40, found)));
    EXPECT_EQ(found.offset, Offset(41));
    EXPECT_EQ(found.time, WallTime{300});
}

TEST_P(TimeSearchTest, TheNewestIsTheRecordAndNotItsBatch) {
    EXPECT_TRUE((TimeSearch{.newest = true}.look_at(batch, 40, found)));
    EXPECT_EQ(found.offset, Offset(41));
}

TEST_P(TimeSearchTest, ABatchOfOlderRecordsIsPassedBy) {
    EXPECT_FALSE((TimeSearch{.time = WallTime{301}}.look_at(batch, 40, found)));
    EXPECT_FALSE(found.offset.has_value());
}

INSTANTIATE_TEST_SUITE_P(Codecs, TimeSearchTest,
                         testing::Values(record::Codec::none, record::Codec::gzip, record::Codec::zstd));

TEST(TimeSearch, RecordsThatCannotBeUnpackedAreFoundByTheirBatch) {
    Bytes batch = batch_of(record::Codec::zstd);
    batch.back() ^= 0xFF;
    batch[record::batch_header_size] ^= 0xFF;
    OffsetFound found;
    EXPECT_TRUE((TimeSearch{.time = WallTime{150}}.look_at(batch, 40, found)));
    EXPECT_EQ(found.offset, Offset(40));
}

}  // namespace
}  // namespace fantail::broker

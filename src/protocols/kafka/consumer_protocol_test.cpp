// SPDX-License-Identifier: Apache-2.0
//! Subscriptions and assignments of classic consumers, in the versions that clients write and in those they may write one day.
#include "protocols/kafka/consumer_protocol.hpp"

#include <gtest/gtest.h>

#include "protocols/kafka/sample_bytes.hpp"

namespace fantail::kafka {
namespace {

TEST(KafkaConsumerProtocol, ASubscriptionBeginsWithItsVersion) {
    const Bytes old = sample_bytes("0000 00000001 0001 't' ffffffff");
    const auto subscription = decode_subscription(old);
    ASSERT_TRUE(subscription.has_value()) << subscription.error().message;
    EXPECT_EQ(subscription->topics.at(0), "t");
    EXPECT_FALSE(subscription->user_data.has_value());
    const Bytes cooperative = sample_bytes("0001 00000001 0001 't' 00000000 00000001 0001 't' 00000001 00000005");
    const auto owned = decode_subscription(cooperative);
    ASSERT_TRUE(owned.has_value()) << owned.error().message;
    EXPECT_EQ(owned->owned_partitions.at(0).partitions.at(0), 5);
}

TEST(KafkaConsumerProtocol, ANewerVersionIsReadAsFarAsItIsKnown) {
    const Bytes newer = sample_bytes("0063 00000001 0001 't' ffffffff 00000000 00000007 0001 'r' 'and more'");
    const auto subscription = decode_subscription(newer);
    ASSERT_TRUE(subscription.has_value()) << subscription.error().message;
    EXPECT_EQ(subscription->generation_id, 7);
    EXPECT_EQ(subscription->rack_id, "r");
    EXPECT_EQ(decode_subscription(ByteView(newer).first(12)).error().code, ErrorCode::malformed);
}

TEST(KafkaConsumerProtocol, AKnownVersionWithMoreBehindItIsMalformed) {
    const Bytes in = sample_bytes("0000 00000000 ffffffff 00");
    EXPECT_EQ(decode_subscription(in).error().code, ErrorCode::malformed);
    EXPECT_EQ(decode_subscription({}).error().code, ErrorCode::malformed);
    EXPECT_EQ(decode_subscription(ByteView(in).first(1)).error().code, ErrorCode::malformed);
    EXPECT_EQ(decode_subscription(sample_bytes("ffff 00000000 ffffffff")).error().code, ErrorCode::malformed);
}

TEST(KafkaConsumerProtocol, AnAssignmentMayBeEmpty) {
    EXPECT_TRUE(decode_assignment({}).value().assigned_partitions.empty());
    const Bytes in = sample_bytes("0000 00000001 0001 't' 00000002 00000000 00000001 ffffffff");
    const auto assignment = decode_assignment(in);
    ASSERT_TRUE(assignment.has_value()) << assignment.error().message;
    EXPECT_EQ(assignment->assigned_partitions.at(0).topic, "t");
    EXPECT_EQ(assignment->assigned_partitions.at(0).partitions, (std::vector<std::int32_t>{0, 1}));
}

}  // namespace
}  // namespace fantail::kafka

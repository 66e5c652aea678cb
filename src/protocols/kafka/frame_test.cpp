// SPDX-License-Identifier: Apache-2.0
//! Kafka frames and headers: cut at any place, too large, of unknown APIs and versions.
#include "protocols/kafka/frame.hpp"

#include <gtest/gtest.h>

#include "protocols/kafka/client_frame.hpp"
#include "protocols/kafka/metadata_client.hpp"
#include "protocols/kafka/sample_bytes.hpp"

namespace fantail::kafka {
namespace {

TEST(KafkaFrame, IsWaitedForUntilItIsWhole) {
    const Bytes in = sample_bytes("00000003 010203 0000");
    Frame frame;
    for (std::size_t size = 0; size < 7; ++size) {
        EXPECT_EQ(next_frame(ByteView(in).first(size), 100, frame).value(), FrameStatus::need_more);
        EXPECT_EQ(frame.wire_size, size < 4 ? 0u : 7u);
    }
    EXPECT_EQ(next_frame(in, 100, frame).value(), FrameStatus::complete);
    EXPECT_EQ(hex(frame.payload), "010203");
    EXPECT_EQ(frame.wire_size, 7u);
}

TEST(KafkaFrame, ANegativeOrTooLargeSizeIsSeenBeforeTheRestArrives) {
    Frame frame;
    EXPECT_EQ(next_frame(sample_bytes("ffffffff"), 100, frame).error().code, ErrorCode::malformed);
    EXPECT_EQ(next_frame(sample_bytes("00000065"), 100, frame).error().code, ErrorCode::too_large);
    EXPECT_EQ(next_frame(sample_bytes("00000064"), 100, frame).value(), FrameStatus::need_more);
    // A browser or a TLS client at the wrong port.
    EXPECT_EQ(next_frame(sample_bytes("'GET '"), request_size_max, frame).error().code, ErrorCode::too_large);
}

TEST(KafkaRequestHeader, ANullClientIdIsNotAnEmptyOne) {
    EXPECT_FALSE(decode_request_header(sample_bytes("0003 0001 00000001 ffff"))->client_id.has_value());
    EXPECT_EQ(decode_request_header(sample_bytes("0003 0001 00000001 0000"))->client_id, "");
}

TEST(KafkaRequestHeader, FlexibleVersionsCarryTaggedFieldsThatArePassedOver) {
    const Bytes in = sample_bytes("0003 0009 00000001 0001 'c' 01 05 02 abcd 77");
    const auto header = decode_request_header(in).value();
    EXPECT_EQ(header.client_id, "c");
    EXPECT_EQ(hex(header.body), "77");
}

TEST(KafkaRequestHeader, AnUnknownApiOrVersionHasNoInfoButACorrelationId) {
    for (const char* text : {"0004 0000 00000009 ffff", "0012 0063 00000009", "0000 0002 00000009 ffff 00"}) {
        const Bytes in = sample_bytes(text);
        const auto header = decode_request_header(in).value();
        EXPECT_EQ(header.info, nullptr);
        EXPECT_EQ(header.correlation_id, 9);
        EXPECT_TRUE(header.body.empty());
    }
}

TEST(KafkaRequestHeader, ThatEndsEarlyIsMalformed) {
    const Bytes in = sample_bytes("0003 0009 00000001 0001 'c' 01 05 02 abcd");
    for (std::size_t size = 0; size < in.size(); ++size) {
        const std::vector<std::uint8_t> exact(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(size));
        const auto header = decode_request_header(exact);
        ASSERT_FALSE(header.has_value()) << size;
        EXPECT_EQ(header.error().code, ErrorCode::malformed);
    }
}

TEST(KafkaResponse, StandsBehindWhatTheBufferHoldsAndComesBackToTheClient) {
    Bytes out = sample_bytes("aabb");
    MetadataResponse response;
    response.cluster_id = "cluster";
    for (const std::int16_t version : {std::int16_t{2}, std::int16_t{12}}) {
        out.resize(2);
        append_response(out, {.api = ApiKey::metadata, .version = version, .correlation_id = 5}, response);
        Frame frame;
        ASSERT_EQ(next_frame(ByteView(out).subspan(2), 1000, frame).value(), FrameStatus::complete);
        EXPECT_EQ(frame.wire_size + 2, out.size());
        const auto answer = decode_response<MetadataResponse>(frame.payload, version);
        ASSERT_TRUE(answer.has_value()) << answer.error().message;
        EXPECT_EQ(answer->correlation_id, 5);
        EXPECT_EQ(answer->message.cluster_id, "cluster");
    }
}

}  // namespace
}  // namespace fantail::kafka

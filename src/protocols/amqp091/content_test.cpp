// SPDX-License-Identifier: Apache-2.0
//! Whole AMQP 0-9-1 messages: written and split, and taken from a buffer in one go.
#include "protocols/amqp091/content.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fantail::amqp091 {
namespace {

using namespace std::string_view_literals;

const Bytes persistent{0x10, 0x00, 2};

std::vector<Frame> frames_of(ByteView in, std::uint32_t frame_max) {
    std::vector<Frame> frames;
    Frame frame;
    while (next_frame(in, frame_max, frame).value() == FrameStatus::complete) {
        frames.push_back(frame);
        in = in.subspan(frame.wire_size);
    }
    EXPECT_TRUE(in.empty());
    return frames;
}

Bytes body_of(std::size_t size) {
    Bytes body(size);
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<std::uint8_t>(i * 7);
    return body;
}

Bytes publish_bytes(const Bytes& body, std::uint32_t frame_max = 4096, std::uint16_t channel = 3) {
    Bytes out;
    write_publish(out, channel, {.exchange = "ex", .routing_key = "rk", .mandatory = true}, {persistent, body},
                  frame_max);
    return out;
}

TEST(AmqpContent, DeliverHasTheBytesOfTheSpec) {
    Bytes out{'x'};
    write_deliver(out, 1, {.consumer_tag = "c", .delivery_tag = 1, .routing_key = "q"}, {persistent, as_bytes("hi")},
                  4096);
    EXPECT_EQ(as_text(out),
              "x"
              "\x01\0\x01\0\0\0\x12\0\x3C\0\x3C\x01"
              "c\0\0\0\0\0\0\0\x01\0\0\x01q\xCE"
              "\x02\0\x01\0\0\0\x0F\0\x3C\0\0\0\0\0\0\0\0\0\x02\x10\0\x02\xCE"
              "\x03\0\x01\0\0\0\x02hi\xCE"sv);
}

TEST(AmqpContent, AnEmptyBodyHasNoBodyFrame) {
    Bytes out;
    write_deliver(out, 1, {.delivery_tag = 9}, {}, 4096);
    const auto frames = frames_of(out, 4096);
    ASSERT_EQ(frames.size(), 2u);
    const auto header = decode_content_header(frames[1].payload).value();
    EXPECT_EQ(header.body_size, 0u);
    EXPECT_EQ(as_text(header.property_bytes), "\0\0"sv) << "no properties are still a flags word";
}

TEST(AmqpContent, BodiesAreSplitAtFrameMaxMinus8) {
    constexpr std::uint32_t frame_max = 64;
    for (const std::size_t size : {1, 55, 56, 57, 111, 112, 113, 1000}) {
        const Bytes body = body_of(size);
        const Bytes out = publish_bytes(body, frame_max);
        const auto frames = frames_of(out, frame_max);
        ASSERT_EQ(frames.size(), 2 + (size + 55) / 56) << size;
        Bytes got;
        for (std::size_t i = 2; i < frames.size(); ++i) {
            EXPECT_EQ(frames[i].type, FrameType::body);
            EXPECT_EQ(frames[i].channel, 3);
            if (i + 1 < frames.size()) {
                EXPECT_EQ(frames[i].wire_size, frame_max);
            }
            got.insert(got.end(), frames[i].payload.begin(), frames[i].payload.end());
        }
        EXPECT_EQ(got, body) << size;
        EXPECT_EQ(decode_content_header(frames[1].payload).value().body_size, size);
    }
}

TEST(AmqpContent, GetOkAndReturnCarryTheirFieldsAndTheSameContent) {
    Bytes out;
    const Bytes body = body_of(10);
    write_get_ok(out, 2,
                 {.delivery_tag = 5, .redelivered = true, .exchange = "e", .routing_key = "k", .message_count = 6},
                 {persistent, body}, 4096);
    write_return(out, 2, {.reply_code = 312, .reply_text = "NO_ROUTE", .exchange = "e", .routing_key = "k"},
                 {persistent, body}, 4096);
    const auto frames = frames_of(out, 4096);
    ASSERT_EQ(frames.size(), 6u);
    const Method got = decode(frames[0].payload).value();
    EXPECT_EQ(std::get<BasicGetOk>(got).message_count, 6u);
    EXPECT_TRUE(std::get<BasicGetOk>(got).redelivered);
    const Method returned = decode(frames[3].payload).value();
    EXPECT_EQ(std::get<BasicReturn>(returned).reply_code, 312);
    EXPECT_EQ(std::get<BasicReturn>(returned).reply_text, "NO_ROUTE");
    EXPECT_EQ(as_text(frames[2].payload), as_text(body));
    EXPECT_EQ(as_text(frames[5].payload), as_text(body));
}

TEST(AmqpContent, WritingManyMessagesGrowsTheBufferGeometrically) {
    Bytes out;
    std::size_t growths = 0;
    const Bytes body = body_of(100);
    for (int i = 0; i < 10'000; ++i) {
        const std::size_t before = out.capacity();
        write_deliver(out, 1, {.consumer_tag = "c"}, {persistent, body}, 4096);
        growths += out.capacity() != before;
    }
    EXPECT_LT(growths, 20u);
}

TEST(AmqpContent, AHeaderThatDoesNotFitOneFrameIsToldBefore) {
    const Bytes properties(4096 - 20, 0);
    EXPECT_TRUE(header_fits(properties, 4096));
    EXPECT_FALSE(header_fits(properties, 4095));
}

TEST(AmqpContentHeader, CutAnywhereIsMalformed) {
    const Bytes out = publish_bytes(body_of(3));
    const auto frames = frames_of(out, 4096);
    for (std::size_t size = 0; size < 14; ++size) {
        const Bytes cut(frames[1].payload.begin(), frames[1].payload.begin() + static_cast<std::ptrdiff_t>(size));
        ASSERT_FALSE(decode_content_header(cut)) << size;
    }
    const auto header = decode_content_header(frames[1].payload).value();
    EXPECT_TRUE(header.follows_basic_method());
    EXPECT_EQ(as_text(header.property_bytes), as_text(persistent));
}

TEST(AmqpContentHeader, AnotherClassOrAWeightDoesNotFollowABasicMethod_505) {
    EXPECT_FALSE(ContentHeader{.class_id = 50}.follows_basic_method());
    EXPECT_FALSE(ContentHeader{.weight = 1}.follows_basic_method());
}

TEST(AmqpWholePublish, IsTakenWithEverythingItCarries) {
    for (const std::size_t size : {0, 1, 100, 4088}) {
        const Bytes body = body_of(size);
        Bytes in = publish_bytes(body);
        const std::size_t wire_size = in.size();
        in.push_back(1);  // the next frame begins
        WholePublish got;
        ASSERT_TRUE(take_whole_publish(in, 4096, got)) << size;
        EXPECT_EQ(got.channel, 3);
        EXPECT_EQ(got.method.exchange, "ex");
        EXPECT_EQ(got.method.routing_key, "rk");
        EXPECT_TRUE(got.method.mandatory);
        EXPECT_FALSE(got.method.immediate);
        EXPECT_EQ(as_text(got.property_bytes), as_text(persistent));
        EXPECT_EQ(as_text(got.body), as_text(body));
        EXPECT_EQ(got.wire_size, wire_size);
    }
}

TEST(AmqpWholePublish, IsNotTakenBeforeItsLastByte) {
    const Bytes in = publish_bytes(body_of(50));
    for (std::size_t size = 0; size < in.size(); ++size) {
        const Bytes cut(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(size));
        WholePublish got;
        ASSERT_FALSE(take_whole_publish(cut, 4096, got)) << size;
    }
}

TEST(AmqpWholePublish, SplitBodiesGoFrameByFrame) {
    WholePublish got;
    EXPECT_FALSE(take_whole_publish(publish_bytes(body_of(57), 64), 64, got));
    EXPECT_TRUE(take_whole_publish(publish_bytes(body_of(56), 64), 64, got));
}

TEST(AmqpWholePublish, AnythingOutOfOrderIsLeftToTheSlowPath) {
    const Bytes good = publish_bytes(body_of(20));
    const auto frames = frames_of(good, 4096);
    const std::size_t header_at = frames[0].wire_size;
    const std::size_t body_at = header_at + frames[1].wire_size;
    const std::vector<std::pair<std::size_t, std::uint8_t>> faults{
        {0, 2},              // a header frame first
        {10, 80},            // basic.ack
        {6, 0},              // a shorter method frame
        {header_at - 1, 0},  // end octets
        {body_at - 1, 0},
        {good.size() - 1, 0},
        {header_at, 3},        // a body frame where the header is due
        {header_at + 2, 4},    // another channel
        {header_at + 8, 50},   // another class
        {header_at + 10, 1},   // a weight
        {header_at + 18, 21},  // a body size that one frame does not make
        {body_at, 2},          // a second header
        {body_at + 2, 4},      // another channel
    };
    for (const auto& [at, value] : faults) {
        Bytes bad = good;
        bad[at] = value;
        WholePublish got;
        EXPECT_FALSE(take_whole_publish(bad, 4096, got)) << "byte " << at;
    }
    WholePublish got;
    EXPECT_FALSE(take_whole_publish(good, 27, got)) << "a frame over frame_max";
    EXPECT_TRUE(take_whole_publish(good, 4096, got));
}

}  // namespace
}  // namespace fantail::amqp091

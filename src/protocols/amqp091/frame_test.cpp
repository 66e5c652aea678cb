// SPDX-License-Identifier: Apache-2.0
//! AMQP 0-9-1 frames: cut from a buffer at any boundary, refused when wrong, and how connections open.
#include "protocols/amqp091/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/amqp091/codec.hpp"

namespace fantail::amqp091 {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;

Bytes frame_bytes(std::uint8_t type, std::uint16_t channel, std::size_t payload_size, std::uint8_t end = frame_end) {
    Bytes out;
    Writer writer(out);
    writer.u8(type);
    writer.u16(channel);
    writer.u32(static_cast<std::uint32_t>(payload_size));
    for (std::size_t i = 0; i < payload_size; ++i) writer.u8(static_cast<std::uint8_t>(i));
    writer.u8(end);
    return out;
}

ErrorCode error_of(const Bytes& in, std::uint32_t frame_max = frame_max_min) {
    Frame frame;
    const auto status = next_frame(in, frame_max, frame);
    EXPECT_FALSE(status);
    return status ? ErrorCode::internal : status.error().code;
}

TEST(AmqpFrame, IsAViewOfTheReadBuffer) {
    const Bytes in = frame_bytes(3, 0x0102, 5);
    Frame frame;
    ASSERT_EQ(next_frame(in, frame_max_min, frame).value(), FrameStatus::complete);
    EXPECT_EQ(frame.type, FrameType::body);
    EXPECT_EQ(frame.channel, 0x0102);
    EXPECT_EQ(frame.payload.data(), in.data() + 7);
    EXPECT_EQ(frame.payload.size(), 5u);
    EXPECT_EQ(frame.wire_size, in.size());
}

TEST(AmqpFrame, EveryFrameOfAStreamIsFoundWhereverTheReadsEnd) {
    Bytes stream;
    const std::vector<std::pair<std::uint8_t, std::size_t>> sent{{1, 4}, {2, 14}, {3, 300}, {8, 0}, {3, 1}};
    for (const auto& [type, size] : sent) {
        const Bytes frame = frame_bytes(type, type, size);
        stream.insert(stream.end(), frame.begin(), frame.end());
    }
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        std::vector<std::pair<std::uint8_t, std::size_t>> got;
        std::size_t at = 0;
        for (const std::size_t arrived : {split, stream.size()}) {
            Frame frame;
            const Bytes seen(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(arrived));
            while (next_frame(ByteView(seen).subspan(at), frame_max_min, frame).value() == FrameStatus::complete) {
                got.emplace_back(static_cast<std::uint8_t>(frame.type), frame.payload.size());
                at += frame.wire_size;
            }
        }
        ASSERT_EQ(got, sent) << "split at " << split;
        ASSERT_EQ(at, stream.size());
    }
}

TEST(AmqpFrame, NeedMoreTellsTheSizeAsSoonAsItIsKnown) {
    const Bytes in = frame_bytes(1, 1, 20);
    for (std::size_t size = 0; size < in.size(); ++size) {
        Frame frame;
        ASSERT_EQ(next_frame(ByteView(in).first(size), frame_max_min, frame).value(), FrameStatus::need_more);
        ASSERT_EQ(frame.wire_size, size < frame_header_size ? 0 : in.size()) << size;
    }
}

TEST(AmqpFrame, WrongEndOctetIsMalformed_501) {
    EXPECT_EQ(error_of(frame_bytes(1, 1, 10, 0xCD)), ErrorCode::malformed);
    EXPECT_EQ(error_of(frame_bytes(8, 0, 0, 0)), ErrorCode::malformed);
}

TEST(AmqpFrame, UnknownTypeIsMalformedFromItsFirstByte_501) {
    for (const int type : {0, 4, 5, 6, 7, 9, 65, 255}) {
        EXPECT_EQ(error_of({static_cast<std::uint8_t>(type)}), ErrorCode::malformed) << type;
        EXPECT_EQ(error_of(frame_bytes(static_cast<std::uint8_t>(type), 0, 0)), ErrorCode::malformed) << type;
    }
}

TEST(AmqpFrame, FrameMaxCountsTheFramingToo) {
    Frame frame;
    EXPECT_EQ(next_frame(frame_bytes(3, 1, 4096 - 8), 4096, frame).value(), FrameStatus::complete);
    EXPECT_EQ(frame.wire_size, 4096u);
    EXPECT_EQ(error_of(frame_bytes(3, 1, 4096 - 7), 4096), ErrorCode::too_large);
}

TEST(AmqpFrame, OversizedFrameIsRefusedBeforeItsPayloadArrives_501) {
    Bytes header = frame_bytes(3, 1, 0);
    header.pop_back();
    for (int i = 3; i < 7; ++i) header[static_cast<std::size_t>(i)] = 0xFF;
    EXPECT_EQ(error_of(header, 131072), ErrorCode::too_large);
    EXPECT_EQ(error_of(header, 0xFFFF'FFFF), ErrorCode::too_large);
    Frame frame;
    EXPECT_THAT(next_frame(header, 131072, frame).error().message, HasSubstr("131064"));
}

TEST(AmqpOpening, EveryKnownOneIsRecognised) {
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\0\0\x09\x01"sv)), Opening::amqp_0_9_1);
    EXPECT_EQ(recognize_opening(protocol_header), Opening::amqp_0_9_1);
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\x01\x01\0\x09"sv)), Opening::amqp_0_9_1);
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\x03\x01\0\0"sv)), Opening::amqp_1_0_sasl);
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\0\x01\0\0"sv)), Opening::amqp_1_0);
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\x02\x01\0\0"sv)), Opening::amqp_other);
    EXPECT_EQ(recognize_opening(as_bytes("GET / HTTP/1.1"sv)), Opening::http);
    EXPECT_EQ(recognize_opening(as_bytes("OPTIONS * HTTP/1.1"sv)), Opening::http);
    EXPECT_EQ(recognize_opening(as_bytes("PRI * HTTP/2.0"sv)), Opening::http);
    EXPECT_EQ(recognize_opening(as_bytes("\x16\x03\x01\x02"sv)), Opening::tls);
    EXPECT_EQ(recognize_opening(as_bytes("\0\0\0\x10"sv)), Opening::unknown);
    EXPECT_EQ(recognize_opening(as_bytes("AMQX"sv)), Opening::unknown);
}

TEST(AmqpOpening, NeedsMoreUntilOneIsCertain) {
    for (std::size_t size = 0; size < protocol_header_size; ++size) {
        EXPECT_EQ(recognize_opening(ByteView(protocol_header).first(size)), Opening::need_more) << size;
    }
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\x07"sv)), Opening::need_more) << "some other version";
    EXPECT_EQ(recognize_opening(as_bytes("P"sv)), Opening::need_more);
    EXPECT_EQ(recognize_opening(as_bytes("PX"sv)), Opening::unknown);
}

TEST(AmqpOpening, BytesBehindTheHeaderDoNotMatter) {
    EXPECT_EQ(recognize_opening(as_bytes("AMQP\0\0\x09\x01more"sv)), Opening::amqp_0_9_1);
}

}  // namespace
}  // namespace fantail::amqp091

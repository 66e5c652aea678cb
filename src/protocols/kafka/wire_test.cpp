// SPDX-License-Identifier: Apache-2.0
//! Bounds of the Kafka field types: what a hostile peer may state, and what that may cost.
#include "protocols/kafka/wire.hpp"

#include <gtest/gtest.h>

#include "protocols/kafka/sample_bytes.hpp"

namespace fantail::kafka {
namespace {

TEST(KafkaWire, AnArrayOfMoreElementsThanBytesIsRefusedBeforeMemoryIsMade) {
    std::vector<std::string_view> out;
    const Bytes in = sample_bytes("7fffffff 0001 'a'");
    Decoder decoder(in, 0, false);
    decoder.array(out, 2);
    EXPECT_TRUE(decoder.failed());
    EXPECT_EQ(out.capacity(), 0u);
    EXPECT_EQ(decoder.fault(), "has an array with more elements than bytes for them");
}

TEST(KafkaWire, ElementsThatAreLargerThanTheirBytesAreBoundedByMessage) {
    // Each element takes one byte on the wire and 16 in memory.
    Bytes in(decoded_size_max / 8, 1);
    const auto count = static_cast<std::uint32_t>(decoded_size_max / 16 + 1);
    store_be(in.data(), count);
    Decoder decoder(in, 0, false);
    std::vector<std::string_view> out;
    decoder.array(out, 1);
    EXPECT_TRUE(decoder.failed());
    EXPECT_EQ(decoder.fault(), "has more elements than one message may have");
    store_be(in.data(), count - 1);
    Decoder fits(in, 0, false);
    fits.array(out, 1);
    EXPECT_FALSE(fits.failed());
    EXPECT_EQ(out.size(), count - 1);
}

TEST(KafkaWire, NullWhereNoneMayBeIsMalformed) {
    std::vector<std::string_view> array;
    const Bytes nulls = sample_bytes("ffffffff");
    Decoder text(nulls, 0, false);
    EXPECT_EQ(text.string(), "");
    EXPECT_EQ(text.fault(), "has a null string where none may be");
    Decoder bytes(nulls, 0, false);
    EXPECT_TRUE(bytes.bytes().empty());
    EXPECT_EQ(bytes.fault(), "has null bytes where none may be");
    Decoder list(nulls, 0, false);
    list.array(array, 1);
    EXPECT_EQ(list.fault(), "has a null array where none may be");
    Decoder records(nulls, 0, false);
    EXPECT_TRUE(records.records().empty());
    EXPECT_FALSE(records.failed());
}

TEST(KafkaWire, ACompactLengthOfMoreThan32BitsIsMalformed) {
    const Bytes in = sample_bytes("ffffffffff 01");
    Decoder decoder(in, 9, true);
    EXPECT_EQ(decoder.string(), "");
    EXPECT_EQ(decoder.fault(), "has a number of more than 32 bits");
}

TEST(KafkaWire, TaggedFieldsMustFitTheMessageAndTheirOwnSize) {
    const Bytes many = sample_bytes("ff01 00 00");
    Decoder count(many, 9, true);
    EXPECT_EQ(count.tag_count(), 0u);
    EXPECT_TRUE(count.failed());
    const Bytes cut = sample_bytes("01 00 05 00");
    Decoder cut_off(cut, 9, true);
    cut_off.skip_tags();
    EXPECT_EQ(cut_off.fault(), "has a tagged field that is cut off");
    const Bytes longer = sample_bytes("05 03 00000001 ff ff");
    Decoder other_size(longer, 9, true);
    const auto tag = other_size.begin_tag();
    EXPECT_EQ(tag.id, 5u);
    EXPECT_EQ(other_size.number<std::int32_t>(), 1);
    other_size.end_tag(tag);
    EXPECT_EQ(other_size.fault(), "has a tagged field of another size than it says");
}

TEST(KafkaWire, AFailedDecoderReadsNothingMore) {
    const Bytes in = sample_bytes("0009 'abc'");
    Decoder decoder(in, 0, false);
    EXPECT_EQ(decoder.string(), "");
    EXPECT_EQ(decoder.fault(), "ends early");
    EXPECT_EQ(decoder.number<std::int32_t>(), 0);
    std::vector<std::int32_t> array;
    decoder.array(array, 4);
    EXPECT_TRUE(array.empty());
    EXPECT_EQ(decoder.fault(), "ends early");
}

TEST(KafkaWire, TheEncoderAppendsBehindWhatTheBufferHolds) {
    Bytes out = sample_bytes("aa");
    out.shrink_to_fit();
    const std::string large(3000, 'x');
    {
        Encoder encoder(out, 0, false);
        encoder.string(large);
        encoder.number<std::int16_t>(1);
        EXPECT_EQ(encoder.size(), 3005u);
    }
    ASSERT_EQ(out.size(), 3005u);
    EXPECT_EQ(hex(ByteView(out).first(4)), "aa0bb878");
    EXPECT_EQ(hex(ByteView(out).last(3)), "780001");
}

TEST(KafkaWire, AStringThatIsTooLongForItsLengthFieldIsCut) {
    Bytes out;
    const std::string large(40'000, 'x');
    Encoder(out, 0, false).string(large);
    EXPECT_EQ(out.size(), 2u + 32'767u);
    out.clear();
    Encoder(out, 0, true).string(large);
    EXPECT_EQ(out.size(), 3u + 40'000u);
}

TEST(KafkaWire, NullIsWrittenAsEmptyWhereTheVersionHasNoNull) {
    Bytes out;
    {
        Encoder encoder(out, 0, false);
        encoder.nullable_string(std::nullopt, true);
        encoder.nullable_string(std::nullopt, false);
        encoder.null_array(true);
        encoder.null_array(false);
    }
    EXPECT_EQ(hex(out), "ffff0000ffffffff00000000");
}

}  // namespace
}  // namespace fantail::kafka

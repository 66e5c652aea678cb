// SPDX-License-Identifier: Apache-2.0
//! Compression of record batches: round trips, bytes of other implementations, damage, bombs.
#include "record/compression.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "record/compression_test_support.hpp"
#include "record/random_input.hpp"

namespace fantail::record {
namespace {

constexpr std::size_t enough = 64u << 20;
constexpr std::array all_codecs{Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr std::array real_codecs{Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

Bytes bytes_of(std::initializer_list<int> values) {
    Bytes out;
    for (const int v : values) out.push_back(static_cast<std::uint8_t>(v));
    return out;
}

Bytes joined(ByteView a, ByteView b) {
    Bytes out = to_bytes(a);
    append(out, b);
    return out;
}

/// Half text that repeats itself, half noise.
Bytes some_data(RandomInput& random, std::size_t size) {
    Bytes out = random.bytes(size / 2);
    while (out.size() < size) append(out, as_bytes(random.chance(3) ? random.text(20) : "the same again and again"));
    out.resize(size);
    return out;
}

TEST(Compression, EveryCodecGivesBackWhatItGot) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    for (const Codec codec : all_codecs) {
        for (const std::size_t size : {1u, 100u, 4096u, 32768u, 32769u, 65536u, 65537u, 3'000'000u}) {
            const Bytes data = some_data(random, size);
            const auto compressed = compress(codec, data);
            ASSERT_TRUE(compressed.has_value()) << compressed.error().message;
            const auto found = decompress(codec, *compressed, size);
            ASSERT_TRUE(found.has_value())
                << found.error().message << " codec " << static_cast<int>(codec) << " size " << size;
            EXPECT_TRUE(as_text(*found) == as_text(data));
        }
    }
}

TEST(Compression, NoBytesComeBackAsNoBytes) {
    for (const Codec codec : all_codecs)
        EXPECT_TRUE(decompress(codec, compress(codec, {}).value(), 10).value().empty());
}

TEST(Compression, OneByteMoreThanTheLimitIsTooLarge) {
    const Bytes data(10'000, 'x');
    for (const Codec codec : all_codecs) {
        const Bytes compressed = compress(codec, data).value();
        EXPECT_TRUE(decompress(codec, compressed, data.size()).has_value());
        const auto refused = decompress(codec, compressed, data.size() - 1);
        ASSERT_FALSE(refused.has_value()) << static_cast<int>(codec);
        EXPECT_EQ(refused.error().code, ErrorCode::too_large);
    }
}

TEST(Compression, ABombIsStoppedAtTheLimit) {
    const Bytes zeros = [] {
        Bytes out(enough);
        std::ranges::fill(out, 0);
        return out;
    }();
    for (const Codec codec : real_codecs) {
        const Bytes compressed = compress(codec, zeros).value();
        EXPECT_LT(compressed.size(), zeros.size() / 15);
        const auto refused = decompress(codec, compressed, 100'000);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::too_large);
    }
}

TEST(Compression, ASnappyBlockThatStatesTooMuchIsRefusedBeforeMemoryIsMade) {
    // 4 GiB - 1 in a varint, then nothing.
    const auto refused = decompress(Codec::snappy, bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}), enough);
    EXPECT_EQ(refused.error().code, ErrorCode::too_large);
}

TEST(Compression, AZstdFrameThatStatesTooMuchIsRefusedBeforeMemoryIsMade) {
    // Magic, single segment with a size of 8 bytes: 2^62.
    const auto refused =
        decompress(Codec::zstd, bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40}), enough);
    EXPECT_EQ(refused.error().code, ErrorCode::too_large);
}

TEST(Compression, CutOffOrEmptyInputIsMalformed) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    const Bytes data = some_data(random, 500);
    for (const Codec codec : real_codecs) {
        const Bytes whole = compress(codec, data).value();
        for (std::size_t size = 0; size < whole.size(); ++size) {
            // Behind its header, snappy in xerial framing is a list without an end: no blocks are a valid one.
            if (codec == Codec::snappy && size == 16) continue;
            const std::vector<std::uint8_t> exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            const auto found = decompress(codec, exact, enough);
            ASSERT_FALSE(found.has_value()) << static_cast<int>(codec) << " at " << size;
            EXPECT_EQ(found.error().code, ErrorCode::malformed);
        }
    }
}

TEST(Compression, DamagedInputNeverReadsOutOfBoundsNorGrowsBeyondTheLimit) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    const Bytes data = some_data(random, 2000);
    for (const Codec codec : real_codecs) {
        const Bytes whole = compress(codec, data).value();
        for (int i = 0; i < 300; ++i) {
            Bytes damaged = whole;
            random.mutate(damaged);
            const std::vector<std::uint8_t> exact(damaged.begin(), damaged.end());
            const auto found = decompress(codec, exact, 4000);
            if (found) {
                EXPECT_LE(found->size(), 4000u);
            }
        }
    }
}

TEST(Compression, SnappyIsReadRawAndInXerialFraming) {
    const Bytes raw = joined(bytes_of({5, 0x10}), as_bytes("hello"));
    EXPECT_EQ(as_text(decompress(Codec::snappy, raw, 5).value()), "hello");
    Bytes framed = bytes_of({0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7});
    append(framed, raw);
    for (const int b : {0, 0, 0, 7}) framed.push_back(static_cast<std::uint8_t>(b));
    append(framed, raw);
    EXPECT_EQ(as_text(decompress(Codec::snappy, framed, 10).value()), "hellohello");
    EXPECT_EQ(decompress(Codec::snappy, framed, 9).error().code, ErrorCode::too_large);
    // What we write is framed, for Java's consumers.
    EXPECT_TRUE(as_text(compress(Codec::snappy, raw).value()).starts_with("\x82SNAPPY"));
}

TEST(Compression, Lz4FramesAreReadAndWrittenWithIndependentBlocks) {
    const Bytes frame =
        joined(joined(bytes_of({0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 5, 0, 0, 0x80}), as_bytes("hello")),
               bytes_of({0, 0, 0, 0}));
    EXPECT_EQ(as_text(decompress(Codec::lz4, frame, 5).value()), "hello");
    EXPECT_EQ(as_text(decompress(Codec::lz4, joined(frame, frame), 10).value()), "hellohello");
    // Bit 5 of the byte behind the magic: blocks are independent. Java's clients read no others.
    EXPECT_EQ(compress(Codec::lz4, frame).value().at(4) & 0x20, 0x20);
}

TEST(Compression, ZstdFramesAreReadWithAndWithoutAStatedSize) {
    const Bytes stated = joined(bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x20, 5, 0x29, 0, 0}), as_bytes("hello"));
    EXPECT_EQ(as_text(decompress(Codec::zstd, stated, 5).value()), "hello");
    EXPECT_EQ(as_text(decompress(Codec::zstd, joined(stated, stated), 10).value()), "hellohello");
    // A window of 128 MiB, as the highest levels write it, and one block that repeats a byte 100,000 times.
    const Bytes streamed = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88, 0x03 | (100'000 << 3 & 0xFF),
                                     100'000 >> 5 & 0xFF, 100'000 >> 13 & 0xFF, 'x'});
    EXPECT_EQ(decompress(Codec::zstd, streamed, 100'000).value().size(), 100'000u);
    EXPECT_EQ(decompress(Codec::zstd, streamed, 99'999).error().code, ErrorCode::too_large);
}

TEST(Compression, GzipMembersInARowAreOne) {
    const Bytes member = compress(Codec::gzip, as_bytes("hello")).value();
    EXPECT_EQ(as_text(decompress(Codec::gzip, joined(member, member), 10).value()), "hellohello");
    EXPECT_EQ(decompress(Codec::gzip, joined(member, as_bytes("xyz")), 10).error().code, ErrorCode::malformed);
}

TEST(Compression, ACodecThatNobodyDefinedIsUnsupported) {
    EXPECT_EQ(decompress(static_cast<Codec>(5), as_bytes("x"), 10).error().code, ErrorCode::unsupported);
    EXPECT_EQ(compress(static_cast<Codec>(5), as_bytes("x")).error().code, ErrorCode::unsupported);
}

Bytes plain_batch() {
    BatchBuilder builder;
    const std::vector<HeaderParts> headers{{"trace", as_bytes("1")}};
    for (int i = 0; i < 50; ++i) {
        builder.append({{1000 + i}, as_bytes("key"), false, as_bytes("a value that repeats"), false, headers});
    }
    return builder.finish(Offset(70),
                          {.leader_epoch = 3, .attributes = batch_attribute::transactional, .producer_id = 9});
}

TEST(CompressedBatch, BecomesTheBatchItWas) {
    const Bytes plain = plain_batch();
    for (const Codec codec : all_codecs) {
        const Bytes compressed = compressed_batch(plain, codec);
        const auto view = BatchView::parse(compressed);
        ASSERT_TRUE(view.has_value());
        const auto found = decompress_batch(*view, enough);
        ASSERT_TRUE(found.has_value()) << found.error().message;
        EXPECT_EQ(as_text(*found), as_text(plain));
        EXPECT_TRUE(BatchView::parse(*found)->verify_crc());
        EXPECT_TRUE(BatchView::parse(*found)->check_records().has_value());
    }
}

TEST(CompressedBatch, OfMoreRecordsThanBytesForThemIsMalformed) {
    Bytes compressed = compressed_batch(plain_batch(), Codec::zstd);
    store_be(compressed.data() + batch_at::record_count, std::int32_t{1'000'000});
    store_be(compressed.data() + batch_at::last_offset_delta, std::int32_t{999'999});
    const auto view = BatchView::parse(compressed);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(decompress_batch(*view, enough).error().code, ErrorCode::malformed);
}

TEST(CompressedBatch, OfMoreBytesThanTheLimitIsTooLarge) {
    const Bytes plain = plain_batch();
    const Bytes compressed = compressed_batch(plain, Codec::lz4);
    const auto view = BatchView::parse(compressed);
    const std::size_t records_size = plain.size() - batch_header_size;
    EXPECT_TRUE(decompress_batch(*view, records_size).has_value());
    EXPECT_EQ(decompress_batch(*view, records_size - 1).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace fantail::record

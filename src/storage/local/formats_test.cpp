// SPDX-License-Identifier: Apache-2.0
//! The stored formats byte by byte (docs/formats), and what their decoders refuse.
#include <gtest/gtest.h>

#include "base/crc32c.hpp"
#include "storage/local/journal_format.hpp"
#include "storage/local/rim.hpp"
#include "storage/local/snapshot.hpp"

namespace fantail::storage {
namespace {

std::string hex(ByteView bytes) {
    std::string out;
    for (auto b : bytes) {
        out += "0123456789abcdef"[b >> 4];
        out += "0123456789abcdef"[b & 15];
    }
    return out;
}

TEST(JournalFormat, HeaderBytesAreAsDocumented) {
    Bytes block(journal_header_size);
    encode_journal_header({.state = JournalState::active,
                           .shard = ShardId(3),
                           .sequence = 7,
                           .base = Lsn(100),
                           .durable = Lsn(99),
                           .nonce = 0x1122,
                           .epoch = 5},
                          block);
    EXPECT_EQ(hex(ByteView(block).first(60)),
              "46544c4a524e4c00"
              "0001"
              "02"
              "00"
              "0003"
              "0000"
              "0000000000000007"
              "0000000000000064"
              "0000000000000063"
              "0000000000001122"
              "00000005"
              "0000000000000000");
    EXPECT_EQ(load_be<std::uint32_t>(block.data() + 60), crc32c(ByteView(block).first(60)));
    const auto back = decode_journal_header(block);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->sequence, 7u);
    EXPECT_EQ(back->base, Lsn(100));
    EXPECT_EQ(back->epoch, 5u);
}

TEST(JournalFormat, FrameBytesAreAsDocumented) {
    Bytes frame(frame_header_size + change_entry_size + 2, 0);
    encode_change(frame.data() + frame_header_size, as_bytes("hi"));
    seal_frame({.payload_length = 10,
                .epoch = 2,
                .entry_count = 1,
                .first = Lsn(9),
                .durable = Lsn(8),
                .previous_crc = 0xABCD},
               77, frame);
    EXPECT_EQ(hex(ByteView(frame).first(44)),
              "46544c46"
              "0000000a"
              "00000002"
              "00000001"
              "0000000000000009"
              "0000000000000008"
              "0000abcd"
              "0000000000000000");
    EXPECT_EQ(hex(ByteView(frame).subspan(48)),
              "02000000"
              "00000002"
              "6869");
    EXPECT_TRUE(frame_is_whole(frame, 77));
    EXPECT_FALSE(frame_is_whole(frame, 78));  // another file's, or of the file's former life
    for (std::size_t i = 0; i < frame.size(); ++i) {
        auto bad = frame;
        bad[i] ^= 4;
        EXPECT_FALSE(frame_is_whole(bad, 77)) << i;
    }
}

TEST(JournalFormat, BatchAndExternalEntriesComeBack) {
    const std::vector<Target> targets{{StreamId(1), Offset(2)}, {StreamId(3), Offset(4)}};
    Bytes payload(batch_entry_bytes(2, 3) + external_entry_bytes(2));
    auto* at = encode_batch(payload.data(), targets, 5, true, as_bytes("abc"));
    at = encode_external(at, targets, 6, false, 1000, 42);
    ASSERT_EQ(at, payload.data() + payload.size());
    EXPECT_EQ(hex(ByteView(payload).first(16)),
              "01010000"
              "00000005"
              "00000002"
              "00000003");
    Reader in(payload);
    const auto batch = decode_entry(in, payload.size());
    ASSERT_TRUE(batch);
    EXPECT_TRUE(batch->transient);
    EXPECT_EQ(as_text(batch->bytes), "abc");
    EXPECT_EQ(batch->bytes_position, batch_entry_bytes(2, 0));
    const auto external = decode_entry(in, payload.size());
    ASSERT_TRUE(external);
    EXPECT_EQ(external->segment, 42u);
    EXPECT_EQ(external->length, 1000u);
    std::vector<Target> back;
    decode_targets(external->targets, back);
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back[1].base, Offset(4));
    EXPECT_TRUE(in.done());
}

TEST(JournalFormat, EveryCutEntryIsRefused) {
    const std::vector<Target> targets{{StreamId(1), Offset(2)}};
    Bytes payload(batch_entry_bytes(1, 3));
    encode_batch(payload.data(), targets, 5, false, as_bytes("abc"));
    for (std::size_t n = 0; n < payload.size(); ++n) {
        Reader in(ByteView(payload).first(n));
        EXPECT_FALSE(decode_entry(in, n)) << n;
    }
}

TEST(SegmentFormat, FooterComesBackAndCutsAreRefused) {
    const std::vector<RunDescription> runs{{.position = 4096,
                                            .length = 500,
                                            .transient = true,
                                            .span = 9,
                                            .targets = {{StreamId(1), Offset(2)}},
                                            .index = {{0, 0}, {4, 200}}},
                                           {.position = 4596,
                                            .length = 100,
                                            .span = 1,
                                            .targets = {{StreamId(1), Offset(2)}, {StreamId(5), Offset(6)}},
                                            .index = {{0, 0}}}};
    const auto bytes = encode_segment_footer(runs);
    const auto back = decode_segment_footer(bytes);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), 2u);
    EXPECT_EQ((*back)[0].index[1].position, 200u);
    EXPECT_TRUE((*back)[0].transient);
    EXPECT_EQ((*back)[1].targets[1].base, Offset(6));
    for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_segment_footer(ByteView(bytes).first(n))) << n;
}

TEST(SegmentFormat, TrailerAndHeaderRefuseAnyFlip) {
    const auto trailer =
        encode_segment_trailer({.sequence = 3, .footer_position = 8192, .footer_length = 77, .footer_crc = 5});
    ASSERT_EQ(decode_segment_trailer(trailer)->footer_position, 8192u);
    const auto header = encode_segment_header(ShardId(1), 3);
    ASSERT_EQ(decode_segment_header(header).value(), 3u);
    for (std::size_t i = 0; i < 40; ++i) {
        auto bad = trailer;
        bad[i] ^= 1;
        EXPECT_FALSE(decode_segment_trailer(bad)) << i;
        bad = header;
        bad[i] ^= 1;
        EXPECT_TRUE(i >= 28 || !decode_segment_header(bad)) << i;
    }
}

TEST(SnapshotFormat, ComesBackAndRefusesAnyFlipAndCut) {
    Snapshot s{
        .shard = ShardId(2), .epoch = 3, .lsn = Lsn(44), .replay_from = 5, .has_journal = true, .next_segment = 9};
    s.segments.push_back({.sequence = 8,
                          .source = 4,
                          .trailer = {.sequence = 8, .footer_position = 9000, .footer_length = 10, .footer_crc = 11}});
    s.segments[0].runs.push_back({.number = 1,
                                  .position = 4096,
                                  .length = 100,
                                  .span = 3,
                                  .first_base = 70,
                                  .targets = {{StreamId(1), Offset(70)}}});
    const auto bytes = encode_snapshot(s, as_bytes("state"));
    const auto back = decode_snapshot(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(as_text(back->state), "state");
    EXPECT_EQ(back->snapshot.lsn, Lsn(44));
    EXPECT_TRUE(back->snapshot.has_journal);
    EXPECT_EQ(back->snapshot.segments.at(0).runs.at(0).first_base, 70u);
    EXPECT_EQ(hex(ByteView(bytes).first(16)),
              "46544c534e415000"
              "0001"
              "0002"
              "00000003");
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto bad = bytes;
        bad[i] ^= 16;
        EXPECT_FALSE(decode_snapshot(bad)) << i;
        EXPECT_FALSE(decode_snapshot(ByteView(bytes).first(i))) << i;
    }
}

TEST(FileNames, SortLikeNumbersAndReadBack) {
    EXPECT_EQ(numbered_name("journal-", 12, ".log"), "journal-00000000000000000012.log");
    EXPECT_EQ(number_in_name("journal-00000000000000000012.log", "journal-", ".log"), 12u);
    EXPECT_FALSE(number_in_name("journal-0000000000000000001x.log", "journal-", ".log"));
    EXPECT_FALSE(number_in_name("journal-12.log", "journal-", ".log"));
}

}  // namespace
}  // namespace fantail::storage

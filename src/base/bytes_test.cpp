// SPDX-License-Identifier: Apache-2.0
//! Reader and Writer: byte order, bounds, varints.
#include "base/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace fantail {
namespace {

using testing::ElementsAre;

Bytes uvarint_of(std::uint64_t v) {
    Bytes out;
    Writer(out).uvarint(v);
    return out;
}
Bytes svarint_of(std::int64_t v) {
    Bytes out;
    Writer(out).svarint(v);
    return out;
}

TEST(Writer, WritesIntegersMostSignificantByteFirst) {
    Bytes out;
    Writer w(out);
    w.u8(0x01);
    w.u16(0x0203);
    w.u32(0x04050607);
    w.u64(0x08090A0B0C0D0E0Full);
    EXPECT_THAT(out, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

TEST(Writer, AppendsBehindWhatIsThere) {
    Bytes out{9};
    Writer w(out);
    w.raw("ab");
    w.string("");
    w.string("c");
    EXPECT_THAT(out, ElementsAre(9, 'a', 'b', 0, 1, 'c'));
    EXPECT_EQ(w.size(), 6u);
}

TEST(Reader, ReadsBackWhatWriterWrote) {
    Bytes out;
    Writer w(out);
    w.u8(0xFE);
    w.u16(0xFEDC);
    w.u32(0xFEDCBA98);
    w.u64(0xFEDCBA9876543210ull);
    w.be<std::int32_t>(-2);
    w.string("text");
    Reader in(out);
    EXPECT_EQ(in.u8(), 0xFE);
    EXPECT_EQ(in.u16(), 0xFEDC);
    EXPECT_EQ(in.u32(), 0xFEDCBA98u);
    EXPECT_EQ(in.u64(), 0xFEDCBA9876543210ull);
    EXPECT_EQ(in.be<std::int32_t>(), -2);
    EXPECT_EQ(read_string(in), "text");
    EXPECT_TRUE(in.done());
}

TEST(Reader, PastTheEndGivesZeroAndFailsForGood) {
    const Bytes three{1, 2, 3};
    Reader in(three);
    EXPECT_EQ(in.u32(), 0u);
    EXPECT_TRUE(in.failed());
    EXPECT_EQ(in.u8(), 0) << "a failed reader must not hand out the bytes it still had";
    EXPECT_EQ(in.left(), 0u);
    EXPECT_FALSE(in.done());
}

TEST(Reader, TakeOfExactlyTheRestIsDoneAndOneMoreFails) {
    const Bytes three{1, 2, 3};
    Reader exact(three);
    EXPECT_THAT(exact.take(3), ElementsAre(1, 2, 3));
    EXPECT_TRUE(exact.done());
    EXPECT_TRUE(exact.take(0).empty());
    EXPECT_TRUE(exact.done());
    Reader over(three);
    EXPECT_TRUE(over.take(4).empty());
    EXPECT_TRUE(over.failed());
    Reader huge(three);
    EXPECT_TRUE(huge.take(std::numeric_limits<std::size_t>::max()).empty());
    EXPECT_TRUE(huge.failed());
}

TEST(Reader, EmptyInputIsDoneAtOnce) {
    Reader in(ByteView{});
    EXPECT_TRUE(in.done());
    EXPECT_EQ(in.uvarint(), 0u);
    EXPECT_TRUE(in.failed());
}

TEST(Varint, HasTheKnownEncodings) {
    EXPECT_THAT(uvarint_of(0), ElementsAre(0));
    EXPECT_THAT(uvarint_of(127), ElementsAre(0x7F));
    EXPECT_THAT(uvarint_of(128), ElementsAre(0x80, 0x01));
    EXPECT_THAT(uvarint_of(300), ElementsAre(0xAC, 0x02));
    EXPECT_EQ(uvarint_of(std::numeric_limits<std::uint64_t>::max()).size(), 10u);
    EXPECT_THAT(svarint_of(-1), ElementsAre(1));
    EXPECT_THAT(svarint_of(1), ElementsAre(2));
    EXPECT_THAT(svarint_of(-64), ElementsAre(0x7F));
    EXPECT_THAT(svarint_of(64), ElementsAre(0x80, 0x01));
}

TEST(Varint, RoundTripsAroundEveryLengthChange) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (const int step : {-1, 0, 1}) {
            const std::uint64_t v = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(step);
            const Bytes unsigned_form = uvarint_of(v);
            Reader u(unsigned_form);
            EXPECT_EQ(u.uvarint(), v);
            EXPECT_TRUE(u.done());
            const auto s = static_cast<std::int64_t>(v);
            const Bytes signed_form = svarint_of(s);
            Reader z(signed_form);
            EXPECT_EQ(z.svarint(), s);
            EXPECT_TRUE(z.done());
        }
    }
}

TEST(Varint, CutOffFails) {
    const Bytes cut{0x80, 0x80};
    Reader in(cut);
    EXPECT_EQ(in.uvarint(), 0u);
    EXPECT_TRUE(in.failed());
}

TEST(Varint, LongerThanTenBytesFails) {
    const Bytes endless(11, 0x80);
    Reader in(endless);
    EXPECT_EQ(in.uvarint(), 0u);
    EXPECT_TRUE(in.failed());
}

TEST(BigEndian, LoadsAndStoresUnaligned) {
    std::uint8_t room[9] = {};
    store_be<std::uint64_t>(room + 1, 0x0102030405060708ull);
    EXPECT_THAT(room, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
    EXPECT_EQ(load_be<std::uint32_t>(room + 2), 0x02030405u);
}

}  // namespace
}  // namespace fantail

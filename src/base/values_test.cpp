// SPDX-License-Identifier: Apache-2.0
//! The small value types: strong ids, times, results, assertions.
#include <gtest/gtest.h>

#include <memory>
#include <type_traits>
#include <unordered_set>

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace fantail {
namespace {

static_assert(!std::is_convertible_v<Offset, std::uint64_t> && !std::is_convertible_v<std::uint64_t, Offset>);
static_assert(!std::is_constructible_v<Offset, Lsn> && !std::is_convertible_v<Offset, Lsn>);
static_assert(sizeof(CoreId) == 2 && sizeof(Offset) == 8 && std::is_trivially_copyable_v<Offset>);

TEST(StrongId, ComparesAndCountsByItsInteger) {
    EXPECT_EQ(Offset(3).plus(4), Offset(7));
    EXPECT_LT(Offset(3), Offset(4));
    EXPECT_EQ(Offset(), Offset(0));
    EXPECT_EQ(CoreId(0xFFFF).plus(1), CoreId(0)) << "wraps in its own width";
}

TEST(StrongId, WorksAsAKeyOfHashTables) {
    std::unordered_set<QueueId> ids;
    for (std::uint64_t i = 0; i < 100; ++i) ids.insert(QueueId(i % 50));
    EXPECT_EQ(ids.size(), 50u);
    EXPECT_NE(std::hash<QueueId>{}(QueueId(1)), std::hash<QueueId>{}(QueueId(2)));
}

TEST(Ids, CarryTheirPlaceInTheHighSixteenBits) {
    EXPECT_EQ(shard_of(make_id<QueueId>(7, 9)), ShardId(7));
    EXPECT_EQ(shard_of(make_id<StreamId>(0xFFFF, 1)), ShardId(0xFFFF));
    EXPECT_EQ(core_of(make_id<ConnectionId>(3, 0xFFFF'FFFF'FFFFull)), CoreId(3));
    EXPECT_EQ(make_id<QueueId>(1, 2).value, 0x0001'0000'0000'0002ull);
}

TEST(Time, MillisecondsAreAMillionNanoseconds) {
    EXPECT_EQ(MonoTime{5}.plus_ms(2), MonoTime{2'000'005});
    EXPECT_GT(MonoTime::never(), MonoTime{1}.plus_ms(1'000'000'000));
    EXPECT_LT(WallTime{-1}, WallTime{0});
}

Result<int> half(int v) {
    if (v % 2 != 0) return fail(ErrorCode::precondition_failed, "odd");
    return v / 2;
}
Result<int> quarter(int v) {
    FANTAIL_TRY(const int h, half(v));
    FANTAIL_TRY(const int q, half(h));
    return q;
}
Result<void> must_be_even(int v) {
    FANTAIL_CHECK(half(v));
    return {};
}

TEST(Result, TryHandsOnTheValueOrTheError) {
    EXPECT_EQ(quarter(12).value(), 3);
    const auto odd = quarter(6);
    ASSERT_FALSE(odd.has_value());
    EXPECT_EQ(odd.error().code, ErrorCode::precondition_failed);
    EXPECT_EQ(odd.error().message, "odd");
}

TEST(Result, CheckReturnsOnlyOnError) {
    EXPECT_TRUE(must_be_even(2).has_value());
    EXPECT_FALSE(must_be_even(3).has_value());
}

Result<std::unique_ptr<int>> boxed(int v) { return std::make_unique<int>(v); }
Result<int> unboxed(int v) {
    FANTAIL_TRY(const auto box, boxed(v));
    return *box;
}

TEST(Result, TryMovesValuesThatCannotBeCopied) { EXPECT_EQ(unboxed(4).value(), 4); }

TEST(AssertDeathTest, NamesTheExpressionAndAborts) {
    EXPECT_DEATH(FANTAIL_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 .*values_test\\.cpp");
    FANTAIL_ASSERT(1 + 1 == 2);
}

}  // namespace
}  // namespace fantail

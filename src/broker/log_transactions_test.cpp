// SPDX-License-Identifier: Apache-2.0
//! The transactions in a log: what is decided up to where, and what was aborted.
#include "broker/log_transactions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fantail::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::uint64_t> aborted(const LogTransactions& log, std::uint64_t first, std::uint64_t end) {
    std::vector<AbortedSpan> spans;
    log.collect_aborted(first, end, spans);
    std::vector<std::uint64_t> out;
    for (const AbortedSpan& each : spans) out.push_back(each.first.value);
    return out;
}

TEST(LogTransactions, OnlyTheEnlistedMayAppend) {
    LogTransactions log;
    EXPECT_EQ(log.check({7, 1}), LogOutcome::invalid_transaction);
    log.enlist({7, 1});
    EXPECT_EQ(log.check({7, 1}), LogOutcome::ok);
    EXPECT_EQ(log.check({7, 0}), LogOutcome::fenced);
    EXPECT_EQ(log.check({7, 2}), LogOutcome::invalid_transaction);
    log.note_records({7, 1}, 10);
    log.note_marker(7, true, 12);
    EXPECT_EQ(log.check({7, 1}), LogOutcome::invalid_transaction) << "it is over";
    log.enlist({7, 1});
    log.dismiss(7);
    EXPECT_EQ(log.check({7, 1}), LogOutcome::invalid_transaction);
}

TEST(LogTransactions, AllIsDecidedUpToTheFirstOpenOne) {
    LogTransactions log;
    EXPECT_EQ(log.stable_end(100), 100u);
    log.note_records({7, 0}, 10);
    log.note_records({8, 0}, 20);
    log.note_records({7, 0}, 30);
    EXPECT_EQ(log.stable_end(100), 10u);
    EXPECT_EQ(log.start_of(7), Offset(10));
    log.note_marker(7, true, 40);
    EXPECT_EQ(log.stable_end(100), 20u);
    EXPECT_EQ(log.stable_end(5), 5u);
}

TEST(LogTransactions, AnEndCountsWhenItsMarkerIsDurable) {
    LogTransactions log;
    log.note_records({7, 0}, 10);
    log.note_marker(7, true, 40);
    EXPECT_EQ(log.stable_end(40), 10u);
    EXPECT_EQ(log.stable_end(41), 41u);
    log.became_durable(41);
    EXPECT_EQ(log.stable_end(50), 50u);
}

TEST(LogTransactions, AbortedOnesAreToldToThoseWhomTheyConcern) {
    LogTransactions log;
    log.note_records({7, 0}, 10);
    log.note_records({8, 0}, 12);
    log.note_marker(8, false, 14);  // 12..14
    log.note_marker(7, false, 16);  // 10..16
    log.note_records({9, 0}, 20);
    log.note_marker(9, true, 22);
    log.note_records({7, 0}, 30);
    log.note_marker(7, false, 33);  // 30..33
    EXPECT_THAT(aborted(log, 0, 10), IsEmpty());
    EXPECT_THAT(aborted(log, 0, 100), ElementsAre(12, 10, 30));
    EXPECT_THAT(aborted(log, 15, 20), ElementsAre(10));
    EXPECT_THAT(aborted(log, 17, 30), IsEmpty());
    EXPECT_THAT(aborted(log, 17, 31), ElementsAre(30));
    EXPECT_TRUE(log.aborted(7, 10));
    EXPECT_TRUE(log.aborted(8, 13));
    EXPECT_FALSE(log.aborted(8, 15));
    EXPECT_FALSE(log.aborted(9, 20));
    EXPECT_TRUE(log.aborted(7, 31));
    log.trim(15);
    EXPECT_THAT(aborted(log, 0, 100), ElementsAre(10, 30));
    log.trim(34);
    EXPECT_THAT(aborted(log, 0, 100), IsEmpty());
}

TEST(LogTransactions, OneInsideOfAnotherIsFoundBehindIt) {
    LogTransactions log;
    log.note_records({1, 0}, 10);  // long
    for (std::uint64_t i = 0; i < 5; ++i) {
        log.note_records({2, 0}, 20 + 10 * i);
        log.note_marker(2, false, 25 + 10 * i);
    }
    log.note_marker(1, false, 90);
    EXPECT_TRUE(log.aborted(1, 12));
    EXPECT_THAT(aborted(log, 10, 15), ElementsAre(10));
}

TEST(LogTransactions, WhatIsWrittenDownIsReadAgain) {
    LogTransactions log;
    log.enlist({5, 0});
    log.note_records({7, 3}, 10);
    log.note_records({8, 0}, 12);
    log.note_marker(8, false, 14);
    Bytes bytes;
    Writer out(bytes);
    log.encode(out);
    LogTransactions copy;
    Reader in(bytes);
    ASSERT_TRUE(copy.decode(in));
    EXPECT_TRUE(in.done());
    EXPECT_EQ(copy.stable_end(100), 10u);
    EXPECT_EQ(copy.check({7, 3}), LogOutcome::ok);
    EXPECT_EQ(copy.check({5, 0}), LogOutcome::invalid_transaction) << "its coordinator says so again";
    EXPECT_THAT(aborted(copy, 0, 100), ElementsAre(12));
    Bytes again;
    Writer out_again(again);
    copy.encode(out_again);
    EXPECT_EQ(again, bytes);
}

}  // namespace
}  // namespace fantail::broker

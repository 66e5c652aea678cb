// SPDX-License-Identifier: Apache-2.0
//! Death histories: counting as RabbitMQ's x-death, cycles, encoding.
#include "record/deaths.hpp"

#include <gtest/gtest.h>

#include "record/random_input.hpp"

namespace fantail::record {
namespace {

Death death(std::string queue, DeathReason reason, std::string exchange = "ex", std::int64_t ms = 0) {
    return {.queue = std::move(queue),
            .reason = reason,
            .exchange = std::move(exchange),
            .routing_keys = {"key", "cc"},
            .time = {ms}};
}

DeathHistory history_of(std::initializer_list<Death> deaths) {
    DeathHistory history;
    for (const Death& d : deaths) record_death(history, d);
    return history;
}

TEST(Deaths, TheFirstDeathIsFirstAndLast) {
    DeathHistory history;
    EXPECT_EQ(history.first(), nullptr);
    EXPECT_EQ(history.last(), nullptr);
    Death d = death("q1", DeathReason::expired);
    d.count = 99;
    record_death(history, d);
    ASSERT_EQ(history.deaths.size(), 1u);
    EXPECT_EQ(history.first()->queue, "q1");
    EXPECT_EQ(history.last(), history.first());
    EXPECT_EQ(history.last()->count, 1u);
    EXPECT_EQ(history.last_exchange, "ex");
}

TEST(Deaths, TheSameQueueAndReasonCountsUpAndMovesToTheFront) {
    const DeathHistory history =
        history_of({death("q1", DeathReason::expired, "ex1", 10), death("q2", DeathReason::expired, "ex2", 20),
                    death("q1", DeathReason::expired, "ex3", 30)});
    ASSERT_EQ(history.deaths.size(), 2u);
    EXPECT_EQ(history.deaths[0].queue, "q1");
    EXPECT_EQ(history.deaths[0].count, 2u);
    EXPECT_EQ(history.deaths[0].exchange, "ex1") << "an entry keeps the exchange of its earliest death";
    EXPECT_EQ(history.deaths[0].time, WallTime{10});
    EXPECT_EQ(history.deaths[1].queue, "q2");
    EXPECT_EQ(history.last_exchange, "ex3") << "x-last-death-exchange follows the latest death";
    EXPECT_EQ(history.first()->queue, "q1");
}

TEST(Deaths, AnotherReasonInTheSameQueueIsAnotherEntry) {
    const DeathHistory history = history_of({death("q1", DeathReason::expired), death("q1", DeathReason::rejected)});
    ASSERT_EQ(history.deaths.size(), 2u);
    EXPECT_EQ(history.last()->reason, DeathReason::rejected);
    EXPECT_EQ(history.first()->reason, DeathReason::expired);
}

TEST(Deaths, TheFirstStaysFirstHoweverTheOthersMove) {
    DeathHistory history = history_of(
        {death("a", DeathReason::expired), death("b", DeathReason::expired), death("c", DeathReason::expired)});
    for (const char* queue : {"b", "c", "a", "b", "a", "a", "d", "c"}) {
        record_death(history, death(queue, DeathReason::expired));
        EXPECT_EQ(history.first()->queue, "a");
        EXPECT_EQ(history.last()->queue, queue);
    }
}

TEST(Deaths, AFullHistoryForgetsTheOldestButNeverTheFirst) {
    DeathHistory history;
    for (std::size_t i = 0; i < deaths_max + 10; ++i)
        record_death(history, death("q" + std::to_string(i), DeathReason::maxlen));
    EXPECT_EQ(history.deaths.size(), deaths_max);
    EXPECT_EQ(history.first()->queue, "q0");
    EXPECT_EQ(history.last()->queue, "q73");
    EXPECT_EQ(history.deaths[deaths_max - 2].queue, "q11");
    record_death(history, death("q0", DeathReason::maxlen));
    record_death(history, death("new", DeathReason::maxlen));
    EXPECT_EQ(history.first()->queue, "q0");
    EXPECT_EQ(history.deaths.size(), deaths_max);
}

TEST(Deaths, AnAutomaticCycleIsOneWithoutARejection) {
    const DeathHistory automatic = history_of({death("q1", DeathReason::expired), death("q2", DeathReason::maxlen)});
    EXPECT_TRUE(is_death_cycle(automatic, "q1"));
    EXPECT_TRUE(is_death_cycle(automatic, "q2"));
    EXPECT_FALSE(is_death_cycle(automatic, "q3"));
    EXPECT_FALSE(is_death_cycle({}, "q1"));
    const DeathHistory rejected_since =
        history_of({death("q1", DeathReason::expired), death("q2", DeathReason::rejected)});
    EXPECT_FALSE(is_death_cycle(rejected_since, "q1"));
    EXPECT_FALSE(is_death_cycle(rejected_since, "q2"));
    const DeathHistory rejected_before =
        history_of({death("q2", DeathReason::rejected), death("q1", DeathReason::expired)});
    EXPECT_TRUE(is_death_cycle(rejected_before, "q1"));
}

TEST(Deaths, ReasonsAreSpelledAsInXDeath) {
    EXPECT_EQ(to_text(DeathReason::rejected), "rejected");
    EXPECT_EQ(to_text(DeathReason::expired), "expired");
    EXPECT_EQ(to_text(DeathReason::maxlen), "maxlen");
    EXPECT_EQ(to_text(DeathReason::delivery_limit), "delivery_limit");
}

Bytes encoded(const DeathHistory& history) {
    Bytes out;
    encode_deaths(out, history);
    return out;
}

DeathHistory sample() {
    Death expired = death("q1", DeathReason::expired, "", -5);
    expired.original_expiration = "60000";
    return history_of({expired, death("q2", DeathReason::rejected), death("q3", DeathReason::delivery_limit),
                       death("q1", DeathReason::expired)});
}

TEST(Deaths, RoundTrip) {
    EXPECT_EQ(decode_deaths(encoded(sample())).value(), sample());
    EXPECT_TRUE(encoded({}).empty());
    EXPECT_EQ(decode_deaths({}).value(), DeathHistory{});
}

TEST(Deaths, EveryCutIsMalformed) {
    const Bytes whole = encoded(sample());
    for (std::size_t n = 1; n < whole.size(); ++n) {
        EXPECT_EQ(decode_deaths(ByteView(whole).first(n)).error().code, ErrorCode::malformed) << "cut at " << n;
    }
}

TEST(Deaths, MoreThanTheLimitsIsTooLarge) {
    EXPECT_EQ(decode_deaths(Bytes{65, 0, 0}).error().code, ErrorCode::too_large);
    EXPECT_EQ(decode_deaths(Bytes{1, 0, 0, 1, 'q', 1, 1, 0, 0x81, 2}).error().code, ErrorCode::too_large);
    Death many = death("q", DeathReason::maxlen);
    many.routing_keys.assign(death_routing_keys_max + 5, "k");
    const DeathHistory history = history_of({many});
    EXPECT_EQ(decode_deaths(encoded(history)).value(), history);
}

TEST(Deaths, BrokenInvariantsAreMalformed) {
    DeathHistory twice = sample();
    twice.deaths[1] = twice.deaths[0];
    EXPECT_EQ(decode_deaths(encoded(twice)).error().code, ErrorCode::malformed);
    DeathHistory nowhere = sample();
    nowhere.first_index = 3;
    EXPECT_EQ(decode_deaths(encoded(nowhere)).error().code, ErrorCode::malformed);
    EXPECT_EQ(decode_deaths(Bytes{0, 0, 0}).error().code, ErrorCode::malformed) << "an empty history has no bytes";
}

TEST(Deaths, WhatDecodesAfterMutationKeepsTheInvariants) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    const Bytes original = encoded(sample());
    int decoded = 0;
    for (int round = 0; round < 10'000; ++round) {
        Bytes bytes = original;
        random.mutate(bytes);
        auto history = decode_deaths(bytes);
        if (!history) continue;
        ++decoded;
        EXPECT_TRUE(history->deaths.empty() || history->first_index < history->deaths.size());
        EXPECT_EQ(decode_deaths(encoded(*history)).value(), *history);
    }
    EXPECT_GT(decoded, 1000);
}

}  // namespace
}  // namespace fantail::record

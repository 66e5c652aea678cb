// SPDX-License-Identifier: Apache-2.0
//! Streams as logs: appends, reads that wait, numbered producers, offsets by time, and what a crash leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Numbers {
    std::int64_t producer = -1;
    std::int16_t epoch = -1;
    std::int32_t sequence = -1;
};

/// A world with one log, q1.
class LogWorld : public World {
public:
    LogWorld() { put(definition(q1, QueueKind::stream)); }

    RequestId append(const std::vector<std::string>& bodies, const Numbers& numbers = {}, bool when_durable = true) {
        record::BatchBuilder builder;
        for (const std::string& body : bodies) builder.append({.timestamp = now.wall, .value = as_bytes(body)});
        record::BatchStamp stamp;
        stamp.producer_id = numbers.producer;
        stamp.producer_epoch = numbers.epoch;
        stamp.base_sequence = numbers.sequence;
        AppendLog command;
        command.log = q1;
        command.count = static_cast<std::uint32_t>(bodies.size());
        command.batch = std::make_shared<const Bytes>(builder.finish(Offset(0), stamp));
        command.body_bytes = command.batch->size();
        command.when_durable = when_durable;
        return send(alice, std::move(command));
    }
    LogAppended appended(const std::vector<std::string>& bodies, const Numbers& numbers = {}) {
        append(bodies, numbers);
        sync();
        const auto answers = take<LogAppended>();
        EXPECT_EQ(answers.size(), 1u);
        return answers.empty() ? LogAppended{} : answers.front();
    }
    RequestId read(std::uint64_t offset, std::uint32_t bytes_min = 0, std::uint32_t bytes_max = 1u << 20) {
        return send(bob, ReadLogs{{{q1, Offset(offset), bytes_max}}, bytes_min, bytes_max, false});
    }
    /// The answers to reads, disk reads answered first.
    std::vector<LogsRead> answers() {
        turn();
        return take<LogsRead>();
    }
    static std::vector<std::string> bodies_of(const LogSlice& slice) {
        std::vector<std::string> out;
        for (const StoredBatch& batch : slice.batches)
            for (std::uint32_t i = 0; i < batch.count; ++i) out.push_back(body_at(*batch.bytes, i));
        return out;
    }
    LogSlice slice(std::uint64_t offset) {
        read(offset);
        const auto got = answers();
        EXPECT_EQ(got.size(), 1u);
        return got.empty() ? LogSlice{} : got.front().slices.at(0);
    }
    OffsetFound find(OffsetQuery query, WallTime time = {}) {
        send(bob, FindOffset{q1, query, time});
        turn();
        const auto got = take<OffsetFound>();
        EXPECT_EQ(got.size(), 1u);
        return got.empty() ? OffsetFound{} : got.front();
    }
};

// ------------------------------------------------------------------------------------------------------------ appends

TEST(ShardLog, AppendsAreAnsweredWithTheirOffsetsWhenTheyAreDurable) {
    LogWorld w;
    w.append({"a", "b"});
    w.append({"c"});
    EXPECT_THAT(w.take<LogAppended>(), IsEmpty());
    w.sync();
    const auto answers = w.take<LogAppended>();
    ASSERT_THAT(answers, SizeIs(2));
    EXPECT_EQ(answers[0].base, Offset(0));
    EXPECT_EQ(answers[1].base, Offset(2));
    EXPECT_EQ(answers[1].outcome, LogOutcome::ok);
}

TEST(ShardLog, AnAppendThatAsksForNoDurabilityIsAnsweredAtOnceButNotReadYet) {
    LogWorld w;
    w.append({"a"}, {}, false);
    EXPECT_THAT(w.take<LogAppended>(), SizeIs(1));
    EXPECT_THAT(w.slice(0).batches, IsEmpty());
    w.sync();
    EXPECT_THAT(LogWorld::bodies_of(w.slice(0)), ElementsAre("a"));
}

TEST(ShardLog, AppendsToWhatIsNoLogAreRefused) {
    LogWorld w;
    w.put(definition(q2));
    AppendLog command;
    command.log = q2;
    command.count = 1;
    command.batch = make_batch({{"a"}}, 0);
    w.send(alice, std::move(command));
    EXPECT_EQ(w.take<LogAppended>().at(0).outcome, LogOutcome::not_found);
}

TEST(ShardLog, ARepeatedBatchIsStoredOnceAndAnsweredWithItsPlace) {
    LogWorld w;
    EXPECT_EQ(w.appended({"a", "b"}, {7, 0, 0}).base, Offset(0));
    EXPECT_EQ(w.appended({"c"}, {7, 0, 2}).base, Offset(2));
    const LogAppended again = w.appended({"a", "b"}, {7, 0, 0});
    EXPECT_EQ(again.outcome, LogOutcome::ok);
    EXPECT_EQ(again.base, Offset(0));
    EXPECT_EQ(w.find(OffsetQuery::end).offset, Offset(3));
}

TEST(ShardLog, ARepeatedBatchIsNotAnsweredBeforeItIsDurable) {
    LogWorld w;
    w.append({"a"}, {7, 0, 0});
    w.append({"a"}, {7, 0, 0});
    EXPECT_THAT(w.take<LogAppended>(), IsEmpty());
    w.sync();
    EXPECT_THAT(w.take<LogAppended>(), SizeIs(2));
}

TEST(ShardLog, GapsInASequenceAreRefused) {
    LogWorld w;
    (void)w.appended({"a"}, {7, 0, 0});
    EXPECT_EQ(w.appended({"c"}, {7, 0, 2}).outcome, LogOutcome::out_of_order);
    EXPECT_EQ(w.appended({"b"}, {7, 0, 1}).outcome, LogOutcome::ok);
}

TEST(ShardLog, BatchesRepeatedTooLateAreToldFromNewOnes) {
    LogWorld w;
    for (std::int32_t i = 0; i < 6; ++i) (void)w.appended({"x"}, {7, 0, i});
    EXPECT_EQ(w.appended({"x"}, {7, 0, 1}).base, Offset(1));
    EXPECT_EQ(w.appended({"x"}, {7, 0, 0}).outcome, LogOutcome::old_duplicate);
}

TEST(ShardLog, AnOldEpochIsFencedAndANewOneStartsAtZero) {
    LogWorld w;
    (void)w.appended({"a"}, {7, 3, 0});
    EXPECT_EQ(w.appended({"b"}, {7, 2, 1}).outcome, LogOutcome::fenced);
    EXPECT_EQ(w.appended({"b"}, {7, 4, 1}).outcome, LogOutcome::out_of_order);
    EXPECT_EQ(w.appended({"b"}, {7, 4, 0}).outcome, LogOutcome::ok);
}

TEST(ShardLog, SequencesGoOnAtZeroBehindTheGreatest) {
    LogWorld w;
    constexpr std::int32_t greatest = 0x7FFF'FFFF;
    (void)w.appended({"a"}, {7, 0, greatest});
    EXPECT_EQ(w.appended({"b"}, {7, 0, 0}).outcome, LogOutcome::ok);
    EXPECT_EQ(w.appended({"a"}, {7, 0, greatest}).base, Offset(0));
}

TEST(ShardLog, ProducersAreKnownAfterACrashAndAfterAStop) {
    LogWorld w;
    (void)w.appended({"a"}, {7, 0, 0});
    w.crash();
    EXPECT_EQ(w.appended({"a"}, {7, 0, 0}).base, Offset(0));
    EXPECT_EQ(w.appended({"b"}, {7, 0, 1}).base, Offset(1));
    w.stop();
    EXPECT_EQ(w.appended({"b"}, {7, 0, 1}).base, Offset(1));
    EXPECT_EQ(w.appended({"d"}, {7, 0, 3}).outcome, LogOutcome::out_of_order);
}

// -------------------------------------------------------------------------------------------------------------- reads

TEST(ShardLog, ReadsGiveTheBatchThatHoldsTheOffsetAndWhatFollows) {
    LogWorld w;
    (void)w.appended({"a", "b"});
    (void)w.appended({"c"});
    const LogSlice slice = w.slice(1);
    EXPECT_THAT(LogWorld::bodies_of(slice), ElementsAre("a", "b", "c"));
    EXPECT_EQ(slice.batches.at(0).base, Offset(0));
    EXPECT_EQ(slice.start, Offset(0));
    EXPECT_EQ(slice.high_watermark, Offset(3));
}

TEST(ShardLog, ReadsOutsideOfTheLogAreRefused) {
    LogWorld w;
    (void)w.appended({"a"});
    EXPECT_EQ(w.slice(1).outcome, LogOutcome::ok);
    EXPECT_EQ(w.slice(2).outcome, LogOutcome::out_of_range);
    w.send(bob, TrimLog{q1, Offset(1)});
    EXPECT_EQ(w.take<LogTrimmed>().at(0).start, Offset(1));
    EXPECT_EQ(w.slice(0).outcome, LogOutcome::out_of_range);
}

TEST(ShardLog, AReadWaitsUntilEnoughIsDurable) {
    LogWorld w;
    w.read(0, 1);
    EXPECT_THAT(w.answers(), IsEmpty());
    w.append({"a"});
    EXPECT_THAT(w.answers(), IsEmpty());
    w.sync();
    const auto got = w.answers();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_THAT(LogWorld::bodies_of(got[0].slices.at(0)), ElementsAre("a"));
}

TEST(ShardLog, AReadForManyBytesWaitsForAllOfThem) {
    LogWorld w;
    w.read(0, 200);
    (void)w.appended({std::string(50, 'a')});
    EXPECT_THAT(w.answers(), IsEmpty());
    (void)w.appended({std::string(50, 'b')});
    const auto got = w.answers();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_THAT(got[0].slices.at(0).batches, SizeIs(2));
}

TEST(ShardLog, AWaitThatIsEndedGivesWhatThereIs) {
    LogWorld w;
    (void)w.appended({"a"});
    const RequestId read = w.read(0, 1000);
    EXPECT_THAT(w.answers(), IsEmpty());
    w.send(bob, EndWait{read});
    const auto got = w.answers();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].request, read);
    EXPECT_THAT(LogWorld::bodies_of(got[0].slices.at(0)), ElementsAre("a"));
    w.send(bob, EndWait{read});  // too late: nothing happens
    EXPECT_THAT(w.answers(), IsEmpty());
}

TEST(ShardLog, WaitingReadsAreAnsweredWhenTheirLogGoes) {
    LogWorld w;
    w.read(0, 1);
    w.shard->queue_removed(q1);
    const auto got = w.take<LogsRead>();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].slices.at(0).outcome, LogOutcome::not_found);
}

TEST(ShardLog, AReadIsAnsweredThoughOneOfItsLogsGoesWhileTheOtherIsReadFromTheDisk) {
    LogWorld w;
    w.put(definition(q2, QueueKind::stream));
    w.shard->set_tail_cache_limit(0);
    (void)w.appended({"a"});
    w.turn();
    w.send(bob, ReadLogs{{{q1, Offset(0), 1u << 20}, {q2, Offset(0), 1u << 20}}, 10'000, 1u << 20, false});
    w.shard->queue_removed(q2);
    const auto got = w.answers();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_THAT(LogWorld::bodies_of(got[0].slices.at(0)), ElementsAre("a"));
    EXPECT_EQ(got[0].slices.at(1).outcome, LogOutcome::not_found);
}

TEST(ShardLog, WaitingReadsOfAConnectionThatIsGoneAreDropped) {
    LogWorld w;
    w.read(0, 1);
    w.detach(bob);
    (void)w.appended({"a"});
    EXPECT_THAT(w.answers(), IsEmpty());
}

TEST(ShardLog, AtLeastOneBatchIsReadAndThenNoMoreThanAskedFor) {
    LogWorld w;
    for (int i = 0; i < 3; ++i) (void)w.appended({std::string(100, 'x')});
    w.read(0, 0, 1);
    EXPECT_THAT(w.answers().at(0).slices.at(0).batches, SizeIs(1));
    w.read(0, 0, 400);
    EXPECT_THAT(w.answers().at(0).slices.at(0).batches, SizeIs(2));
}

TEST(ShardLog, WhatIsNotInMemoryIsReadFromTheDisk) {
    LogWorld w;
    w.shard->set_tail_cache_limit(0);
    for (const char* body : {"a", "b", "c"}) (void)w.appended({body});
    w.turn();
    EXPECT_THAT(LogWorld::bodies_of(w.slice(1)), ElementsAre("b", "c"));
}

TEST(ShardLog, WhatIsRemovedWhileItIsReadIsNotGiven) {
    LogWorld w;
    w.shard->set_tail_cache_limit(0);
    for (const char* body : {"a", "b", "c"}) (void)w.appended({body});
    w.turn();
    w.read(0);
    w.send(bob, TrimLog{q1, Offset(1)});
    const auto from_disk = w.answers();
    ASSERT_THAT(from_disk, SizeIs(1));
    EXPECT_EQ(from_disk[0].slices.at(0).outcome, LogOutcome::out_of_range);
    EXPECT_THAT(from_disk[0].slices.at(0).batches, IsEmpty());
    EXPECT_EQ(from_disk[0].slices.at(0).start, Offset(1));
    const RequestId waiting = w.read(1, 10'000);
    EXPECT_THAT(w.answers(), IsEmpty());
    w.send(bob, TrimLog{q1, Offset(2)});
    w.send(bob, EndWait{waiting});
    EXPECT_EQ(w.answers().at(0).slices.at(0).outcome, LogOutcome::out_of_range);
}

TEST(ShardLog, TheBudgetIsSharedByTheLogsOfARead) {
    LogWorld w;
    w.put(definition(q2, QueueKind::stream));
    (void)w.appended({std::string(100, 'a')});
    w.publish(q2, {"b"});
    w.sync();
    w.send(bob, ReadLogs{{{q1, Offset(0), 1u << 20}, {q2, Offset(0), 1u << 20}}, 0, 100, false});
    const auto got = w.answers();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_THAT(got[0].slices.at(0).batches, SizeIs(1));
    EXPECT_THAT(got[0].slices.at(1).batches, IsEmpty());
    EXPECT_EQ(got[0].slices.at(1).high_watermark, Offset(1));
}

TEST(ShardLog, AConsumerGetsWhatBecomesDurableAfterItsFirstBatches) {
    LogWorld w;
    w.consume(bob, 1, q1);
    w.append({"a"});
    const Lsn first(w.host.last_lsn);
    w.append({"b"});
    w.turn();
    w.shard->on_durable(first);
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("a"));
    w.sync();
    w.turn();
    EXPECT_THAT(w.bodies(), ElementsAre("b"));
}

// ------------------------------------------------------------------------------------------------------------ offsets

TEST(ShardLog, OffsetsAreFoundByTime) {
    LogWorld w;
    std::vector<WallTime> times;
    for (const char* body : {"a", "b", "c"}) {
        times.push_back(w.now.wall);
        (void)w.appended({body, body});
        w.advance_ms(1000);
    }
    EXPECT_EQ(w.find(OffsetQuery::at_time, times[1]).offset, Offset(2));
    EXPECT_EQ(w.find(OffsetQuery::at_time, {times[1].ms - 1}).offset, Offset(2));
    EXPECT_EQ(w.find(OffsetQuery::at_time, {times[1].ms + 1}).offset, Offset(4));
    EXPECT_EQ(w.find(OffsetQuery::at_time, times[1]).time, times[1]);
    EXPECT_EQ(w.find(OffsetQuery::at_time, w.now.wall).offset, std::nullopt);
    EXPECT_EQ(w.find(OffsetQuery::newest_time).offset, Offset(4));
    EXPECT_EQ(w.find(OffsetQuery::newest_time).time, times[2]);
    EXPECT_EQ(w.find(OffsetQuery::start).offset, Offset(0));
    EXPECT_EQ(w.find(OffsetQuery::end).offset, Offset(6));
}

TEST(ShardLog, OffsetsAreFoundByTimeOnTheDisk) {
    LogWorld w;
    w.shard->set_tail_cache_limit(0);
    WallTime second;
    for (const char* body : {"a", "b", "c"}) {
        if (*body == 'b') second = w.now.wall;
        (void)w.appended({body});
        w.advance_ms(1000);
    }
    w.turn();
    EXPECT_EQ(w.find(OffsetQuery::at_time, second).offset, Offset(1));
}

TEST(ShardLog, TheEndIsWhatIsDurable) {
    LogWorld w;
    w.append({"a"});
    EXPECT_EQ(w.find(OffsetQuery::end).offset, Offset(0));
    w.sync();
    EXPECT_EQ(w.find(OffsetQuery::end).offset, Offset(1));
}

TEST(ShardLog, TrimmingKeepsOffsetsAndSurvivesACrash) {
    LogWorld w;
    for (const char* body : {"a", "b", "c"}) (void)w.appended({body});
    w.send(bob, TrimLog{q1, Offset(2)});
    w.turn();
    w.sync();
    w.crash();
    EXPECT_EQ(w.find(OffsetQuery::start).offset, Offset(2));
    EXPECT_EQ(w.appended({"d"}).base, Offset(3));
    w.send(bob, TrimLog{q1, std::nullopt});
    w.send(bob, TrimLog{q1, Offset(9)});
    const auto trimmed = w.take<LogTrimmed>();
    EXPECT_EQ(trimmed.at(0).start, Offset(4));
    EXPECT_EQ(trimmed.at(1).outcome, LogOutcome::out_of_range);
}

TEST(ShardLog, DescribesItsProducers) {
    LogWorld w;
    (void)w.appended({"a", "b"}, {7, 1, 0});
    w.send(bob, DescribeLog{q1});
    const auto got = w.take<LogDescribed>();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_EQ(got[0].high_watermark, Offset(2));
    ASSERT_THAT(got[0].producers, SizeIs(1));
    EXPECT_EQ(got[0].producers[0].id, 7);
    EXPECT_EQ(got[0].producers[0].epoch, 1);
    EXPECT_EQ(got[0].producers[0].last_sequence, 1);
}

TEST(ShardLog, WhatWasNotDurableIsGoneAfterACrashAndItsOffsetsAreUsedAgain) {
    LogWorld w;
    (void)w.appended({"a"});
    w.append({"lost"}, {7, 0, 0});
    w.crash();
    EXPECT_EQ(w.appended({"b"}, {7, 0, 0}).base, Offset(1));
    EXPECT_THAT(LogWorld::bodies_of(w.slice(0)), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace fantail::broker::testing

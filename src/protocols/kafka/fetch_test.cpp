// SPDX-License-Identifier: Apache-2.0
//! Fetch and what goes with it: long polls, errors for each partition, and offsets looked up and trimmed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"
#include "record/envelope.hpp"
#include "record/properties.hpp"

namespace fantail::kafka {
namespace {

using broker::LogOutcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int16_t by_name = 12;
constexpr std::int16_t by_id = 13;

FetchRequest::Partition from(std::int32_t partition, std::int64_t offset = 0) {
    return {.partition = partition, .fetch_offset = offset, .partition_max_bytes = 1 << 20};
}
FetchRequest fetch_of(std::vector<FetchRequest::Partition> partitions) {
    return {.max_wait_ms = 500, .min_bytes = 1, .max_bytes = 10 << 20, .topics = {{"t", {}, std::move(partitions)}}};
}

/// A log's part of an answer: its batches, one record each, from `first` on.
broker::LogSlice slice_of(const std::vector<Bytes>& batches, std::uint64_t first = 0) {
    broker::LogSlice out;
    out.start = Offset(0);
    out.high_watermark = out.stable_end = Offset(first + batches.size());
    for (std::size_t i = 0; i < batches.size(); ++i)
        out.batches.push_back({Offset(first + i), 1, std::make_shared<const Bytes>(batches[i])});
    return out;
}

Bytes records_of(const FetchResponse::Partition& partition) {
    Bytes joined = to_bytes(partition.records.first);
    for (const ByteView piece : partition.records.more) append(joined, piece);
    return joined;
}

struct Consumer : Scene {
    explicit Consumer(std::uint16_t partitions = 1) { broker.topics.add_topic("t", partitions); }

    void answer_read(std::vector<broker::LogSlice> slices) {
        give(broker::LogsRead{take<broker::ReadLogs>().request, std::move(slices)});
    }
    std::vector<FetchResponse::Partition> answer(std::int16_t version = by_name) {
        return response<FetchResponse>(version).responses.at(0).partitions;
    }
};

// -------------------------------------------------------------------------------------------------------------- reads

TEST(KafkaFetch, BatchesComeWithTheirOffsetsAndTheLogsBounds) {
    Consumer c;
    c.send(fetch_of({from(0, 7)}), by_name);
    const auto read = c.take<broker::ReadLogs>();
    ASSERT_THAT(read.command.places, SizeIs(1));
    EXPECT_EQ(read.command.places[0].offset, Offset(7));
    EXPECT_EQ(read.command.places[0].bytes_max, 1u << 20);
    EXPECT_EQ(read.command.bytes_min, 1u);
    auto slice = slice_of({batch_of({"a"}), batch_of({"b"})}, 7);
    slice.start = Offset(3);
    c.give(broker::LogsRead{read.request, {slice}});
    const auto partition = c.answer().at(0);
    EXPECT_EQ(partition.high_watermark, 9);
    EXPECT_EQ(partition.last_stable_offset, 9);
    EXPECT_EQ(partition.log_start_offset, 3);
    const Bytes records = records_of(partition);
    const auto first = record::BatchView::parse(records);
    EXPECT_EQ(first->base_offset(), Offset(7));
    EXPECT_TRUE(first->verify_crc());
    EXPECT_EQ(record::BatchView::parse(ByteView(records).subspan(first->total_size()))->base_offset(), Offset(8));
}

TEST(KafkaFetch, MessagesOfOtherProtocolsComeWithoutTheirEnvelopes) {
    Consumer c;
    record::BatchBuilder builder;
    Bytes properties;
    record::Properties{}.encode(properties);
    Bytes envelope;
    record::encode_envelope(envelope, properties, "exchange");
    builder.append_message({5}, as_bytes("key"), envelope, as_bytes("body"));
    c.send(fetch_of({from(0)}), by_name);
    c.answer_read({slice_of({builder.finish(Offset(0))}, 4)});
    const Bytes records = records_of(c.answer().at(0));
    const auto batch = record::BatchView::parse(records);
    EXPECT_EQ(batch->base_offset(), Offset(4));
    EXPECT_TRUE(batch->verify_crc());
    record::RecordView record;
    auto cursor = *batch->records();
    ASSERT_TRUE(cursor.next(record));
    EXPECT_EQ(as_text(record.value), "body");
    EXPECT_TRUE(record.envelope.empty());
}

TEST(KafkaFetch, TheBytesOfAResponseAreSharedBetweenTheShardsAsked) {
    Consumer c(2);
    auto request = fetch_of({from(0), from(1)});
    request.max_bytes = 1000;
    c.send(request, by_name);
    EXPECT_EQ(c.take<broker::ReadLogs>().command.bytes_max, 500u);
    EXPECT_EQ(c.take<broker::ReadLogs>().command.bytes_max, 500u);
}

TEST(KafkaFetch, SizesBelowZeroAreNone) {
    Consumer c;
    auto request = fetch_of({from(0)});
    request.max_bytes = -1;
    request.topics[0].partitions[0].partition_max_bytes = -5;
    c.send(request, by_name);
    const auto read = c.take<broker::ReadLogs>();
    EXPECT_EQ(read.command.bytes_max, 0u);
    EXPECT_EQ(read.command.places[0].bytes_max, 0u);
}

TEST(KafkaFetch, CommittedReadsStateTheAbortedTransactions) {
    Consumer c;
    auto request = fetch_of({from(0)});
    request.isolation_level = 1;
    c.send(request, by_name);
    const auto read = c.take<broker::ReadLogs>();
    EXPECT_TRUE(read.command.committed_only);
    auto slice = slice_of({batch_of({"a"})});
    slice.aborted = {{42, Offset(0)}};
    c.give(broker::LogsRead{read.request, {slice}});
    const auto partition = c.answer().at(0);
    ASSERT_TRUE(partition.aborted_transactions.has_value());
    EXPECT_EQ(partition.aborted_transactions->at(0).producer_id, 42);
}

// --------------------------------------------------------------------------------------------------------------- waits

TEST(KafkaFetch, WithNothingThereItWaitsForItsTimeAndThenEndsTheWait) {
    Consumer c;
    c.send(fetch_of({from(0)}), by_name);
    const auto read = c.take<broker::ReadLogs>();
    c.pass_ms(499);
    EXPECT_FALSE(c.has<broker::EndWait>());
    c.pass_ms(1);
    EXPECT_EQ(c.take<broker::EndWait>().command.read, read.request);
    EXPECT_TRUE(c.silent());
    c.give(broker::LogsRead{read.request, {slice_of({})}});
    const auto partition = c.answer().at(0);
    EXPECT_EQ(partition.error_code, ApiError::none);
    EXPECT_THAT(records_of(partition), IsEmpty());
}

TEST(KafkaFetch, WithoutMinimumOrTimeItDoesNotWait) {
    for (const bool no_time : {false, true}) {
        Consumer c;
        auto request = fetch_of({from(0)});
        (no_time ? request.max_wait_ms : request.min_bytes) = 0;
        c.send(request, by_name);
        EXPECT_EQ(c.take<broker::ReadLogs>().command.bytes_min, 0u);
        EXPECT_EQ(c.session.deadline(), MonoTime::never());
    }
}

TEST(KafkaFetch, WhatOneShardHasEndsTheWaitOfTheOthers) {
    Consumer c(2);
    c.send(fetch_of({from(0), from(1)}), by_name);
    const auto first = c.take<broker::ReadLogs>();
    const auto second = c.take<broker::ReadLogs>();
    EXPECT_NE(first.shard, second.shard);
    c.give(broker::LogsRead{second.request, {slice_of({batch_of({"b"})})}});
    const auto end = c.take<broker::EndWait>();
    EXPECT_EQ(end.shard, first.shard);
    EXPECT_EQ(end.command.read, first.request);
    EXPECT_TRUE(c.silent());
    c.give(broker::LogsRead{first.request, {slice_of({})}});
    const auto partitions = c.answer();
    EXPECT_THAT(records_of(partitions.at(0)), IsEmpty());
    EXPECT_FALSE(records_of(partitions.at(1)).empty());
}

TEST(KafkaFetch, OfNothingWaitsForTheTimeAlone) {
    Consumer c;
    auto request = fetch_of({});
    request.topics.clear();
    c.send(request, by_name);
    EXPECT_TRUE(c.silent());
    c.pass_ms(500);
    EXPECT_THAT(c.response<FetchResponse>(by_name).responses, IsEmpty());
}

// -------------------------------------------------------------------------------------------------------------- errors

TEST(KafkaFetch, AnErrorIsToldAtOnceWithWhatTheOtherPartitionsHave) {
    Consumer c;
    c.send(fetch_of({from(0), from(9), from(0, -1)}), by_name);
    const auto read = c.take<broker::ReadLogs>();
    EXPECT_EQ(read.command.bytes_min, 0u);
    c.give(broker::LogsRead{read.request, {slice_of({batch_of({"a"})})}});
    const auto partitions = c.answer();
    EXPECT_EQ(partitions.at(0).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(1).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(partitions.at(1).high_watermark, -1);
    EXPECT_EQ(partitions.at(2).error_code, ApiError::offset_out_of_range);
}

TEST(KafkaFetch, TheLogsErrorIsThePartitions) {
    const std::pair<LogOutcome, ApiError> table[] = {{LogOutcome::out_of_range, ApiError::offset_out_of_range},
                                                     {LogOutcome::not_found, ApiError::unknown_topic_or_partition},
                                                     {LogOutcome::storage, ApiError::storage_error}};
    for (const auto& [outcome, error] : table) {
        Consumer c;
        c.send(fetch_of({from(0, 99)}), by_name);
        auto slice = slice_of({});
        slice.outcome = outcome;
        c.answer_read({slice});
        EXPECT_EQ(c.answer().at(0).error_code, error);
    }
}

TEST(KafkaFetch, APartitionNamedTwiceIsReadOnce_42) {
    Consumer c;
    c.send(fetch_of({from(0), from(0)}), by_name);
    const auto read = c.take<broker::ReadLogs>();
    EXPECT_THAT(read.command.places, SizeIs(1));
    c.give(broker::LogsRead{read.request, {slice_of({batch_of({"a"})})}});
    const auto partitions = c.answer();
    EXPECT_EQ(partitions.at(0).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(1).error_code, ApiError::invalid_request);
}

TEST(KafkaFetch, FromVersion13TopicsGoByTheirIds) {
    Consumer c;
    auto request = fetch_of({from(0)});
    request.topics[0].topic_id = to_uuid(c.broker.topics.topic(VhostId(1), "t")->id);
    c.send(request, by_id);
    c.answer_read({slice_of({batch_of({"a"})})});
    EXPECT_EQ(c.answer(by_id).at(0).error_code, ApiError::none);
    request.topics[0].topic_id = Uuid{};
    c.send(request, by_id);
    EXPECT_EQ(c.answer(by_id).at(0).error_code, ApiError::unknown_topic_id);
}

TEST(KafkaFetch, WhoMayNotReadIsRefused_29) {
    Consumer c;
    c.broker.topics.denied = {"read t"};
    c.send(fetch_of({from(0)}), by_name);
    EXPECT_FALSE(c.has<broker::ReadLogs>());
    EXPECT_EQ(c.answer().at(0).error_code, ApiError::topic_authorization_failed);
}

TEST(KafkaFetch, AnEpochThatNeverWasIsRefused_75) {
    Consumer c;
    auto request = fetch_of({from(0)});
    request.topics[0].partitions[0].current_leader_epoch = 3;
    c.send(request, by_name);
    EXPECT_EQ(c.answer().at(0).error_code, ApiError::unknown_leader_epoch);
}

TEST(KafkaFetch, AFetchSessionIsOfAnotherLifeOfTheBroker_70) {
    Consumer c;
    auto request = fetch_of({from(0)});
    request.session_id = 8;
    request.session_epoch = 2;
    EXPECT_EQ(c.ask<FetchResponse>(request, by_name).error_code, ApiError::fetch_session_id_not_found);
}

// -------------------------------------------------------------------------------------------------------------- offsets

constexpr std::int16_t list_version = 9;

ListOffsetsRequest find_of(std::int64_t timestamp, std::int32_t partition = 0) {
    return {.topics = {{"t", {{.partition_index = partition, .timestamp = timestamp}}}}};
}

TEST(KafkaListOffsets, TheSpecialTimesAskForPlaces) {
    const std::pair<std::int64_t, broker::OffsetQuery> table[] = {{-1, broker::OffsetQuery::end},
                                                                  {-2, broker::OffsetQuery::start},
                                                                  {-3, broker::OffsetQuery::newest_time},
                                                                  {-4, broker::OffsetQuery::start},
                                                                  {1234, broker::OffsetQuery::at_time}};
    for (const auto& [time, query] : table) {
        Consumer c;
        c.send(find_of(time), list_version);
        const auto find = c.take<broker::FindOffset>();
        EXPECT_EQ(find.command.query, query) << time;
        if (time > 0) {
            EXPECT_EQ(find.command.time.ms, time);
        }
    }
}

TEST(KafkaListOffsets, TheEndOfACommittedReadIsTheStableEnd) {
    Consumer c;
    auto request = find_of(-1);
    request.isolation_level = 1;
    c.send(request, list_version);
    EXPECT_EQ(c.take<broker::FindOffset>().command.query, broker::OffsetQuery::stable_end);
}

TEST(KafkaListOffsets, OffsetAndTimeAreTold) {
    Consumer c;
    c.send(find_of(1000), list_version);
    c.give(broker::OffsetFound{c.take<broker::FindOffset>().request, LogOutcome::ok, Offset(12), WallTime{1005}});
    const auto found = c.response<ListOffsetsResponse>(list_version).topics.at(0).partitions.at(0);
    EXPECT_EQ(found.offset, 12);
    EXPECT_EQ(found.timestamp, 1005);
    EXPECT_EQ(found.leader_epoch, 0);
}

TEST(KafkaListOffsets, NoRecordSoLateIsNoOffset) {
    Consumer c;
    c.send(find_of(9000), list_version);
    c.give(broker::OffsetFound{c.take<broker::FindOffset>().request, LogOutcome::ok, {}, {}});
    const auto found = c.response<ListOffsetsResponse>(list_version).topics.at(0).partitions.at(0);
    EXPECT_EQ(found.error_code, ApiError::none);
    EXPECT_EQ(found.offset, -1);
}

TEST(KafkaListOffsets, ThereIsNoOtherTierAndNoOtherSpecialTime) {
    Consumer c;
    const auto tiered = c.ask<ListOffsetsResponse>(find_of(-5), list_version).topics.at(0).partitions.at(0);
    EXPECT_EQ(tiered.error_code, ApiError::none);
    EXPECT_EQ(tiered.offset, -1);
    EXPECT_EQ(c.ask<ListOffsetsResponse>(find_of(-6), list_version).topics.at(0).partitions.at(0).error_code,
              ApiError::invalid_request);
}

TEST(KafkaListOffsets, UnknownAndForbiddenPartitionsAreRefused) {
    Consumer c;
    const auto ask = [&] {
        return c.ask<ListOffsetsResponse>(find_of(-1, 5), list_version).topics.at(0).partitions.at(0).error_code;
    };
    EXPECT_EQ(ask(), ApiError::unknown_topic_or_partition);
    c.broker.topics.denied = {"read t"};
    EXPECT_EQ(ask(), ApiError::topic_authorization_failed);
}

TEST(KafkaDeleteRecords, TrimsUpToAnOffsetOrToTheEnd) {
    Consumer c;
    c.send(DeleteRecordsRequest{{{"t", {{0, 7}}}}, 1000}, 2);
    const auto trim = c.take<broker::TrimLog>();
    EXPECT_EQ(trim.command.before, Offset(7));
    c.give(broker::LogTrimmed{trim.request, LogOutcome::ok, Offset(7)});
    EXPECT_EQ(c.response<DeleteRecordsResponse>(2).topics.at(0).partitions.at(0).low_watermark, 7);
    c.send(DeleteRecordsRequest{{{"t", {{0, -1}}}}, 1000}, 2);
    EXPECT_EQ(c.take<broker::TrimLog>().command.before, std::nullopt);
}

TEST(KafkaDeleteRecords, WhatCannotBeTrimmedIsRefused) {
    Consumer c;
    c.broker.topics.add_topic("c", 1, {{"cleanup.policy", "compact"}});
    c.broker.topics.add_topic("d");
    c.broker.topics.denied = {"configure d"};
    const auto response = c.ask<DeleteRecordsResponse>(
        DeleteRecordsRequest{{{"t", {{0, -2}, {4, 0}}}, {"c", {{0, 1}}}, {"d", {{0, 1}}}}, 0}, 2);
    EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ApiError::offset_out_of_range);
    EXPECT_EQ(response.topics.at(0).partitions.at(1).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ApiError::policy_violation);
    EXPECT_EQ(response.topics.at(2).partitions.at(0).error_code, ApiError::topic_authorization_failed);
    EXPECT_EQ(response.topics.at(0).partitions.at(0).low_watermark, -1);
}

TEST(KafkaOffsetForLeaderEpoch, TheOnlyEpochEndsWithTheLog) {
    Consumer c;
    c.send(OffsetForLeaderEpochRequest{.topics = {{"t", {{0, -1, 0}, {0, -1, 4}, {0, 2, 0}}}}}, 4);
    c.give(broker::OffsetFound{c.take<broker::FindOffset>().request, LogOutcome::ok, Offset(12), {}});
    const auto partitions = c.response<OffsetForLeaderEpochResponse>(4).topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).end_offset, 12);
    EXPECT_EQ(partitions.at(1).end_offset, -1);
    EXPECT_EQ(partitions.at(1).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(2).error_code, ApiError::unknown_leader_epoch);
}

}  // namespace
}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! Produce: what is refused, what is stored and in which form, and when the producer hears of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"
#include "record/compression.hpp"

namespace fantail::kafka {
namespace {

using ::testing::HasSubstr;

namespace at = record::batch_at;
namespace bits = record::batch_attribute;
using broker::LogOutcome;

constexpr std::int16_t by_name = 12;
constexpr std::int16_t by_id = 13;
constexpr std::int64_t day_ms = 86'400'000;

ProduceRequest produce_of(ByteView records, std::int16_t acks = -1) {
    return {.acks = acks, .timeout_ms = 1000, .topic_data = {{"t", {}, {{0, records}}}}};
}

struct Producer : Scene {
    explicit Producer(const Settings& settings = {}) { broker.topics.add_topic("t", 1, settings); }

    ProduceResponse::Partition answer(std::int16_t version = by_name) {
        return response<ProduceResponse>(version).responses.at(0).partition_responses.at(0);
    }
    /// Of records that must not reach the log.
    ApiError refusal(ByteView records) {
        send(produce_of(records), by_name);
        EXPECT_FALSE(has<broker::AppendLog>());
        return answer().error_code;
    }
    /// Of records that must reach it: as they are to be stored.
    SharedBytes stored(ByteView records) {
        send(produce_of(records), by_name);
        return take<broker::AppendLog>().command.batch;
    }
};

Bytes with_attributes(std::uint16_t attributes) {
    Bytes batch = batch_of({"a"});
    store_be(batch.data() + at::attributes, attributes);
    seal(batch);
    return batch;
}

// -------------------------------------------------------------------------------------------------------------- forms

TEST(KafkaProduce, ABatchIsStoredAsItCameAndAnsweredWithItsOffset) {
    Producer p;
    const Bytes batch = batch_of({"a", "b", "c"});
    p.send(produce_of(batch), by_name);
    const auto append = p.take<broker::AppendLog>();
    EXPECT_EQ(append.command.count, 3u);
    EXPECT_TRUE(append.command.when_durable);
    EXPECT_EQ(as_text(*append.command.batch), as_text(batch));
    EXPECT_TRUE(p.silent());
    p.give(broker::LogAppended{append.request, LogOutcome::ok, Offset(40), Offset(8)});
    const auto answer = p.answer();
    EXPECT_EQ(answer.error_code, ApiError::none);
    EXPECT_EQ(answer.base_offset, 40);
    EXPECT_EQ(answer.log_start_offset, 8);
    EXPECT_EQ(answer.log_append_time_ms, -1);
}

TEST(KafkaProduce, NoRecordsAtAllAreRefused_87) { EXPECT_EQ(Producer().refusal({}), ApiError::invalid_record); }

TEST(KafkaProduce, AWrongChecksumIsRefused_2) {
    Bytes batch = batch_of({"a"});
    batch.back() ^= 1;
    EXPECT_EQ(Producer().refusal(batch), ApiError::corrupt_message);
}

TEST(KafkaProduce, ACutBatchIsRefused_87) {
    Bytes batch = batch_of({"a"});
    batch.pop_back();
    EXPECT_EQ(Producer().refusal(batch), ApiError::invalid_record);
}

TEST(KafkaProduce, AnOlderMessageFormatIsRefused_87) {
    Bytes batch = batch_of({"a"});
    batch[at::magic] = 1;
    EXPECT_EQ(Producer().refusal(batch), ApiError::invalid_record);
}

TEST(KafkaProduce, AnUnknownMessageFormatIsRefused_2) {
    Bytes batch = batch_of({"a"});
    batch[at::magic] = 9;
    EXPECT_EQ(Producer().refusal(batch), ApiError::corrupt_message);
}

TEST(KafkaProduce, TwoBatchesForAPartitionAreRefused_87) {
    Bytes both = batch_of({"a"});
    append(both, Bytes(both));
    EXPECT_EQ(Producer().refusal(both), ApiError::invalid_record);
}

TEST(KafkaProduce, AControlBatchIsRefused_87) {
    EXPECT_EQ(Producer().refusal(with_attributes(bits::control)), ApiError::invalid_record);
}

TEST(KafkaProduce, AttributesThatProducersDoNotHaveAreRefused_87) {
    EXPECT_EQ(Producer().refusal(with_attributes(bits::has_expiration)), ApiError::invalid_record);
    EXPECT_EQ(Producer().refusal(with_attributes(0x4000)), ApiError::invalid_record);
}

TEST(KafkaProduce, TransactionalRecordsOutsideOfATransactionalRequestAreRefused_48) {
    EXPECT_EQ(Producer().refusal(with_attributes(bits::transactional)), ApiError::invalid_txn_state);
}

TEST(KafkaProduce, ATransactionOfAnIdThatTheUserMayNotWriteIsRefused_53) {
    Producer p;
    p.broker.topics.denied = {"write t1"};
    const Bytes batch = with_attributes(bits::transactional);
    ProduceRequest request = produce_of(batch);
    request.transactional_id = "t1";
    p.send(request, by_name);
    EXPECT_FALSE(p.has<broker::AppendLog>());
    EXPECT_EQ(p.answer().error_code, ApiError::transactional_id_authorization_failed);
}

TEST(KafkaProduce, RecordsThatAreNotNumberedInARowAreRefused_87) {
    Bytes batch = batch_of({"a", "b"});
    store_be<std::int32_t>(batch.data() + at::last_offset_delta, 5);
    seal(batch);
    EXPECT_EQ(Producer().refusal(batch), ApiError::invalid_record);
}

TEST(KafkaProduce, RecordsThatMakeNoSenseAreRefused_87) {
    Bytes batch = batch_of({"a"});
    batch[record::batch_header_size] = 0x7F;  // the first record's length
    seal(batch);
    EXPECT_EQ(Producer().refusal(batch), ApiError::invalid_record);
}

TEST(KafkaProduce, AProducerNumberWithoutEpochOrSequenceIsRefused_87) {
    EXPECT_EQ(Producer().refusal(batch_of({"a"}, {.producer_id = 5, .base_sequence = 0})), ApiError::invalid_record);
    EXPECT_EQ(Producer().refusal(batch_of({"a"}, {.producer_id = 5, .producer_epoch = 0})), ApiError::invalid_record);
}

// -------------------------------------------------------------------------------------------------------- compression

TEST(KafkaProduce, CompressedRecordsAreStoredAsTheyCame) {
    for (const record::Codec codec :
         {record::Codec::gzip, record::Codec::snappy, record::Codec::lz4, record::Codec::zstd}) {
        const Bytes plain = batch_of({"aaaaaaaa", "bbbbbbbb"});
        const auto packed = record::compress(codec, ByteView(plain).subspan(record::batch_header_size));
        const Bytes batch = with_records(plain, packed.value(), static_cast<std::uint16_t>(codec));
        EXPECT_EQ(as_text(*Producer().stored(batch)), as_text(batch)) << static_cast<int>(codec);
    }
}

TEST(KafkaProduce, GarbageThatIsSaidToBeCompressedIsRefused_2) {
    for (std::uint16_t codec = 1; codec <= 4; ++codec)
        EXPECT_EQ(Producer().refusal(with_records(batch_of({"a"}), as_bytes("no such thing"), codec)),
                  ApiError::corrupt_message)
            << codec;
}

TEST(KafkaProduce, AnUnknownCompressionIsRefused_76) {
    EXPECT_EQ(Producer().refusal(with_records(batch_of({"a"}), as_bytes("x"), 5)),
              ApiError::unsupported_compression_type);
}

TEST(KafkaProduce, RecordsThatWouldTakeTooMuchMemoryAreRefused_10) {
    Bytes much(std::size_t{80} << 20);
    std::ranges::fill(much, std::uint8_t{0});
    const auto packed = record::compress(record::Codec::zstd, much);
    ASSERT_LT(packed->size(), 100'000u);
    EXPECT_EQ(Producer().refusal(with_records(batch_of({"a"}), *packed, 4)), ApiError::message_too_large);
}

TEST(KafkaProduce, ABatchAboveTheTopicsLimitIsRefused_10) {
    Producer p(Settings{{"max.message.bytes", "200"}});
    EXPECT_EQ(p.refusal(batch_of({std::string(200, 'x')})), ApiError::message_too_large);
    EXPECT_NE(p.stored(batch_of({std::string(60, 'x')})), nullptr);
}

TEST(KafkaProduce, ACompactedTopicTakesNoRecordWithoutAKey_87) {
    Producer p(Settings{{"cleanup.policy", "compact"}});
    record::BatchBuilder builder;
    builder.append({.timestamp = {}, .key_is_null = true, .value = as_bytes("v")});
    EXPECT_EQ(p.refusal(builder.finish(Offset(0))), ApiError::invalid_record);
    builder.append({.timestamp = {}, .key = as_bytes("k"), .value = as_bytes("v")});
    EXPECT_NE(p.stored(builder.finish(Offset(0))), nullptr);
}

// --------------------------------------------------------------------------------------------------------------- times

TEST(KafkaProduce, TimesOutsideOfTheTopicsBoundsAreRefused_32) {
    Producer p(Settings{{"message.timestamp.before.max.ms", "1000"}, {"message.timestamp.after.max.ms", "2000"}});
    const std::int64_t now = p.broker.time.wall.ms;
    EXPECT_EQ(p.refusal(batch_of({"a"}, {}, {now - 1001})), ApiError::invalid_timestamp);
    EXPECT_EQ(p.refusal(batch_of({"a"}, {}, {now + 2001})), ApiError::invalid_timestamp);
    EXPECT_NE(p.stored(batch_of({"a"}, {}, {now - 1000})), nullptr);
    EXPECT_NE(p.stored(batch_of({"a"}, {}, {now + 2000})), nullptr);
}

TEST(KafkaProduce, TheLargestFiniteBoundOfTimesIsNoBoundInPractice) {
    Producer p(Settings{{"message.timestamp.before.max.ms", "9223372036854775806"},
                        {"message.timestamp.after.max.ms", "9223372036854775806"}});
    EXPECT_NE(p.stored(batch_of({"a"}, {}, {p.broker.time.wall.ms + 400 * day_ms})), nullptr);
    EXPECT_NE(p.stored(batch_of({"a"}, {}, {0})), nullptr);
}

TEST(KafkaProduce, ByDefaultATimeMoreThanAnHourAheadIsRefused_32) {
    Producer p;
    EXPECT_EQ(p.refusal(batch_of({"a"}, {}, {p.broker.time.wall.ms + day_ms})), ApiError::invalid_timestamp);
    EXPECT_NE(p.stored(batch_of({"a"}, {}, {0})), nullptr);
}

TEST(KafkaProduce, WithLogAppendTimeTheBatchIsStampedAndItsChecksumIsRight) {
    Producer p(Settings{{"message.timestamp.type", "LogAppendTime"}});
    const std::int64_t now = p.broker.time.wall.ms;
    p.send(produce_of(batch_of({"a"}, {}, {now + day_ms})), by_name);
    const auto append = p.take<broker::AppendLog>();
    const auto view = record::BatchView::parse(*append.command.batch);
    EXPECT_TRUE(view->verify_crc());
    EXPECT_EQ(view->attributes() & bits::log_append_time, bits::log_append_time);
    EXPECT_EQ(view->max_timestamp().ms, now);
    p.give(broker::LogAppended{append.request, LogOutcome::ok, {}, {}});
    EXPECT_EQ(p.answer().log_append_time_ms, now);
}

TEST(KafkaProduce, AStampThatTheProducerClaimsIsTakenAway) {
    Producer p;
    const auto stored = p.stored(with_attributes(bits::log_append_time));
    const auto view = record::BatchView::parse(*stored);
    EXPECT_TRUE(view->verify_crc());
    EXPECT_EQ(view->attributes(), 0);
}

// ---------------------------------------------------------------------------------------------------------------- acks

TEST(KafkaProduce, Acks1IsAnsweredBeforeItIsOnDisk) {
    Producer p;
    p.send(produce_of(batch_of({"a"}), 1), by_name);
    const auto append = p.take<broker::AppendLog>();
    EXPECT_FALSE(append.command.when_durable);
    p.give(broker::LogAppended{append.request, LogOutcome::ok, Offset(1), {}});
    EXPECT_EQ(p.answer().base_offset, 1);
}

TEST(KafkaProduce, Acks0IsNotAnsweredAndDoesNotHoldUpWhatFollows) {
    Producer p;
    p.send(produce_of(batch_of({"a"}), 0), by_name);
    p.send(ApiVersionsRequest{}, 0);
    p.appended();
    p.response<ApiVersionsResponse>(0);
    EXPECT_EQ(p.answered, 2);
    EXPECT_TRUE(p.silent());
    EXPECT_FALSE(p.broker.closed);
}

TEST(KafkaProduce, WithAcks0ARefusalClosesTheConnection) {
    Producer p;
    p.send(produce_of(as_bytes("garbage that is long enough"), 0), by_name);
    EXPECT_TRUE(p.broker.closed);
    EXPECT_TRUE(p.silent());
}

TEST(KafkaProduce, OtherAcksAreRefused_21) {
    for (const std::int16_t acks : {-2, 2}) {
        Producer p;
        p.send(produce_of(batch_of({"a"}), acks), by_name);
        EXPECT_EQ(p.answer().error_code, ApiError::invalid_required_acks);
        EXPECT_FALSE(p.has<broker::AppendLog>());
    }
}

TEST(KafkaProduce, WhatTakesTooLongIsAnswered_7) {
    Producer p;
    p.send(produce_of(batch_of({"a"})), by_name);
    p.pass_ms(999);
    EXPECT_TRUE(p.silent());
    p.pass_ms(1);
    EXPECT_EQ(p.answer().error_code, ApiError::request_timed_out);
    p.appended();
    EXPECT_TRUE(p.silent());
}

TEST(KafkaProduce, AnAnswerBehindTheTimeoutDoesNotMakeASecondResponse) {
    Producer p;
    p.send(ListOffsetsRequest{.topics = {{"t", {{.timestamp = -1}}}}}, 9);  // what is before it holds its response
    p.send(produce_of(batch_of({"a"})), by_name);
    p.pass_ms(1000);
    p.appended();
    p.give(broker::OffsetFound{p.take<broker::FindOffset>().request, LogOutcome::ok, Offset(0), {}});
    p.response<ListOffsetsResponse>(9);
    EXPECT_EQ(p.answer().error_code, ApiError::request_timed_out);
    EXPECT_TRUE(p.silent());
}

// -------------------------------------------------------------------------------------------------------------- places

TEST(KafkaProduce, UnknownTopicsAndPartitionsAreToldEachForItself_3) {
    Producer p;
    const Bytes batch = batch_of({"a"});
    p.send(ProduceRequest{.acks = -1,
                          .timeout_ms = 1000,
                          .topic_data = {{"t", {}, {{0, batch}, {1, batch}, {-1, batch}}}, {"u", {}, {{0, batch}}}}},
           by_name);
    p.appended(LogOutcome::ok, 3);
    const auto response = p.response<ProduceResponse>(by_name);
    const auto& first = response.responses.at(0).partition_responses;
    EXPECT_EQ(first.at(0).base_offset, 3);
    EXPECT_EQ(first.at(1).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(first.at(2).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(response.responses.at(1).name, "u");
    EXPECT_EQ(response.responses.at(1).partition_responses.at(0).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_FALSE(p.has<broker::AppendLog>());
}

TEST(KafkaProduce, FromVersion13TopicsGoByTheirIds) {
    Producer p;
    const Bytes batch = batch_of({"a"});
    auto request = produce_of(batch);
    request.topic_data[0].topic_id = to_uuid(p.broker.topics.topic(VhostId(1), "t")->id);
    p.send(request, by_id);
    p.appended(LogOutcome::ok, 5);
    const auto good = p.response<ProduceResponse>(by_id);
    EXPECT_EQ(good.responses.at(0).topic_id, request.topic_data[0].topic_id);
    EXPECT_EQ(good.responses.at(0).partition_responses.at(0).base_offset, 5);
    request.topic_data[0].topic_id = to_uuid(TopicId(999));
    p.send(request, by_id);
    EXPECT_EQ(p.answer(by_id).error_code, ApiError::unknown_topic_id);
}

TEST(KafkaProduce, WhoMayNotWriteIsRefused_29) {
    Producer p;
    p.broker.topics.denied = {"write t", "write u"};
    EXPECT_EQ(p.refusal(batch_of({"a"})), ApiError::topic_authorization_failed);
    // Nor does the answer tell whether a topic is there.
    const Bytes batch = batch_of({"a"});
    p.send(ProduceRequest{.acks = -1, .topic_data = {{"u", {}, {{0, batch}}}}}, by_name);
    EXPECT_EQ(p.answer().error_code, ApiError::topic_authorization_failed);
}

TEST(KafkaProduce, ARepeatedBatchIsAnsweredWithItsFirstOffset) {
    Producer p;
    const Bytes batch = batch_of({"a"}, {.producer_id = 5, .producer_epoch = 0, .base_sequence = 0});
    p.send(produce_of(batch), by_name);
    p.appended(LogOutcome::ok, 11);
    EXPECT_EQ(p.answer().base_offset, 11);
}

TEST(KafkaProduce, TheLogsRefusalsAreToldInKafkasWords) {
    const std::pair<LogOutcome, ApiError> table[] = {{LogOutcome::not_found, ApiError::unknown_topic_or_partition},
                                                     {LogOutcome::out_of_order, ApiError::out_of_order_sequence_number},
                                                     {LogOutcome::old_duplicate, ApiError::duplicate_sequence_number},
                                                     {LogOutcome::fenced, ApiError::invalid_producer_epoch},
                                                     {LogOutcome::invalid_transaction, ApiError::invalid_txn_state},
                                                     {LogOutcome::storage, ApiError::storage_error}};
    for (const auto& [outcome, error] : table) {
        Producer p;
        p.send(produce_of(batch_of({"a"})), by_name);
        p.appended(outcome, 99);
        const auto answer = p.answer();
        EXPECT_EQ(answer.error_code, error);
        EXPECT_EQ(answer.base_offset, -1);
    }
}

TEST(KafkaProduce, TheReasonOfARefusalIsToldInWords) {
    Producer p;
    p.send(produce_of(with_attributes(bits::control)), by_name);
    EXPECT_THAT(std::string(p.answer().error_message.value_or("")), HasSubstr("control"));
}

}  // namespace
}  // namespace fantail::kafka

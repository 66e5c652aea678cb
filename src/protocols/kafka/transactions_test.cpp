// SPDX-License-Identifier: Apache-2.0
//! Transactions as producers, consumers and operators ask for them: what reaches coordinators, groups and logs, and what comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using broker::GroupOutcome;
using broker::LogOutcome;
using broker::ProducerEpoch;
using broker::TransactionOutcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace bits = record::batch_attribute;

struct Transactor : Scene {
    Transactor() {
        broker.topics.add_topic("t", 2);
        broker.topics.add_topic("hidden", 1);
        broker.topics.denied = {"write foreign", "write hidden", "read hidden", "read closed"};
    }
    [[nodiscard]] QueueId log(std::size_t partition) const {
        return broker.topics.topic(VhostId(1), "t")->partitions.at(partition);
    }
};

// ------------------------------------------------------------------------------------------------------ InitProducerId

TEST(KafkaInitProducerId, ATransactionalIdIsOpenedByItsCoordinator) {
    Transactor s;
    s.send(InitProducerIdRequest{.transactional_id = "id", .transaction_timeout_ms = 5000}, 4);
    const auto open = s.answer_transaction<broker::OpenProducer>(broker::ProducerOpened{{}, {77, 3}});
    EXPECT_EQ(s.last_transactional_id, "id");
    EXPECT_EQ(open.timeout_ms, 5000);
    EXPECT_FALSE(open.expected.has_value());
    const auto response = s.response<InitProducerIdResponse>(4);
    EXPECT_EQ(response.error_code, ApiError::none);
    EXPECT_EQ(response.producer_id, 77);
    EXPECT_EQ(response.producer_epoch, 3);
}

TEST(KafkaInitProducerId, AProducerSaysWhatItWas_Kip360) {
    Transactor s;
    s.send(InitProducerIdRequest{"id", 5000, 77, 3}, 4);
    const auto open =
        s.answer_transaction<broker::OpenProducer>(broker::ProducerOpened{TransactionOutcome::fenced, {}});
    EXPECT_EQ(open.expected, (ProducerEpoch{77, 3}));
    const auto response = s.response<InitProducerIdResponse>(4);
    EXPECT_EQ(response.error_code, ApiError::producer_fenced);
    EXPECT_EQ(response.producer_id, -1);
    EXPECT_EQ(response.producer_epoch, -1);
}

TEST(KafkaInitProducerId, OldVersionsKnowFencingAsAnInvalidEpoch_47) {
    Transactor s;
    s.send(InitProducerIdRequest{"id", 5000, 77, 3}, 3);
    s.answer_transaction<broker::OpenProducer>(broker::ProducerOpened{TransactionOutcome::fenced, {}});
    EXPECT_EQ(s.response<InitProducerIdResponse>(3).error_code, ApiError::invalid_producer_epoch);
}

TEST(KafkaInitProducerId, WhatCannotBeOpenedIsRefusedAtOnce) {
    const auto error = [](InitProducerIdRequest request) {
        return Transactor().ask<InitProducerIdResponse>(request, 4).error_code;
    };
    EXPECT_EQ(error({"", 5000, -1, -1}), ApiError::invalid_request);
    EXPECT_EQ(error({"foreign", 5000, -1, -1}), ApiError::transactional_id_authorization_failed);
    EXPECT_EQ(error({"id", 0, -1, -1}), ApiError::invalid_transaction_timeout);
    EXPECT_EQ(error({"id", 900'001, -1, -1}), ApiError::invalid_transaction_timeout);
    EXPECT_EQ(error({"id", 5000, 7, -1}), ApiError::invalid_request);
}

// ------------------------------------------------------------------------------------------- AddPartitionsToTxn, EndTxn

AddPartitionsToTxnRequest add_of(std::vector<AddPartitionsToTxnRequest::Topic> topics, std::string_view id = "id") {
    return {id, 77, 3, std::move(topics)};
}
std::vector<ApiError> errors_of(const AddPartitionsToTxnResponse& response) {
    std::vector<ApiError> out;
    for (const auto& topic : response.results)
        for (const auto& each : topic.results_by_partition) out.push_back(each.partition_error_code);
    return out;
}

TEST(KafkaAddPartitionsToTxn, LogsAreAddedByTheCoordinator) {
    Transactor s;
    s.send(add_of({{"t", {0, 1}}}), 3);
    const auto add = s.answer_transaction<broker::AddToTransaction>(broker::TransactionDone{});
    EXPECT_EQ(add.producer, (ProducerEpoch{77, 3}));
    EXPECT_THAT(add.logs, ElementsAre(s.log(0), s.log(1)));
    EXPECT_THAT(errors_of(s.response<AddPartitionsToTxnResponse>(3)), ElementsAre(ApiError::none, ApiError::none));
}

TEST(KafkaAddPartitionsToTxn, OneThatIsRefusedStopsTheOthers_55) {
    Transactor s;
    const auto response = s.ask<AddPartitionsToTxnResponse>(add_of({{"t", {0, 5}}, {"hidden", {0}}}), 3);
    EXPECT_THAT(errors_of(response),
                ElementsAre(ApiError::operation_not_attempted, ApiError::unknown_topic_or_partition,
                            ApiError::topic_authorization_failed));
    const auto foreign = s.ask<AddPartitionsToTxnResponse>(add_of({{"t", {0}}}, "foreign"), 3);
    EXPECT_THAT(errors_of(foreign), ElementsAre(ApiError::transactional_id_authorization_failed));
}

TEST(KafkaAddPartitionsToTxn, RefusalsOfTheCoordinatorAreThoseOfEachPartition) {
    using enum TransactionOutcome;
    const auto error = [](TransactionOutcome outcome, std::int16_t version) {
        Transactor s;
        s.send(add_of({{"t", {0}}}), version);
        s.answer_transaction<broker::AddToTransaction>(broker::TransactionDone{outcome});
        return errors_of(s.response<AddPartitionsToTxnResponse>(version)).at(0);
    };
    EXPECT_EQ(error(fenced, 2), ApiError::producer_fenced);
    EXPECT_EQ(error(fenced, 1), ApiError::invalid_producer_epoch);
    EXPECT_EQ(error(unknown_producer, 3), ApiError::invalid_producer_id_mapping);
    EXPECT_EQ(error(concurrent, 3), ApiError::concurrent_transactions);
}

TEST(KafkaTransactions, AnEmptyIdIsNobodys) {
    Transactor s;
    EXPECT_THAT(errors_of(s.ask<AddPartitionsToTxnResponse>(add_of({{"t", {0}}}, ""), 3)),
                ElementsAre(ApiError::invalid_request));
    EXPECT_EQ(s.ask<AddOffsetsToTxnResponse>(AddOffsetsToTxnRequest{"", 77, 3, "g"}, 3).error_code,
              ApiError::invalid_request);
    EXPECT_EQ(s.ask<EndTxnResponse>(EndTxnRequest{"", 77, 3, true}, 3).error_code, ApiError::invalid_request);
}

TEST(KafkaEndTxn, TheEndIsTheCoordinators) {
    Transactor s;
    s.send(EndTxnRequest{"id", 77, 3, true}, 3);
    const auto end = s.answer_transaction<broker::EndTransaction>(broker::TransactionEnded{});
    EXPECT_TRUE(end.commit);
    EXPECT_FALSE(end.next_epoch);
    EXPECT_EQ(s.response<EndTxnResponse>(3).error_code, ApiError::none);
    s.send(EndTxnRequest{"id", 77, 3, false}, 3);
    EXPECT_FALSE(
        s.answer_transaction<broker::EndTransaction>(broker::TransactionEnded{TransactionOutcome::invalid_state, {}})
            .commit);
    EXPECT_EQ(s.response<EndTxnResponse>(3).error_code, ApiError::invalid_txn_state);
    EXPECT_EQ(s.ask<EndTxnResponse>(EndTxnRequest{"foreign", 77, 3, true}, 3).error_code,
              ApiError::transactional_id_authorization_failed);
}

// ------------------------------------------------------------------------------------- AddOffsetsToTxn, TxnOffsetCommit

TEST(KafkaAddOffsetsToTxn, TheGroupIsAddedWithItsShard) {
    Transactor s;
    s.send(AddOffsetsToTxnRequest{"id", 77, 3, "g"}, 3);
    const auto add = s.answer_transaction<broker::AddToTransaction>(broker::TransactionDone{});
    ASSERT_EQ(add.groups.size(), 1u);
    EXPECT_EQ(add.groups[0].name, "g");
    EXPECT_EQ(add.groups[0].shard, broker::shard_of_group("g", scene_shards));
    EXPECT_EQ(s.response<AddOffsetsToTxnResponse>(3).error_code, ApiError::none);
    const auto error = [&](std::string_view id, std::string_view group) {
        return s.ask<AddOffsetsToTxnResponse>(AddOffsetsToTxnRequest{id, 77, 3, group}, 3).error_code;
    };
    EXPECT_EQ(error("id", ""), ApiError::invalid_group_id);
    EXPECT_EQ(error("id", "closed"), ApiError::group_authorization_failed);
    EXPECT_EQ(error("foreign", "g"), ApiError::transactional_id_authorization_failed);
}

TEST(KafkaTxnOffsetCommit, GoesToTheGroupWithTheProducerAndTheMember) {
    Transactor s;
    TxnOffsetCommitRequest request{"id", "g", 77, 3, 4, "m", "i", {{"t", {{0, 10, -1, "note"}, {5, 11, -1, {}}}}}};
    s.send(request, 3);
    const auto commit = s.take_group<broker::CommitInTransaction>();
    EXPECT_EQ(commit.command.producer, (ProducerEpoch{77, 3}));
    EXPECT_EQ(commit.command.generation, 4);
    EXPECT_EQ(commit.command.member, "m");
    EXPECT_EQ(commit.command.instance, "i");
    ASSERT_EQ(commit.command.offsets.size(), 1u);
    EXPECT_EQ(commit.command.offsets[0].offset, Offset(10));
    EXPECT_EQ(commit.command.offsets[0].metadata, "note");
    s.give(broker::GroupAnswered{
        commit.request, std::make_unique<broker::GroupAnswer>(broker::OffsetsCommitted{.logs = {GroupOutcome::ok}})});
    const auto partitions = s.response<TxnOffsetCommitResponse>(3).topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).error_code, ApiError::none);
    EXPECT_EQ(partitions.at(1).error_code, ApiError::unknown_topic_or_partition);
}

TEST(KafkaTxnOffsetCommit, RefusalsOfTheGroupAreThoseOfEachPartition) {
    const auto error = [](GroupOutcome outcome) {
        Transactor s;
        s.send(TxnOffsetCommitRequest{"id", "g", 77, 3, -1, "", {}, {{"t", {{0, 10, -1, {}}}}}}, 3);
        s.answer_group<broker::CommitInTransaction>(broker::OffsetsCommitted{outcome, {}});
        return s.response<TxnOffsetCommitResponse>(3).topics.at(0).partitions.at(0).error_code;
    };
    EXPECT_EQ(error(GroupOutcome::invalid_transaction), ApiError::invalid_txn_state);
    EXPECT_EQ(error(GroupOutcome::fenced_producer), ApiError::invalid_producer_epoch);
    EXPECT_EQ(error(GroupOutcome::illegal_generation), ApiError::illegal_generation);
    Transactor s;
    const TxnOffsetCommitRequest closed{"id", "closed", 77, 3, -1, "", {}, {{"t", {{0, 10, -1, {}}}}}};
    EXPECT_EQ(s.ask<TxnOffsetCommitResponse>(closed, 3).topics.at(0).partitions.at(0).error_code,
              ApiError::group_authorization_failed);
}

TEST(KafkaOffsetFetch, OffsetsOfOpenTransactionsAreUnstable_88) {
    Transactor s;
    s.send(OffsetFetchRequest{.groups = {{.group_id = "g", .topics = {{{"t", {}, {0}}}}}}, .require_stable = true}, 8);
    const auto fetch = s.take_group<broker::FetchOffsets>();
    EXPECT_TRUE(fetch.command.require_stable);
    s.give(
        broker::GroupAnswered{fetch.request, std::make_unique<broker::GroupAnswer>(broker::OffsetsFetched{
                                                 {}, {{.log = s.log(0), .outcome = GroupOutcome::unstable_offset}}})});
    const auto response = s.response<OffsetFetchResponse>(8);
    EXPECT_EQ(response.groups.at(0).topics.at(0).partitions.at(0).error_code, ApiError::unstable_offset_commit);
}

// ------------------------------------------------------------------------------------------------------ Produce, Fetch

ProduceRequest transactional(ByteView records, std::string_view id = "id") {
    return {.transactional_id = id, .acks = -1, .timeout_ms = 1000, .topic_data = {{"t", {}, {{0, records}}}}};
}

TEST(KafkaProduce, RecordsOfATransactionReachTheLog) {
    Transactor s;
    const Bytes batch = batch_of(
        {"a"}, {.attributes = bits::transactional, .producer_id = 77, .producer_epoch = 3, .base_sequence = 0});
    const auto error_for = [&](LogOutcome outcome) {
        s.send(transactional(batch), 11);
        s.appended(outcome);
        return s.response<ProduceResponse>(11).responses.at(0).partition_responses.at(0).error_code;
    };
    EXPECT_EQ(error_for(LogOutcome::ok), ApiError::none);
    EXPECT_EQ(error_for(LogOutcome::invalid_transaction), ApiError::invalid_txn_state);
    EXPECT_EQ(error_for(LogOutcome::fenced), ApiError::invalid_producer_epoch);
}

TEST(KafkaFetch, AbortedTransactionsAreToldToThoseWhoReadWhatIsCommitted) {
    Transactor s;
    FetchRequest request{.max_wait_ms = 0, .min_bytes = 0, .isolation_level = 1};
    request.topics = {{"t", {}, {{.partition = 0, .partition_max_bytes = 1000}}}};
    s.send(request, 11);
    const auto read = s.take<broker::ReadLogs>();
    EXPECT_TRUE(read.command.committed_only);
    broker::LogSlice slice{s.log(0), LogOutcome::ok, Offset(0), Offset(9), Offset(8), {}, {{77, Offset(3)}}};
    s.give(broker::LogsRead{read.request, {slice}});
    const auto answer = s.response<FetchResponse>(11).responses.at(0).partitions.at(0);
    EXPECT_EQ(answer.last_stable_offset, 8);
    ASSERT_EQ(answer.aborted_transactions->size(), 1u);
    EXPECT_EQ(answer.aborted_transactions->at(0).producer_id, 77);
    EXPECT_EQ(answer.aborted_transactions->at(0).first_offset, 3);
}

// ------------------------------------------------------------------------------------------------------------ operators

TEST(KafkaFindCoordinator, TheBrokerCoordinatesTransactionalIdsThatTheUserMayWrite) {
    Transactor s;
    const auto error = [&](std::string_view key) {
        return s.ask<FindCoordinatorResponse>(FindCoordinatorRequest{.key = key, .key_type = 1}, 2).error_code;
    };
    EXPECT_EQ(error("id"), ApiError::none);
    EXPECT_EQ(error("foreign"), ApiError::transactional_id_authorization_failed);
}

TEST(KafkaDescribeTransactions, WhatTheCoordinatorKnowsIsTold) {
    Transactor s;
    s.send(DescribeTransactionsRequest{{"id", "none", "foreign"}}, 0);
    broker::TransactionDescribed known{{}, broker::TransactionState::ongoing, {77, 3}, 5000, WallTime{42}, {}};
    known.logs = {s.log(0), s.log(1), QueueId(99)};
    s.answer_transaction<broker::DescribeTransaction>(known);
    s.answer_transaction<broker::DescribeTransaction>(
        broker::TransactionDescribed{.outcome = TransactionOutcome::unknown_producer});
    const auto states = s.response<DescribeTransactionsResponse>(0).transaction_states;
    EXPECT_EQ(states.at(0).transaction_state, "Ongoing");
    EXPECT_EQ(states.at(0).transaction_start_time_ms, 42);
    EXPECT_EQ(states.at(0).producer_id, 77);
    EXPECT_EQ(states.at(0).topics.at(0).topic, "t");
    EXPECT_THAT(states.at(0).topics.at(0).partitions, ElementsAre(0, 1));
    EXPECT_EQ(states.at(1).error_code, ApiError::transactional_id_not_found);
    EXPECT_EQ(states.at(2).error_code, ApiError::transactional_id_authorization_failed);
}

TEST(KafkaListTransactions, AllShardsAreAskedAndFiltersHold) {
    using enum broker::TransactionState;
    Transactor s;
    const auto list = [&](ListTransactionsRequest request) {
        s.send(request, 1);
        const WallTime old{s.broker.time.wall.ms - 10'000};
        const auto first = s.take<broker::ListTransactions>();
        s.give_transaction(first.request, broker::TransactionsListed{{{"a", 1, empty, {}}, {"b", 2, ongoing, old}}});
        const auto second = s.take<broker::ListTransactions>();
        s.give_transaction(second.request, broker::TransactionsListed{{{"foreign", 3, ongoing, old}}});
        const auto response = s.response<ListTransactionsResponse>(1);
        std::string out;
        for (const auto& each : response.transaction_states) out += std::string(each.transactional_id) + " ";
        for (const std::string_view each : response.unknown_state_filters) out += "unknown " + std::string(each);
        return out;
    };
    EXPECT_EQ(list({}), "a b ");
    EXPECT_EQ(list({.state_filters = {"Ongoing", "Asleep"}}), "b unknown Asleep");
    EXPECT_EQ(list({.producer_id_filters = {1}}), "a ");
    EXPECT_EQ(list({.duration_filter = 9'000}), "b ");
    EXPECT_EQ(list({.duration_filter = 11'000}), "");
}

TEST(KafkaDescribeProducers, TheLogsProducersAreTold) {
    Transactor s;
    s.send(DescribeProducersRequest{{{"t", {0}}, {"hidden", {0}}}}, 0);
    broker::LogDescribed described;
    described.request = s.take<broker::DescribeLog>().request;
    described.producers = {{77, 3, 12, WallTime{42}, Offset(9)}, {78, 0, 1, WallTime{43}, {}}};
    s.give(described);
    const auto topics = s.response<DescribeProducersResponse>(0).topics;
    const auto& producers = topics.at(0).partitions.at(0).active_producers;
    ASSERT_EQ(producers.size(), 2u);
    EXPECT_EQ(producers[0].producer_id, 77);
    EXPECT_EQ(producers[0].last_sequence, 12);
    EXPECT_EQ(producers[0].current_txn_start_offset, 9);
    EXPECT_EQ(producers[1].current_txn_start_offset, -1);
    EXPECT_EQ(topics.at(1).partitions.at(0).error_code, ApiError::topic_authorization_failed);
}

}  // namespace
}  // namespace fantail::kafka

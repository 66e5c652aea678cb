// SPDX-License-Identifier: Apache-2.0
//! Kafka connections: order of responses, versions, logins, alarms, slow readers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int16_t list_version = 9;
constexpr std::int16_t produce_version = 12;

ListOffsetsRequest end_of(std::string_view topic) {
    return {.topics = {{topic, {{.partition_index = 0, .timestamp = -1}}}}};
}
broker::Event end_found(RequestId request, std::uint64_t end) {
    return broker::OffsetFound{request, broker::LogOutcome::ok, Offset(end), {}};
}
std::int64_t end_in(const ListOffsetsResponse& response) { return response.topics.at(0).partitions.at(0).offset; }

ProduceRequest produce_of(const Bytes& records) {
    return {.acks = -1, .timeout_ms = 1000, .topic_data = {{"t", {}, {{0, records}}}}};
}

// -------------------------------------------------------------------------------------------------------------- order

TEST(KafkaSession, ResponsesLeaveInTheOrderOfTheRequestsWhateverTheAnswersOrder) {
    Scene s;
    s.broker.topics.add_topic("t");
    for (int i = 0; i < 3; ++i) s.send(end_of("t"), list_version);
    std::vector<RequestId> questions;
    for (int i = 0; i < 3; ++i) questions.push_back(s.take<broker::FindOffset>().request);
    s.give(end_found(questions[2], 30));
    s.give(end_found(questions[1], 20));
    EXPECT_TRUE(s.silent());
    s.give(end_found(questions[0], 10));
    std::vector<std::int64_t> ends;
    std::vector<std::int32_t> order;
    for (int i = 0; i < 3; ++i) {
        ends.push_back(end_in(s.response<ListOffsetsResponse>(list_version)));
        order.push_back(s.answered);
    }
    EXPECT_THAT(ends, ElementsAre(10, 20, 30));
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
    EXPECT_TRUE(s.silent());
}

TEST(KafkaSession, AnAnswerThatNeedsNoBrokerWaitsForTheOneBeforeIt) {
    Scene s;
    s.broker.topics.add_topic("t");
    s.send(end_of("t"), list_version);
    s.send(ApiVersionsRequest{}, 0);
    EXPECT_TRUE(s.silent());
    s.give(end_found(s.take<broker::FindOffset>().request, 1));
    s.response<ListOffsetsResponse>(list_version);
    EXPECT_EQ(s.response<ApiVersionsResponse>(0).error_code, ApiError::none);
}

TEST(KafkaSession, RequestsInPiecesAreTakenWhenTheyAreWhole) {
    Scene s;
    Bytes bytes;
    append_request(bytes, 5, "client", 0, ApiVersionsRequest{});
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) s.send_bytes(ByteView(bytes).subspan(i, 1));
    EXPECT_TRUE(s.silent());
    s.send_bytes(ByteView(bytes).last(1));
    s.response<ApiVersionsResponse>(0);
    EXPECT_EQ(s.answered, 5);
}

TEST(KafkaSession, MoreRequestsThanMayBeUnderWayAreTakenWhenOthersAreDone) {
    Scene s;
    s.broker.topics.add_topic("t");
    constexpr int more_than_allowed = 300;
    for (int i = 0; i < more_than_allowed; ++i) s.send(end_of("t"), list_version);
    EXPECT_EQ(s.broker.sent.size(), 256u);
    EXPECT_FALSE(s.unread.empty());
    for (int i = 0; i < more_than_allowed; ++i) s.give(end_found(s.take<broker::FindOffset>().request, 7));
    EXPECT_TRUE(s.unread.empty());
    for (int i = 1; i <= more_than_allowed; ++i) {
        EXPECT_EQ(end_in(s.response<ListOffsetsResponse>(list_version)), 7);
        EXPECT_EQ(s.answered, i);
    }
}

// ----------------------------------------------------------------------------------------------------------- versions

TEST(KafkaSession, ApiVersionsOfAnUnknownVersionAreAnsweredInVersion0WithThoseServed_35) {
    Scene s;
    Bytes bytes;
    append_request(bytes, 9, "client", 4, ApiVersionsRequest{"name", "1"});
    store_be<std::int16_t>(bytes.data() + 6, 99);
    s.send_bytes(bytes);
    const auto response = s.response<ApiVersionsResponse>(0);
    EXPECT_EQ(s.answered, 9);
    EXPECT_EQ(response.error_code, ApiError::unsupported_version);
    EXPECT_FALSE(response.api_keys.empty());
    EXPECT_FALSE(s.broker.closed);
}

TEST(KafkaSession, FeaturesAreToldToClientsThatTakeOneBeginningAtZero) {
    Scene s;
    const auto older = s.ask<ApiVersionsResponse>(ApiVersionsRequest{"client", "1.0"}, 3);
    EXPECT_TRUE(older.supported_features.empty());
    const auto response = s.ask<ApiVersionsResponse>(ApiVersionsRequest{"client", "1.0"}, 4);
    ASSERT_EQ(response.finalized_features.size(), 1u);
    EXPECT_EQ(response.supported_features.at(0).name, "group.version");
    EXPECT_EQ(response.finalized_features[0].name, "group.version");
    EXPECT_EQ(response.finalized_features[0].max_version_level, 1);
    EXPECT_GE(response.finalized_features_epoch, 0) << "below, they do not count";
}

TEST(KafkaSession, ApiVersionsNameWhatIsServedAndNothingElse) {
    Scene s;
    const auto response = s.ask<ApiVersionsResponse>(ApiVersionsRequest{"client", "1.0"}, 3);
    std::set<std::int16_t> keys;
    for (const auto& each : response.api_keys) {
        keys.insert(each.api_key);
        EXPECT_LE(each.min_version, each.max_version);
    }
    EXPECT_EQ(keys.size(), response.api_keys.size());
    EXPECT_TRUE(keys.contains(static_cast<std::int16_t>(ApiKey::produce)));
    EXPECT_FALSE(keys.contains(static_cast<std::int16_t>(ApiKey::update_features)));
}

TEST(KafkaSession, AClientWithoutAProperNameIsTold_42) {
    Scene s;
    EXPECT_EQ(s.ask<ApiVersionsResponse>(ApiVersionsRequest{"", ""}, 3).error_code, ApiError::invalid_request);
    EXPECT_EQ(s.ask<ApiVersionsResponse>(ApiVersionsRequest{"-x", "1"}, 3).error_code, ApiError::invalid_request);
    EXPECT_EQ(s.ask<ApiVersionsResponse>(ApiVersionsRequest{"x-y.z", "1"}, 3).error_code, ApiError::none);
}

TEST(KafkaSession, AnUnknownVersionOfAnotherApiClosesTheConnection) {
    Scene s;
    Bytes bytes;
    append_request(bytes, 1, "client", list_version, end_of("t"));
    store_be<std::int16_t>(bytes.data() + 6, 99);
    s.send_bytes(bytes);
    EXPECT_TRUE(s.broker.closed);
    EXPECT_TRUE(s.silent());
}

TEST(KafkaSession, AnApiThatIsNotServedClosesTheConnection) {
    Scene s;
    s.send(UpdateFeaturesRequest{}, 0);
    EXPECT_TRUE(s.broker.closed);
}

TEST(KafkaSession, BytesBehindARequestsEndArePassedOver) {
    Scene s;
    Bytes bytes;
    append_request(bytes, 1, "client", 0, ApiVersionsRequest{});
    bytes.push_back(0);
    store_be(bytes.data(), static_cast<std::int32_t>(bytes.size() - frame_size_size));
    s.send_bytes(bytes);
    EXPECT_FALSE(s.broker.closed);
    EXPECT_FALSE(s.silent());
}

TEST(KafkaSession, AFrameAboveTheLimitClosesTheConnectionBeforeItIsThere) {
    Scene s({.request_size_max = 1000});
    const std::uint8_t size[] = {0, 0, 0x03, 0xE9};  // 1001
    s.send_bytes(size);
    EXPECT_TRUE(s.broker.closed);
}

TEST(KafkaSession, WhatIsDoneIsSentBeforeTheConnectionIsClosedForTheNextRequest) {
    Scene s;
    Bytes bytes;
    append_request(bytes, 1, "client", 0, ApiVersionsRequest{});
    append_request(bytes, 2, "client", 0, UpdateFeaturesRequest{});
    s.send_bytes(bytes);
    EXPECT_TRUE(s.broker.closed);
    s.response<ApiVersionsResponse>(0);
    EXPECT_EQ(s.answered, 1);
}

// ------------------------------------------------------------------------------------------------------------- logins

constexpr std::string_view guest_login("\0guest\0secret", 13);

TEST(KafkaSession, ALoopbackConnectionIsTheAnonymousUser) {
    Scene s;
    EXPECT_EQ(s.session.info().user, "guest");
    s.ask<MetadataResponse>(MetadataRequest{}, 9);
    EXPECT_EQ(s.session.info().client_name, "client");
}

TEST(KafkaSession, FromElsewhereARequestBeforeTheLoginClosesTheConnection) {
    Scene s({}, false);
    s.send(MetadataRequest{}, 9);
    EXPECT_TRUE(s.broker.closed);
    EXPECT_TRUE(s.silent());
}

TEST(KafkaSession, WithoutAnAnonymousUserALoopbackConnectionMustLogInToo) {
    Scene s({.anonymous_user = ""});
    s.send(MetadataRequest{}, 9);
    EXPECT_TRUE(s.broker.closed);
}

TEST(KafkaSession, PlainLoginOpensTheConnection) {
    Scene s({}, false);
    s.ask<ApiVersionsResponse>(ApiVersionsRequest{}, 0);
    EXPECT_EQ(s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1).error_code, ApiError::none);
    s.send(SaslAuthenticateRequest{as_bytes(guest_login)}, 2);
    ASSERT_EQ(s.broker.logins.size(), 1u);
    EXPECT_EQ(s.broker.logins[0].user, "guest");
    EXPECT_EQ(s.broker.logins[0].password, "secret");
    EXPECT_TRUE(s.silent());
    s.give(broker::LoginChecked{s.broker.logins[0].request, {}});
    EXPECT_EQ(s.response<SaslAuthenticateResponse>(2).error_code, ApiError::none);
    EXPECT_EQ(s.session.info().user, "guest");
    s.ask<MetadataResponse>(MetadataRequest{}, 9);
    EXPECT_FALSE(s.broker.closed);
}

TEST(KafkaSession, AWrongPasswordIsToldAndClosesTheConnection_58) {
    Scene s({}, false);
    s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1);
    s.send(SaslAuthenticateRequest{as_bytes(guest_login)}, 2);
    s.give(broker::LoginChecked{s.broker.logins.at(0).request, fail(ErrorCode::not_authenticated, "wrong")});
    EXPECT_EQ(s.response<SaslAuthenticateResponse>(2).error_code, ApiError::sasl_authentication_failed);
    EXPECT_TRUE(s.broker.closed);
    EXPECT_EQ(s.session.info().user, "");
}

TEST(KafkaSession, ALoginThatIsNotPlainIsRefusedUnasked_58) {
    for (const std::string_view text : {std::string_view("guest"), std::string_view("\0guest", 6)}) {
        Scene s({}, false);
        s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1);
        EXPECT_EQ(s.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{as_bytes(text)}, 2).error_code,
                  ApiError::sasl_authentication_failed);
        EXPECT_TRUE(s.broker.logins.empty());
        EXPECT_TRUE(s.broker.closed);
    }
}

TEST(KafkaSession, AnotherMechanismIsRefusedWithTheListOfThoseThere_33) {
    Scene s({}, false);
    const auto response = s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"SCRAM-SHA-256"}, 1);
    EXPECT_EQ(response.error_code, ApiError::unsupported_sasl_mechanism);
    EXPECT_THAT(response.mechanisms, ElementsAre("PLAIN"));
    EXPECT_FALSE(s.broker.closed);
}

TEST(KafkaSession, ALoginBeforeItsHandshakeIsRefused_34) {
    Scene s({}, false);
    EXPECT_EQ(s.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{as_bytes(guest_login)}, 2).error_code,
              ApiError::illegal_sasl_state);
    EXPECT_TRUE(s.broker.logins.empty());
    EXPECT_TRUE(s.broker.closed);
}

TEST(KafkaSession, ALoginDuringALoginClosesTheConnection) {
    for (const bool handshake : {false, true}) {
        Scene s({}, false);
        s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1);
        s.send(SaslAuthenticateRequest{as_bytes(guest_login)}, 2);
        if (handshake) s.send(SaslHandshakeRequest{"PLAIN"}, 1);
        else s.send(SaslAuthenticateRequest{as_bytes(guest_login)}, 2);
        EXPECT_EQ(s.broker.logins.size(), 1u);
        EXPECT_TRUE(s.broker.closed);
    }
}

TEST(KafkaSession, AfterTheLoginAnotherIsRefusedAndNothingLost_34) {
    Scene s({}, false);
    s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1);
    s.send(SaslAuthenticateRequest{as_bytes(guest_login)}, 2);
    s.give(broker::LoginChecked{s.broker.logins.at(0).request, {}});
    s.response<SaslAuthenticateResponse>(2);
    EXPECT_EQ(s.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1).error_code, ApiError::illegal_sasl_state);
    EXPECT_EQ(s.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{as_bytes(guest_login)}, 2).error_code,
              ApiError::illegal_sasl_state);
    EXPECT_FALSE(s.broker.closed);
    EXPECT_EQ(s.session.info().user, "guest");
}

// ------------------------------------------------------------------------------------------------------------- alarms

TEST(KafkaSession, AnAlarmHoldsProducersUntilItIsOver) {
    Scene s;
    s.broker.topics.add_topic("t");
    s.give(broker::Blocked{true, "disk"});
    EXPECT_EQ(s.session.info().state, "blocked");
    s.send(produce_of(batch_of({"a"})), produce_version);
    EXPECT_FALSE(s.has<broker::AppendLog>());
    EXPECT_TRUE(s.broker.held);
    s.give(broker::Blocked{false, ""});
    EXPECT_FALSE(s.broker.held);
    s.appended();
    EXPECT_EQ(s.response<ProduceResponse>(produce_version).responses.at(0).partition_responses.at(0).error_code,
              ApiError::none);
}

TEST(KafkaSession, AnAlarmDoesNotStopConsumers) {
    Scene s;
    s.broker.topics.add_topic("t");
    s.give(broker::Blocked{true, "disk"});
    s.send(end_of("t"), list_version);
    EXPECT_TRUE(s.has<broker::FindOffset>());
    EXPECT_FALSE(s.broker.held);
}

TEST(KafkaSession, DuringAnAlarmASlowConsumerIsServedWhenItHasCaughtUp) {
    Scene s;
    s.broker.topics.add_topic("t");
    s.give(broker::Blocked{true, "disk"});
    s.writable(false);
    s.send(end_of("t"), list_version);
    EXPECT_FALSE(s.has<broker::FindOffset>());
    s.writable(true);
    EXPECT_TRUE(s.has<broker::FindOffset>());
}

TEST(KafkaSession, AHeldProduceIsNotShownAgainAndAgain) {
    Scene s;
    s.broker.topics.add_topic("t");
    s.send(end_of("t"), list_version);
    s.give(broker::Blocked{true, "disk"});
    s.send(produce_of(batch_of({"a"})), produce_version);
    s.give(end_found(s.take<broker::FindOffset>().request, 1));
    EXPECT_EQ(s.broker.resumed, false);
    EXPECT_FALSE(s.unread.empty());
}

TEST(KafkaSession, APeerThatDoesNotReadGetsNothingMadeForIt) {
    Scene s;
    s.writable(false);
    s.send(ApiVersionsRequest{}, 0);
    EXPECT_TRUE(s.silent());
    s.writable(true);
    s.response<ApiVersionsResponse>(0);
}

// -------------------------------------------------------------------------------------------------------------- ends

TEST(KafkaSession, AnAnswerToNobodyIsPassedOver) {
    Scene s;
    s.give(end_found(RequestId(999), 3));
    s.ask<ApiVersionsResponse>(ApiVersionsRequest{}, 0);
    EXPECT_FALSE(s.broker.closed);
}

TEST(KafkaSession, ARequestToCloseClosesBehindWhatIsDone) {
    Scene s;
    s.give(broker::CloseRequested{"shutdown"});
    EXPECT_TRUE(s.broker.closed);
}

TEST(KafkaSession, ReadsThatWaitAreGivenUpWithTheConnection) {
    Scene s;
    s.broker.topics.add_topic("t");
    s.send(FetchRequest{.max_wait_ms = 500, .min_bytes = 1, .topics = {{"t", {}, {{.partition_max_bytes = 100}}}}}, 12);
    const auto read = s.take<broker::ReadLogs>();
    s.session.on_closed();
    const auto detach = s.take<broker::Detach>();
    EXPECT_EQ(detach.shard, read.shard);
    EXPECT_EQ(detach.command.first, ConsumerId(0));
}

}  // namespace
}  // namespace fantail::kafka

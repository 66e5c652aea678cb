// SPDX-License-Identifier: Apache-2.0
//! Kafka messages byte by byte, written down from the protocol's definition rather than by the codec.
#include <gtest/gtest.h>

#include <deque>

#include "protocols/kafka/client_frame.hpp"
#include "protocols/kafka/data_client.hpp"
#include "protocols/kafka/groups_client.hpp"
#include "protocols/kafka/metadata_client.hpp"
#include "protocols/kafka/sample_bytes.hpp"
#include "protocols/kafka/topics_client.hpp"
#include "protocols/kafka/transactions_client.hpp"

namespace fantail::kafka {
namespace {

template <class M>
std::string encoded(const M& message, std::int16_t version) {
    Bytes out;
    encode(out, message, version);
    return hex(out);
}

/// Keeps the bytes, which the message has views into.
template <class M>
Result<M> decoded(std::string_view text, std::int16_t version) {
    static std::deque<Bytes> kept;
    return decode<M>(kept.emplace_back(sample_bytes(text)), version);
}

std::string sample(std::string_view text) { return hex(sample_bytes(text)); }

TEST(KafkaSamples, ApiVersionsRequestV3AsClientsOpenAConnection) {
    const Bytes in = sample_bytes("00000024 0012 0003 00000007 0007 'rdkafka' 00 0b 'librdkafka' 06 '2.0.2' 00");
    Frame frame;
    ASSERT_EQ(next_frame(in, request_size_max, frame).value(), FrameStatus::complete);
    const auto header = decode_request_header(frame.payload).value();
    EXPECT_EQ(header.api, ApiKey::api_versions);
    EXPECT_EQ(header.version, 3);
    EXPECT_EQ(header.correlation_id, 7);
    EXPECT_EQ(header.client_id, "rdkafka");
    const auto request = decode<ApiVersionsRequest>(header.body, header.version).value();
    EXPECT_EQ(request.client_software_name, "librdkafka");
    EXPECT_EQ(request.client_software_version, "2.0.2");
    Bytes again;
    append_request(again, 7, "rdkafka", 3, request);
    EXPECT_EQ(hex(again), hex(in));
}

ApiVersionsResponse some_versions() {
    ApiVersionsResponse response;
    response.api_keys = {{.api_key = 0, .min_version = 0, .max_version = 13},
                         {.api_key = 18, .min_version = 0, .max_version = 4}};
    return response;
}

TEST(KafkaSamples, ApiVersionsResponseHasTheOldHeaderInEveryVersion) {
    Bytes out;
    append_response(out, 7, 0, some_versions());
    EXPECT_EQ(hex(out), sample("00000016 00000007 0000 00000002 0000 0000 000d 0012 0000 0004"));
    out.clear();
    append_response(out, 7, 3, some_versions());
    EXPECT_EQ(hex(out), sample("0000001a 00000007 0000 03 0000 0000 000d 00 0012 0000 0004 00 00000000 00"));
}

TEST(KafkaSamples, ApiVersionsResponseTellsFeaturesInTaggedFields) {
    ApiVersionsResponse response;
    response.supported_features = {{.name = "tv", .min_version = 0, .max_version = 2}};
    response.finalized_features_epoch = 5;
    EXPECT_EQ(encoded(response, 4), sample("0000 01 00000000 02 00 09 02 03 'tv' 0000 0002 00 01 08 0000000000000005"));
}

TEST(KafkaSamples, MetadataRequestNullAndEmptyTopicsDiffer) {
    EXPECT_FALSE(decoded<MetadataRequest>("ffffffff", 1)->topics.has_value());
    EXPECT_TRUE(decoded<MetadataRequest>("00000000", 1)->topics.value().empty());
    const auto named = decoded<MetadataRequest>("00000001 0001 't' 01", 4).value();
    EXPECT_EQ(named.topics.value().at(0).name, "t");
    EXPECT_TRUE(named.allow_auto_topic_creation);
}

TEST(KafkaSamples, ANullThatOnlyLaterVersionsHaveIsMalformed) {
    // Topics from version 1 on, their names from 12 on.
    EXPECT_EQ(decoded<MetadataRequest>("ffffffff", 0).error().code, ErrorCode::malformed);
    EXPECT_EQ(decoded<MetadataRequest>("00000001 ffff", 2).error().code, ErrorCode::malformed);
    EXPECT_TRUE(decoded<MetadataRequest>("00000001 0000", 2).has_value());
}

TEST(KafkaSamples, MetadataRequestV12NamesATopicByItsId) {
    const auto request = decoded<MetadataRequest>("02 000102030405060708090a0b0c0d0e0f 00 00 00 01 00", 12).value();
    const auto& topic = request.topics.value().at(0);
    EXPECT_EQ(hex(topic.topic_id.bytes), "000102030405060708090a0b0c0d0e0f");
    EXPECT_FALSE(topic.name.has_value());
    EXPECT_FALSE(request.allow_auto_topic_creation);
    EXPECT_TRUE(request.include_topic_authorized_operations);
}

MetadataResponse one_broker() {
    MetadataResponse response;
    response.brokers = {{.node_id = 1, .host = "h", .port = 9092}};
    response.cluster_id = "c";
    response.controller_id = 1;
    MetadataResponse::Partition partition{.leader_id = 1, .leader_epoch = 0};
    partition.replica_nodes = {1};
    partition.isr_nodes = {1};
    MetadataResponse::Topic topic{.name = "t"};
    topic.partitions = {partition};
    response.topics = {topic};
    return response;
}

TEST(KafkaSamples, MetadataResponseV1) {
    EXPECT_EQ(encoded(one_broker(), 1), sample("00000001 00000001 0001 'h' 00002384 ffff 00000001"
                                               "00000001 0000 0001 't' 00"
                                               "00000001 0000 00000000 00000001 00000001 00000001 00000001 00000001"));
}

TEST(KafkaSamples, MetadataResponseV12) {
    EXPECT_EQ(encoded(one_broker(), 12),
              sample("00000000 02 00000001 02 'h' 00002384 00 00 02 'c' 00000001"
                     "02 0000 02 't' 00000000000000000000000000000000 00"
                     "02 0000 00000000 00000001 00000000 02 00000001 02 00000001 01 00 80000000 00 00"));
}

TEST(KafkaSamples, ProduceRequestV3AndV9) {
    for (const auto& [version, bytes] :
         {std::pair{3, "ffff ffff 00007530 00000001 0001 't' 00000001 00000002 00000005 'batch'"},
          std::pair{9, "00 ffff 00007530 02 02 't' 02 00000002 06 'batch' 00 00 00"}}) {
        const Bytes in = sample_bytes(bytes);
        const auto request = decode<ProduceRequest>(in, static_cast<std::int16_t>(version)).value();
        EXPECT_FALSE(request.transactional_id.has_value());
        EXPECT_EQ(request.acks, -1);
        EXPECT_EQ(request.timeout_ms, 30'000);
        const auto& topic = request.topic_data.at(0);
        EXPECT_EQ(topic.name, "t");
        EXPECT_EQ(topic.partition_data.at(0).index, 2);
        EXPECT_EQ(as_text(topic.partition_data.at(0).records), "batch");
        // The bytes are seen in place, not copied.
        EXPECT_GE(topic.partition_data.at(0).records.data(), in.data());
        EXPECT_LT(topic.partition_data.at(0).records.data(), in.data() + in.size());
    }
}

ProduceResponse one_produced() {
    ProduceResponse response;
    ProduceResponse::Topic topic{.name = "t"};
    topic.partition_responses = {{.index = 2, .base_offset = 16}};
    response.responses = {topic};
    return response;
}

TEST(KafkaSamples, ProduceResponseV7AndV9) {
    EXPECT_EQ(encoded(one_produced(), 7), sample("00000001 0001 't' 00000001 00000002 0000 0000000000000010"
                                                 "ffffffffffffffff ffffffffffffffff 00000000"));
    EXPECT_EQ(encoded(one_produced(), 9), sample("02 02 't' 02 00000002 0000 0000000000000010"
                                                 "ffffffffffffffff ffffffffffffffff 01 00 00 00 00000000 00"));
}

TEST(KafkaSamples, ProduceResponseV10TellsTheNewLeaderInTaggedFields) {
    ProduceResponse response = one_produced();
    response.responses[0].partition_responses[0].error_code = ApiError::not_leader_or_follower;
    response.responses[0].partition_responses[0].current_leader = {.leader_id = 3, .leader_epoch = 9};
    response.node_endpoints = {{.node_id = 3, .host = "h", .port = 1}};
    EXPECT_EQ(encoded(response, 10),
              sample("02 02 't' 02 00000002 0006 0000000000000010 ffffffffffffffff ffffffffffffffff 01 00"
                     "01 00 09 00000003 00000009 00 00 00000000 01 00 0d 02 00000003 02 'h' 00000001 00 00"));
    // The older flexible version has no such fields.
    EXPECT_EQ(encoded(response, 9).find("0000000300000009"), std::string::npos);
}

TEST(KafkaSamples, FetchRequestV4AndV13) {
    const auto old = decoded<FetchRequest>(
        "ffffffff 000001f4 00000001 03200000 00 00000001 0001 't' 00000001 00000000 0000000000000007 00100000", 4);
    ASSERT_TRUE(old.has_value()) << old.error().message;
    EXPECT_EQ(old->topics.at(0).topic, "t");
    EXPECT_EQ(old->topics.at(0).partitions.at(0).fetch_offset, 7);
    EXPECT_EQ(old->session_epoch, -1);
    const auto with_ids = decoded<FetchRequest>(
        "ffffffff 000001f4 00000001 03200000 01 00000000 ffffffff 02 000102030405060708090a0b0c0d0e0f"
        "02 00000000 ffffffff 0000000000000007 ffffffff ffffffffffffffff 00100000 00 00 01 01 00",
        13);
    ASSERT_TRUE(with_ids.has_value()) << with_ids.error().message;
    EXPECT_EQ(with_ids->isolation_level, 1);
    EXPECT_EQ(with_ids->topics.at(0).topic_id.bytes[15], 15);
    EXPECT_EQ(with_ids->topics.at(0).partitions.at(0).partition_max_bytes, 1 << 20);
}

TEST(KafkaSamples, FetchResponseWritesRecordsFromSeveralPieces) {
    const Bytes first = sample_bytes("'one'");
    const Bytes second = sample_bytes("'two'");
    const std::array<ByteView, 1> more{second};
    FetchResponse::Partition partition{.high_watermark = 9, .last_stable_offset = 9, .log_start_offset = 0};
    partition.records = {first, more};
    FetchResponse response;
    FetchResponse::Topic topic{.topic = "t"};
    topic.partitions = {partition};
    response.responses = {topic};
    EXPECT_EQ(encoded(response, 4), sample("00000000 00000001 0001 't' 00000001 00000000 0000 0000000000000009"
                                           "0000000000000009 ffffffff 00000006 'onetwo'"));
    EXPECT_EQ(encoded(response, 12), sample("00000000 0000 00000000 02 02 't' 02 00000000 0000 0000000000000009"
                                            "0000000000000009 0000000000000000 00 ffffffff 07 'onetwo' 00 00 00"));
}

TEST(KafkaSamples, JoinGroupV5AndSyncGroupV3AsTheClassicClientsSendThem) {
    const auto join = decoded<JoinGroupRequest>(
        "0001 'g' 00002710 0000ea60 0000 ffff 0008 'consumer' 00000001 0005 'range' 00000002 abcd", 5);
    ASSERT_TRUE(join.has_value()) << join.error().message;
    EXPECT_EQ(join->member_id, "");
    EXPECT_FALSE(join->group_instance_id.has_value());
    EXPECT_EQ(join->protocols.at(0).name, "range");
    EXPECT_EQ(hex(join->protocols.at(0).metadata), "abcd");
    SyncGroupResponse sync;
    const Bytes assignment = sample_bytes("00 00");
    sync.assignment = assignment;
    EXPECT_EQ(encoded(sync, 3), sample("00000000 0000 00000002 0000"));
}

TEST(KafkaSamples, ConsumerGroupHeartbeatResponsePrecedesTheAssignmentByWhetherItIsThere) {
    ConsumerGroupHeartbeatResponse response{.member_epoch = 1, .heartbeat_interval_ms = 5000};
    response.member_id = "m";
    EXPECT_EQ(encoded(response, 0), sample("00000000 0000 00 02 'm' 00000001 00001388 ff 00"));
    response.assignment.emplace();
    EXPECT_EQ(encoded(response, 0), sample("00000000 0000 00 02 'm' 00000001 00001388 01 01 00 00"));
}

TEST(KafkaSamples, InitProducerIdV4) {
    const auto request = decoded<InitProducerIdRequest>("00 7fffffff ffffffffffffffff ffff 00", 4);
    ASSERT_TRUE(request.has_value()) << request.error().message;
    EXPECT_FALSE(request->transactional_id.has_value());
    EXPECT_EQ(encoded(InitProducerIdResponse{.producer_id = 1000, .producer_epoch = 0}, 4),
              sample("00000000 0000 00000000000003e8 0000 00"));
}

TEST(KafkaSamples, CreateTopicsResponseLeavesADefaultTaggedFieldOut) {
    CreateTopicsResponse response;
    response.topics = {{.name = "t", .num_partitions = 1, .replication_factor = 1}};
    EXPECT_EQ(encoded(response, 5), sample("00000000 02 02 't' 0000 00 00000001 0001 00 00 00"));
    response.topics[0].topic_config_error_code = ApiError::topic_authorization_failed;
    EXPECT_EQ(encoded(response, 5), sample("00000000 02 02 't' 0000 00 00000001 0001 00 01 00 02 001d 00"));
}

TEST(KafkaSamples, ATaggedFieldOf128BytesHasASizeOfTwoBytes) {
    FetchRequest request;
    const std::string id(127, 'i');
    request.cluster_id = id;
    Bytes out;
    encode(out, request, 12);
    const auto again = decode<FetchRequest>(out, 12);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->cluster_id, id);
    // 1 field, tag 0, size 129 = 127 and a length of two bytes.
    EXPECT_EQ(hex(out).substr(2 * (out.size() - 133), 12), "010081018001");
}

}  // namespace
}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! What Kafka consumers see of messages that came by another protocol.
#include "protocols/kafka/mapping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "record/batch.hpp"
#include "record/envelope.hpp"

namespace fantail::kafka {
namespace {

using ::testing::Contains;
using ::testing::Pair;
using ::testing::SizeIs;
using Texts = std::map<std::string, std::string>;

Bytes envelope_of(const record::Properties& properties, std::string_view exchange = {}) {
    Bytes encoded;
    properties.encode(encoded);
    Bytes out;
    record::encode_envelope(out, encoded, exchange);
    return out;
}

Bytes batch_of(const Bytes& envelope, std::string_view key = "k") {
    record::BatchBuilder builder;
    builder.append_message({5000}, as_bytes(key), envelope, as_bytes("body"));
    builder.append_message({5001}, as_bytes(key), envelope, as_bytes(""));
    return builder.finish(Offset(7));
}

struct Seen {
    record::RecordView record;
    Texts headers;
};
std::vector<Seen> read(const Bytes& batch) {
    std::vector<Seen> out;
    const auto view = record::BatchView::parse(batch);
    EXPECT_TRUE(view && view->verify_crc());
    EXPECT_TRUE(view->check_records());
    auto records = *view->records();
    record::RecordView record;
    while (records.next(record)) {
        Seen& seen = out.emplace_back();
        seen.record = record;
        auto headers = record.header_cursor();
        record::HeaderView header;
        while (headers.next(header))
            seen.headers[std::string(header.key)] = header.value_is_null ? "(null)" : as_text(header.value);
    }
    return out;
}

TEST(KafkaMapping, PropertiesAndHeadersBecomeRecordHeaders) {
    record::FieldTableBuilder table;
    table.set_text("tenant", "acme");
    table.set_int("attempt", 3);
    record::Properties properties;
    properties.content_type = "text/plain";
    properties.message_id = "m1";
    properties.priority = 4;
    properties.headers = table.view();
    const Bytes batch = batch_of(envelope_of(properties, "ex"));
    ASSERT_TRUE(has_envelopes(batch));
    const auto mapped = without_envelopes(batch);
    ASSERT_TRUE(mapped);
    EXPECT_FALSE(has_envelopes(*mapped));
    const auto seen = read(*mapped);
    ASSERT_THAT(seen, SizeIs(2));
    EXPECT_EQ(seen[0].headers, (Texts{{"exchange", "ex"},
                                      {"content-type", "text/plain"},
                                      {"message-id", "m1"},
                                      {"priority", "4"},
                                      {"tenant", "acme"},
                                      {"attempt", "3"}}));
    EXPECT_EQ(as_text(seen[0].record.key), "k");
    EXPECT_EQ(as_text(seen[0].record.value), "body");
    EXPECT_EQ(seen[1].record.timestamp, WallTime{5001});
    EXPECT_EQ(seen[1].record.offset_delta, 1u);
}

TEST(KafkaMapping, AnEmptyRoutingKeyIsNoKey) {
    const auto mapped = without_envelopes(batch_of(envelope_of({}), ""));
    ASSERT_TRUE(mapped);
    EXPECT_TRUE(read(*mapped)[0].record.key_is_null);
}

TEST(KafkaMapping, BatchesOfKafkaProducersAreLeftAlone) {
    record::BatchBuilder builder;
    const record::HeaderParts header{"e", as_bytes("mine"), false};
    builder.append({.timestamp = {1}, .value = as_bytes("v"), .headers = {&header, 1}});
    EXPECT_FALSE(has_envelopes(builder.finish(Offset(0))));
}

TEST(KafkaMapping, DamagedBatchesAreErrors) {
    Bytes batch = batch_of(envelope_of({}));
    batch.resize(batch.size() - 1);
    EXPECT_FALSE(without_envelopes(batch));
    EXPECT_FALSE(without_envelopes(batch_of(Bytes{99, 1, 2})));
}

}  // namespace
}  // namespace fantail::kafka

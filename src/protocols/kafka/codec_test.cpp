// SPDX-License-Identifier: Apache-2.0
//! Every Kafka message in every version: what is encoded decodes to the same, and nothing else decodes.
#include "protocols/kafka/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "protocols/kafka/api.hpp"
#include "protocols/kafka/testing.hpp"

namespace fantail::kafka {
namespace {

std::uint64_t first_seed() {
    const char* given = std::getenv("FANTAIL_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Calls f(message, version, seed) for every message and version, `rounds` times with other seeds.
template <class F>
void for_every_message(int rounds, F&& f) {
    const std::uint64_t first = first_seed();
    SCOPED_TRACE("repeat with FANTAIL_TEST_SEED=" + std::to_string(first) + " kafka_test");
    for (const TestMessage& message : all_messages()) {
        for (std::int16_t version = message.versions.min; version <= message.versions.max; ++version) {
            SCOPED_TRACE(std::string(message.name) + " v" + std::to_string(version));
            for (int round = 0; round < rounds; ++round) f(message, version, first + static_cast<std::uint64_t>(round));
            if (testing::Test::HasFailure()) return;
        }
    }
}

TEST(KafkaCodec, EveryMessageInEveryVersionDecodesToWhatWasEncoded) {
    for_every_message(20, [](const TestMessage& message, std::int16_t version, std::uint64_t seed) {
        Bytes encoded;
        Bytes again;
        const std::string wanted = message.encode_random(encoded, seed, version);
        const auto found = message.decode_and_encode(encoded, version, again);
        ASSERT_TRUE(found.has_value()) << found.error().message;
        ASSERT_EQ(*found, wanted);
        ASSERT_EQ(as_text(again), as_text(encoded));
    });
}

/// Decodes a copy that ends where its memory ends, so that a sanitizer sees each read behind it.
bool decodes(const TestMessage& message, std::int16_t version, ByteView bytes) {
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    Bytes again;
    const auto found = message.decode_and_encode(exact, version, again);
    return found.has_value();
}

TEST(KafkaCodec, AMessageCutOffAnywhereIsMalformed) {
    for_every_message(1, [](const TestMessage& message, std::int16_t version, std::uint64_t seed) {
        Bytes encoded;
        (void)message.encode_random(encoded, seed, version);
        const std::size_t step = encoded.size() / 500 + 1;
        for (std::size_t size = 0; size < encoded.size(); size += step) {
            ASSERT_FALSE(decodes(message, version, ByteView(encoded).first(size))) << size << " of " << encoded.size();
        }
    });
}

TEST(KafkaCodec, BytesBehindAMessageAreMalformed) {
    for_every_message(2, [](const TestMessage& message, std::int16_t version, std::uint64_t seed) {
        Bytes encoded;
        (void)message.encode_random(encoded, seed, version);
        encoded.push_back(0);
        ASSERT_FALSE(decodes(message, version, encoded));
    });
}

TEST(KafkaCodec, AChangedByteNeverReadsOutOfBounds) {
    for_every_message(1, [](const TestMessage& message, std::int16_t version, std::uint64_t seed) {
        Bytes encoded;
        (void)message.encode_random(encoded, seed, version);
        std::mt19937_64 random(seed);
        for (int i = 0; i < 50 && !encoded.empty(); ++i) {
            Bytes changed = encoded;
            changed[random() % changed.size()] = static_cast<std::uint8_t>(random() % 3 == 0 ? 0xFF : random());
            (void)decodes(message, version, changed);
        }
    });
}

/// Whether the message itself, not a struct in it, has tagged fields: only without them it surely ends with their count, 0.
bool has_tagged_fields(const TestMessage& message) {
    constexpr std::array names{"ProduceResponse", "FetchRequest", "FetchResponse", "ApiVersionsResponse"};
    return std::ranges::find(names, message.name) != names.end();
}

TEST(KafkaCodec, AnUnknownTaggedFieldIsPassedOver) {
    for_every_message(3, [](const TestMessage& message, std::int16_t version, std::uint64_t seed) {
        if (!message.versions.flexible(version) || has_tagged_fields(message)) return;
        Bytes encoded;
        const std::string wanted = message.encode_random(encoded, seed, version);
        ASSERT_EQ(encoded.back(), 0);
        encoded.back() = 1;
        for (const std::uint8_t byte : {99, 3, 7, 8, 9}) encoded.push_back(byte);
        Bytes again;
        const auto found = message.decode_and_encode(encoded, version, again);
        ASSERT_TRUE(found.has_value()) << found.error().message;
        ASSERT_EQ(*found, wanted);
    });
}

TEST(KafkaCodec, AVersionThatAMessageDoesNotHaveIsUnsupported) {
    for (const TestMessage& message : all_messages()) {
        Bytes again;
        for (const int version : {message.versions.min - 1, message.versions.max + 1}) {
            const auto found = message.decode_and_encode({}, static_cast<std::int16_t>(version), again);
            ASSERT_FALSE(found.has_value());
            EXPECT_EQ(found.error().code, ErrorCode::unsupported) << message.name;
        }
    }
}

TEST(KafkaCodec, TheTableOfApisIsOrderedAndAdvertisesNoMoreThanItSpeaks) {
    EXPECT_TRUE(std::ranges::is_sorted(api_table, {}, &ApiInfo::key));
    for (const ApiInfo& info : api_table) {
        EXPECT_LE(info.versions.min, info.versions.max) << info.name;
        EXPECT_LE(info.advertised_min, info.versions.min) << info.name;
        EXPECT_EQ(find_api(info.key), &info);
    }
    // Clients of librdkafka before 2.8 compress only if Produce 0 is told (KAFKA-18659).
    EXPECT_EQ(find_api(ApiKey::produce)->advertised_min, 0);
    EXPECT_EQ(find_api(ApiKey::produce)->versions.min, 3);
    EXPECT_EQ(find_api(ApiKey{4}), nullptr);
}

}  // namespace
}  // namespace fantail::kafka

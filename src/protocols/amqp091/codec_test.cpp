// SPDX-License-Identifier: Apache-2.0
//! Methods and properties of AMQP 0-9-1: known bytes, round trips, and input that ends early.
#include "protocols/amqp091/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "protocols/amqp091/codec_test_values.hpp"

namespace fantail::amqp091 {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;

constexpr std::uint64_t seed = 20260917;

template <class M>
Bytes frame_of(std::uint16_t channel, const M& m) {
    Bytes out;
    FrameWriter(out).method(channel, m);
    return out;
}

template <class M>
Bytes payload_of(const M& m) {
    Bytes out(encoded_size(m));
    EXPECT_EQ(store(out.data(), m), out.data() + out.size());
    return out;
}

std::string text(const Bytes& bytes) { return std::string(as_text(bytes)); }

TEST(AmqpMethod, PublishHasTheBytesOfTheSpec) {
    const BasicPublish m{.exchange = "ex", .routing_key = "key", .mandatory = true};
    EXPECT_EQ(text(frame_of(1, m)),
              "\x01\0\x01\0\0\0\x0E\0\x3C\0\x28\0\0\x02"
              "ex\x03"
              "key\x01\xCE"sv);
}

TEST(AmqpMethod, DeliverHasTheBytesOfTheSpec) {
    const BasicDeliver m{.consumer_tag = "c1",
                         .delivery_tag = 0x0102030405060708,
                         .redelivered = true,
                         .exchange = "",
                         .routing_key = "q"};
    EXPECT_EQ(text(frame_of(0x1234, m)),
              "\x01\x12\x34\0\0\0\x13\0\x3C\0\x3C\x02"
              "c1\x01\x02\x03\x04\x05\x06\x07\x08\x01\0\x01q\xCE"sv);
}

TEST(AmqpMethod, TuneHasTheBytesOfTheSpec) {
    const ConnectionTune m{.channel_max = 2047, .frame_max = 131072, .heartbeat = 60};
    EXPECT_EQ(text(frame_of(0, m)), "\x01\0\0\0\0\0\x0C\0\x0A\0\x1E\x07\xFF\0\x02\0\0\0\x3C\xCE"sv);
}

TEST(AmqpMethod, StartHasTablesAndLongStringsWithFourByteLengths) {
    const Bytes table{1, 'a', 't', 1};
    const ConnectionStart m{
        .version_major = 0, .version_minor = 9, .server_properties = table, .mechanisms = "PLAIN", .locales = "en_US"};
    EXPECT_EQ(text(frame_of(0, m)),
              "\x01\0\0\0\0\0\x20\0\x0A\0\x0A\0\x09\0\0\0\x04\x01"
              "at\x01\0\0\0\x05PLAIN\0\0\0\x05"
              "en_US\xCE"sv);
}

TEST(AmqpMethod, MethodsWithoutFieldsAreFourBytesLong) {
    EXPECT_EQ(text(frame_of(7, ChannelCloseOk{})), "\x01\0\x07\0\0\0\x04\0\x14\0\x29\xCE"sv);
    EXPECT_EQ(text(frame_of(7, Method(TxCommitOk{}))), "\x01\0\x07\0\0\0\x04\0\x5A\0\x15\xCE"sv);
}

TEST(AmqpMethod, HeartbeatIsEmptyOnChannelZero) {
    Bytes out;
    FrameWriter(out).heartbeat();
    EXPECT_EQ(text(out), "\x08\0\0\0\0\0\0\xCE"sv);
}

TEST(AmqpMethod, ExchangeUnbindOkIs51AndConfirmSelectIsClass85) {
    EXPECT_EQ(static_cast<std::uint32_t>(ExchangeUnbindOk::id), 40u << 16 | 51);
    EXPECT_EQ(static_cast<std::uint32_t>(ConfirmSelect::id), 85u << 16 | 10);
    EXPECT_EQ(static_cast<std::uint32_t>(BasicNack::id), 60u << 16 | 120);
    EXPECT_EQ(static_cast<std::uint32_t>(ConnectionUpdateSecretOk::id), 10u << 16 | 71);
}

TEST(AmqpMethod, NeighbouringBitsShareAnOctetFirstInBitZero) {
    const auto bits = [](const QueueDeclare& m) { return payload_of(m)[7]; };
    EXPECT_EQ(bits({.passive = true}), 1);
    EXPECT_EQ(bits({.durable = true}), 2);
    EXPECT_EQ(bits({.exclusive = true}), 4);
    EXPECT_EQ(bits({.auto_delete = true}), 8);
    EXPECT_EQ(bits({.no_wait = true}), 16);
    EXPECT_EQ(payload_of(QueueDeclare{}).size(), 12u);
    EXPECT_EQ(payload_of(BasicNack{.multiple = true, .requeue = true}).back(), 3);
}

TEST(AmqpMethod, UnusedBitsOfTheOctetAreIgnored) {
    Bytes payload = payload_of(BasicAck{.delivery_tag = 1, .multiple = false});
    payload.back() = 0xFE;
    const auto m = decode(payload);
    ASSERT_TRUE(m);
    EXPECT_FALSE(std::get<BasicAck>(*m).multiple);
}

TEST(AmqpMethod, EveryMethodRoundTripsWithRandomValues) {
    RandomValues values(seed);
    for_each_method([&]<class M>() {
        for (int i = 0; i < 50; ++i) {
            const M sent = values.make<M>();
            const Bytes payload = payload_of(sent);
            ASSERT_EQ(method_id(payload), M::id);
            const auto got = decode(payload);
            ASSERT_TRUE(got) << method_name(M::id) << ": " << got.error().message << ", seed " << seed;
            ASSERT_TRUE(std::holds_alternative<M>(*got)) << method_name(M::id);
            ASSERT_EQ(describe_fields(std::get<M>(*got)), describe_fields(sent))
                << method_name(M::id) << ", seed " << seed;
        }
    });
}

TEST(AmqpMethod, EveryMethodCutAnywhereIsAnErrorAndSoIsOneByteMore) {
    RandomValues values(seed);
    for_each_method([&]<class M>() {
        const Bytes payload = payload_of(values.make<M>());
        for (std::size_t size = 0; size < payload.size(); ++size) {
            // A copy of the exact size, so that a sanitizer sees any byte read behind it.
            const Bytes cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
            const auto got = decode(cut);
            ASSERT_FALSE(got) << method_name(M::id) << " at " << size;
            ASSERT_EQ(got.error().code, ErrorCode::malformed);
        }
        Bytes longer = payload;
        longer.push_back(0);
        ASSERT_FALSE(decode(longer)) << method_name(M::id);
    });
}

TEST(AmqpMethod, ErrorsNameTheMethod) {
    const Bytes cut{0, 60, 0, 40, 0};
    EXPECT_EQ(decode(cut).error().message, "basic.publish: arguments end early");
    const Bytes longer{0, 90, 0, 10, 0};
    EXPECT_EQ(decode(longer).error().message, "tx.select: bytes after the last argument");
}

TEST(AmqpMethod, UnknownMethodIsUnsupported_540) {
    const Bytes payload{0, 60, 0, 41};
    const auto got = decode(payload);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::unsupported);
    EXPECT_THAT(got.error().message, HasSubstr("no method 41 in class 60"));
}

TEST(AmqpMethod, AShortstrMayHold255BytesAndIsClippedBetweenCharacters) {
    const std::string full(255, 'x');
    EXPECT_EQ(std::get<ConnectionBlocked>(decode(payload_of(ConnectionBlocked{.reason = full})).value()).reason, full);
    EXPECT_EQ(clip_shortstr(full), full);
    EXPECT_EQ(clip_shortstr(full + "y"), full);
    const std::string accented = std::string(254, 'x') + "é";
    EXPECT_EQ(clip_shortstr(accented), std::string(254, 'x'));
    EXPECT_EQ(clip_shortstr(std::string(300, '\x80')).size(), 251u) << "not UTF-8 at all: it still ends";
}

TEST(AmqpMethodDeathTest, ALongerShortstrIsOurBug) {
    const std::string longer(256, 'x');
    EXPECT_DEATH((void)payload_of(ConnectionBlocked{.reason = longer}), "shortstr_size_max");
}

TEST(AmqpMethodInfo, EveryMethodIsInTheTableUnderItsOwnName) {
    std::set<std::string_view> names;
    for_each_method([&]<class M>() {
        const MethodInfo* info = find_method(M::id);
        ASSERT_NE(info, nullptr);
        EXPECT_EQ(info->id, M::id);
        EXPECT_EQ(info->has_content, M::has_content);
        EXPECT_TRUE(names.insert(info->name).second) << info->name;
    });
    EXPECT_EQ(names.size(), 66u);
    EXPECT_EQ(find_method(MethodId{}), nullptr);
    EXPECT_EQ(method_name(MethodId{60u << 16 | 41}), "unknown");
}

TEST(AmqpMethodInfo, OnlyPublishReturnDeliverAndGetOkCarryContent) {
    std::set<std::string_view> names;
    for_each_method([&]<class M>() {
        if (M::has_content) names.insert(method_name(M::id));
    });
    EXPECT_THAT(names, testing::ElementsAre("basic.deliver", "basic.get-ok", "basic.publish", "basic.return"));
}

TEST(AmqpMethodInfo, DirectionsAndRepliesAreTheSpecs) {
    EXPECT_EQ(find_method(MethodId::basic_publish)->direction, Direction::to_server);
    EXPECT_EQ(find_method(MethodId::basic_deliver)->direction, Direction::to_client);
    EXPECT_EQ(find_method(MethodId::basic_cancel)->direction, Direction::both);
    EXPECT_EQ(find_method(MethodId::basic_get)->replies,
              (std::array{MethodId::basic_get_ok, MethodId::basic_get_empty}));
    EXPECT_TRUE(find_method(MethodId::queue_declare)->synchronous());
    EXPECT_FALSE(find_method(MethodId::basic_recover_async)->synchronous());
}

TEST(AmqpProperties, HaveTheBytesOfTheSpec) {
    BasicProperties m{.content_type = "t/p", .delivery_mode = 2, .timestamp = 5};
    m.mark(BasicProperty::content_type);
    m.mark(BasicProperty::delivery_mode);
    m.mark(BasicProperty::timestamp);
    Bytes out;
    append_properties(out, m);
    EXPECT_EQ(text(out), "\x90\x40\x03t/p\x02\0\0\0\0\0\0\0\x05"sv);
}

TEST(AmqpProperties, RoundTripInAnyCombinationAndFailCutAnywhere) {
    RandomValues values(seed);
    for (int i = 0; i < 200; ++i) {
        const BasicProperties sent = values.make_properties();
        Bytes bytes;
        append_properties(bytes, sent);
        const auto got = decode_properties(bytes);
        ASSERT_TRUE(got) << got.error().message;
        ASSERT_EQ(got->flags, sent.flags);
        Bytes again;
        append_properties(again, *got);
        ASSERT_EQ(again, bytes) << "seed " << seed;
        for (std::size_t size = 1; size < bytes.size(); size += 1 + size / 16) {
            const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            ASSERT_FALSE(decode_properties(cut));
        }
        bytes.push_back(0);
        ASSERT_FALSE(decode_properties(bytes));
    }
}

TEST(AmqpProperties, AbsentOnesStayEmpty) {
    const Bytes flags{0x08, 0x00, 7};
    const auto m = decode_properties(flags);
    ASSERT_TRUE(m);
    EXPECT_TRUE(m->has(BasicProperty::priority));
    EXPECT_EQ(m->priority, 7);
    EXPECT_FALSE(m->has(BasicProperty::delivery_mode));
    EXPECT_TRUE(m->message_id.empty());
    EXPECT_EQ(decode_properties({}).value().flags, 0);
}

TEST(AmqpProperties, AFlagWithoutAPropertyIsAnError_502) {
    for (const std::uint8_t low : {1, 2, 3}) {
        const Bytes flags{0, low};
        EXPECT_EQ(decode_properties(flags).error().code, ErrorCode::malformed);
    }
}

}  // namespace
}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Envelopes: the bytes, every extension, forward compatibility, bad input.
#include "record/envelope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "record/random_input.hpp"

namespace fantail::record {
namespace {

using testing::ElementsAre;

const Bytes no_properties{0, 0};

Bytes encoded(const EnvelopeParts& parts) {
    Bytes out;
    encode_envelope(out, parts);
    return out;
}

EnvelopeParts full_parts() {
    return {.properties = no_properties,
            .exchange = "ex",
            .deaths = as_bytes("history"),
            .due_time = WallTime{0x0102},
            .dedup_id = as_bytes("id"),
            .delivery_count = 300,
            .group_key = as_bytes("group"),
            .origin = "amqp",
            .dedup_window_ms = 60'000};
}

TEST(Envelope, HasTheBytesOfItsFormatPage) {
    Bytes out{0xAA};
    encode_envelope(out, no_properties, "ex");
    EXPECT_THAT(out, ElementsAre(0xAA, 1, 2, 0, 0, 1, 2, 'e', 'x'));
    EXPECT_THAT(encoded({.properties = no_properties, .due_time = WallTime{0x0102}, .delivery_count = 300}),
                ElementsAre(1, 2, 0, 0, 3, 8, 0, 0, 0, 0, 0, 0, 1, 2, 5, 2, 0xAC, 2));
}

TEST(Envelope, TheDefaultExchangeTakesNoBytes) {
    Bytes out;
    encode_envelope(out, no_properties, "");
    EXPECT_THAT(out, ElementsAre(1, 2, 0, 0));
    const EnvelopeView view = EnvelopeView::parse(out).value();
    EXPECT_EQ(view.exchange(), "");
    EXPECT_THAT(view.properties(), ElementsAre(0, 0));
    EXPECT_EQ(view.delivery_count(), 0u);
    EXPECT_FALSE(view.due_time() || view.dedup_id() || view.group_key());
    EXPECT_TRUE(view.deaths().empty());
    EXPECT_EQ(view.origin(), "");
}

TEST(Envelope, BothEncodersAgree) {
    Bytes fast;
    encode_envelope(fast, no_properties, "ex");
    EXPECT_EQ(fast, encoded({.properties = no_properties, .exchange = "ex"}));
}

TEST(Envelope, EveryExtensionRoundTrips) {
    const Bytes bytes = encoded(full_parts());
    const EnvelopeView view = EnvelopeView::parse(bytes).value();
    EXPECT_EQ(view.exchange(), "ex");
    EXPECT_EQ(as_text(view.deaths()), "history");
    EXPECT_EQ(view.due_time(), WallTime{0x0102});
    EXPECT_EQ(as_text(view.dedup_id().value()), "id");
    EXPECT_EQ(view.delivery_count(), 300u);
    EXPECT_EQ(as_text(view.group_key().value()), "group");
    EXPECT_EQ(view.origin(), "amqp");
    EXPECT_EQ(view.dedup_window_ms(), 60'000u);
    EXPECT_EQ(encoded(view.parts()), bytes);
}

TEST(Envelope, ASetButEmptyGroupKeyOrDedupIdIsKept) {
    const Bytes bytes =
        encoded({.properties = no_properties, .dedup_id = ByteView{}, .delivery_count = 0, .group_key = ByteView{}});
    const EnvelopeView view = EnvelopeView::parse(bytes).value();
    EXPECT_TRUE(view.dedup_id().has_value());
    EXPECT_TRUE(view.group_key().has_value());
    EXPECT_EQ(encoded(view.parts()), bytes);
}

TEST(Envelope, PartsCanBeChangedAndEncodedAgain) {
    const Bytes bytes = encoded(full_parts());
    EnvelopeParts parts = EnvelopeView::parse(bytes).value().parts();
    parts.delivery_count = 301;
    parts.due_time.reset();
    const Bytes changed = encoded(parts);
    const EnvelopeView view = EnvelopeView::parse(changed).value();
    EXPECT_EQ(view.delivery_count(), 301u);
    EXPECT_FALSE(view.due_time().has_value());
    EXPECT_EQ(as_text(view.group_key().value()), "group");
}

TEST(Envelope, UnknownExtensionsOfALaterVersionSurvive) {
    Bytes bytes = encoded(full_parts());
    const Bytes later{9, 1, 'x', 0x80, 1, 0};
    bytes.insert(bytes.end(), later.begin(), later.end());
    const EnvelopeView view = EnvelopeView::parse(bytes).value();
    EXPECT_EQ(as_text(view.extension(static_cast<ExtensionTag>(9)).value()), "x");
    EXPECT_EQ(view.origin(), "amqp");
    EXPECT_EQ(encoded(view.parts()), bytes);
}

TEST(Envelope, ExtremeNumbersFit) {
    const Bytes bytes = encoded({.due_time = WallTime{std::numeric_limits<std::int64_t>::max()},
                                 .delivery_count = std::numeric_limits<std::uint64_t>::max()});
    const EnvelopeView view = EnvelopeView::parse(bytes).value();
    EXPECT_EQ(view.due_time()->ms, std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(view.delivery_count(), std::numeric_limits<std::uint64_t>::max());
    EXPECT_TRUE(view.properties().empty());
}

ErrorCode code_of(const Bytes& bytes) {
    const auto view = EnvelopeView::parse(bytes);
    EXPECT_FALSE(view.has_value());
    return view ? ErrorCode::internal : view.error().code;
}

TEST(Envelope, BadBytesAreRefused) {
    EXPECT_EQ(code_of({}), ErrorCode::malformed);
    EXPECT_EQ(code_of({2, 0}), ErrorCode::unsupported);
    EXPECT_EQ(code_of({1}), ErrorCode::malformed);
    EXPECT_EQ(code_of({1, 3, 0, 0}), ErrorCode::malformed) << "properties cut off";
    EXPECT_EQ(code_of({1, 0, 1}), ErrorCode::malformed) << "extension without size";
    EXPECT_EQ(code_of({1, 0, 1, 2, 'x'}), ErrorCode::malformed) << "extension cut off";
    EXPECT_EQ(code_of({1, 0, 0, 0}), ErrorCode::malformed) << "tag 0";
    EXPECT_EQ(code_of({1, 0, 4, 0, 4, 0}), ErrorCode::malformed) << "a tag twice";
    EXPECT_EQ(code_of({1, 0, 6, 0, 4, 0}), ErrorCode::malformed) << "tags descend";
    EXPECT_EQ(code_of({1, 0, 3, 1, 0}), ErrorCode::malformed) << "short due time";
    EXPECT_EQ(code_of({1, 0, 5, 0}), ErrorCode::malformed) << "empty delivery count";
    EXPECT_EQ(code_of({1, 0, 5, 2, 1, 1}), ErrorCode::malformed) << "long delivery count";
}

TEST(Envelope, ADueTimeNoWallClockCanShowIsRefused) {
    EXPECT_EQ(code_of({1, 0, 3, 8, 0x80, 0, 0, 0, 0, 0, 0, 0}), ErrorCode::malformed);
}

TEST(Envelope, WhatParsesAfterMutationCanBeReadAndEncodedAgain) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    const Bytes original = encoded(full_parts());
    int parsed = 0;
    for (int round = 0; round < 20'000; ++round) {
        Bytes bytes = original;
        random.mutate(bytes);
        const auto view = EnvelopeView::parse(bytes);
        if (!view) continue;
        ++parsed;
        const Bytes again = encoded(view->parts());
        const auto back = EnvelopeView::parse(again);
        ASSERT_TRUE(back.has_value());
        EXPECT_EQ(back->exchange(), view->exchange());
        EXPECT_EQ(back->due_time(), view->due_time());
        EXPECT_EQ(back->delivery_count(), view->delivery_count());
        EXPECT_EQ(back->origin(), view->origin());
    }
    EXPECT_GT(parsed, 1000);
}

}  // namespace
}  // namespace fantail::record

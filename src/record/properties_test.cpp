// SPDX-License-Identifier: Apache-2.0
//! Message properties: the bytes, round trips, scan against parse.
#include "record/properties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "record/random_input.hpp"

namespace fantail::record {
namespace {

using testing::ElementsAre;

Bytes encoded(const Properties& p) {
    Bytes out;
    p.encode(out);
    return out;
}

TEST(Properties, NoneIsTwoZeroBytes) {
    EXPECT_THAT(encoded({}), ElementsAre(0, 0));
    const auto none = Properties::parse(Bytes{0, 0});
    ASSERT_TRUE(none.has_value());
    EXPECT_FALSE(none->content_type || none->headers || none->delivery_mode || none->cluster_id);
}

TEST(Properties, HasTheBytesOfAmqp091_4_2_6_1) {
    Properties p;
    p.content_type = "a/b";
    p.delivery_mode = delivery_mode_persistent;
    p.timestamp = 0x0102;
    p.cluster_id = "";
    EXPECT_THAT(encoded(p), ElementsAre(0x90, 0x44, 3, 'a', '/', 'b', 2, 0, 0, 0, 0, 0, 0, 1, 2, 0));
}

struct FullProperties {
    FieldTableBuilder headers;
    Properties p;
    FullProperties() {
        headers.set_text("h", "v");
        p = {.content_type = "ct",
             .content_encoding = "ce",
             .headers = headers.view(),
             .delivery_mode = 2,
             .priority = 9,
             .correlation_id = "ci",
             .reply_to = "rt",
             .expiration = "100",
             .message_id = "mi",
             .timestamp = 1234,
             .type = "ty",
             .user_id = "ui",
             .app_id = "ai",
             .cluster_id = "cl"};
    }
};

TEST(Properties, EveryFieldRoundTrips) {
    const FullProperties full;
    const Bytes bytes = encoded(full.p);
    const Properties back = Properties::parse(bytes).value();
    EXPECT_EQ(back.content_type, "ct");
    EXPECT_EQ(back.content_encoding, "ce");
    EXPECT_EQ(back.headers->find("h")->as_text(), "v");
    EXPECT_EQ(back.delivery_mode, 2);
    EXPECT_EQ(back.priority, 9);
    EXPECT_EQ(back.correlation_id, "ci");
    EXPECT_EQ(back.reply_to, "rt");
    EXPECT_EQ(back.expiration, "100");
    EXPECT_EQ(back.message_id, "mi");
    EXPECT_EQ(back.timestamp, 1234u);
    EXPECT_EQ(back.type, "ty");
    EXPECT_EQ(back.user_id, "ui");
    EXPECT_EQ(back.app_id, "ai");
    EXPECT_EQ(back.cluster_id, "cl");
    EXPECT_EQ(encoded(back), bytes);
}

TEST(PropertyScan, ExtractsWhatTheHotPathNeeds) {
    const FullProperties full;
    const Bytes bytes = encoded(full.p);
    const PropertyScan scan = scan_properties(bytes).value();
    EXPECT_TRUE(scan.persistent());
    EXPECT_EQ(scan.priority, 9);
    EXPECT_EQ(scan.expiration, "100");
    EXPECT_EQ(scan.headers->find("h")->as_text(), "v");
    EXPECT_EQ(scan.user_id, "ui");
    EXPECT_EQ(scan.reply_to, "rt");
    EXPECT_EQ(scan.message_id, "mi");
    EXPECT_FALSE(scan_properties(Bytes{0, 0})->persistent());
}

TEST(Properties, EveryCutAndEveryAddedByteIsMalformed) {
    const FullProperties full;
    Bytes bytes = encoded(full.p);
    bytes.push_back(0);
    for (std::size_t n = 0; n <= bytes.size(); ++n) {
        if (n == bytes.size() - 1) continue;
        const Bytes wrong(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
        EXPECT_EQ(Properties::parse(wrong).error().code, ErrorCode::malformed) << n;
        EXPECT_EQ(scan_properties(wrong).error().code, ErrorCode::malformed) << n;
    }
}

TEST(Properties, FlagsOfNoPropertyAreMalformed) {
    for (const Bytes& bytes : {Bytes{0, 1, 0, 0}, Bytes{0, 2}, Bytes{0, 3}}) {
        EXPECT_EQ(Properties::parse(bytes).error().code, ErrorCode::malformed);
        EXPECT_EQ(scan_properties(bytes).error().code, ErrorCode::malformed);
    }
}

TEST(Properties, HeadersAreValidatedAtEveryDepth) {
    Bytes content;
    for (unsigned i = 0; i < field_table_depth_max; ++i) {
        FieldTableBuilder outer;
        outer.set_table("t", FieldTableView(content));
        content = outer.take();
    }
    Properties deep;
    deep.headers = FieldTableView(content);
    EXPECT_EQ(Properties::parse(encoded(deep)).error().code, ErrorCode::too_large);
    EXPECT_EQ(scan_properties(encoded(deep)).error().code, ErrorCode::too_large);
    const Bytes bad_tag{1, 'n', '?'};
    deep.headers = FieldTableView(bad_tag);
    EXPECT_EQ(Properties::parse(encoded(deep)).error().code, ErrorCode::malformed);
    EXPECT_EQ(scan_properties(encoded(deep)).error().code, ErrorCode::malformed);
}

TEST(Properties, TextsOf255BytesFitAndLongerAreOurBug) {
    const std::string longest(property_text_size_max, 'x'), longer(property_text_size_max + 1, 'x');
    Properties p;
    p.app_id = longest;
    EXPECT_EQ(Properties::parse(encoded(p))->app_id->size(), property_text_size_max);
    p.app_id = longer;
    EXPECT_DEATH(encoded(p), "assertion failed");
}

TEST(Expiration, IsDigitsUpTo32Bits) {
    EXPECT_EQ(parse_expiration("0").value(), 0u);
    EXPECT_EQ(parse_expiration("60000").value(), 60'000u);
    EXPECT_EQ(parse_expiration("4294967295").value(), expiration_ms_max);
    for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "4294967296", "99999999999999999999999"}) {
        EXPECT_EQ(parse_expiration(bad).error().code, ErrorCode::precondition_failed) << bad;
    }
}

Bytes random_properties(RandomInput& random) {
    std::string texts[10];
    for (auto& t : texts) t = random.text(12);
    FieldTableBuilder headers;
    for (std::size_t n = random.upto(4); n > 0; --n)
        headers.set_int(random.text(5), static_cast<std::int64_t>(random.any()));
    Properties p;
    std::optional<std::string_view>* const fields[] = {
        &p.content_type, &p.content_encoding, &p.correlation_id, &p.reply_to,  &p.expiration, &p.message_id,
        &p.type,         &p.user_id,          &p.app_id,         &p.cluster_id};
    for (std::size_t i = 0; i < std::size(fields); ++i) {
        if (random.chance(2)) *fields[i] = texts[i];
    }
    if (random.chance(2)) p.headers = headers.view();
    if (random.chance(2)) p.delivery_mode = static_cast<std::uint8_t>(random.any());
    if (random.chance(2)) p.priority = static_cast<std::uint8_t>(random.any());
    if (random.chance(2)) p.timestamp = random.any();
    return encoded(p);
}

bool same_place(const std::optional<FieldTableView>& a, const std::optional<FieldTableView>& b) {
    return a.has_value() == b.has_value() &&
           (!a || (a->bytes().data() == b->bytes().data() && a->bytes().size() == b->bytes().size()));
}

TEST(PropertyScan, AgreesWithParseOnWhateverBytes) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    int good = 0, bad = 0;
    for (int round = 0; round < 20'000; ++round) {
        Bytes bytes = random_properties(random);
        if (random.chance(2)) random.mutate(bytes);
        const auto parsed = Properties::parse(bytes);
        const auto scan = scan_properties(bytes);
        ASSERT_EQ(parsed.has_value(), scan.has_value());
        if (!parsed) {
            EXPECT_EQ(parsed.error().code, scan.error().code);
            ++bad;
            continue;
        }
        ++good;
        EXPECT_EQ(parsed->delivery_mode, scan->delivery_mode);
        EXPECT_EQ(parsed->priority, scan->priority);
        EXPECT_EQ(parsed->expiration, scan->expiration);
        EXPECT_EQ(parsed->user_id, scan->user_id);
        EXPECT_EQ(parsed->reply_to, scan->reply_to);
        EXPECT_EQ(parsed->message_id, scan->message_id);
        EXPECT_TRUE(same_place(parsed->headers, scan->headers));
        EXPECT_EQ(encoded(*parsed), bytes) << "there is one encoding";
    }
    EXPECT_GT(good, 1000);
    EXPECT_GT(bad, 1000);
}

}  // namespace
}  // namespace fantail::record

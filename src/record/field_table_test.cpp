// SPDX-License-Identifier: Apache-2.0
//! Field tables: every tag, nesting, equality, editing, bad input.
#include "record/field_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "record/random_input.hpp"

namespace fantail::record {
namespace {

using testing::ElementsAre;

template <class T>
Bytes be(T v) {
    Bytes out(sizeof v);
    store_be(out.data(), v);
    return out;
}

/// The encoding of one entry named `n`.
Bytes entry(char tag, ByteView payload) {
    Bytes out{1, 'n', static_cast<std::uint8_t>(tag)};
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
}

FieldValueView value_in(const Bytes& table) { return FieldTableView(table).find("n").value(); }

TEST(FieldValue, IntegerTagsMeanWhatRabbitMqMakesOfThem) {
    struct Case {
        char tag;
        Bytes payload;
        std::int64_t value;
    };
    const Case cases[] = {
        {'b', {0xFF}, -1},
        {'B', {0xFF}, 255},
        {'s', {0xFF, 0xFE}, -2},
        {'u', {0xFF, 0xFE}, 65534},
        {'I', {0xFF, 0xFF, 0xFF, 0xFD}, -3},
        {'i', {0xFF, 0xFF, 0xFF, 0xFD}, 4294967293},
        {'l', Bytes(8, 0xFF), -1},
        {'L', {0x80, 0, 0, 0, 0, 0, 0, 0}, std::numeric_limits<std::int64_t>::min()},
    };
    for (const Case& c : cases) {
        const Bytes table = entry(c.tag, c.payload);
        EXPECT_TRUE(validate(FieldTableView(table)).has_value()) << c.tag;
        const FieldValueView v = value_in(table);
        EXPECT_EQ(v.as_int(), c.value) << c.tag;
        EXPECT_EQ(static_cast<char>(v.tag()), c.tag);
        EXPECT_FALSE(v.as_text() || v.as_bool() || v.as_double() || v.as_timestamp() || v.as_table()) << c.tag;
    }
}

TEST(FieldValue, OtherTagsDecode) {
    EXPECT_EQ(value_in(entry('t', Bytes{2})).as_bool(), true);
    EXPECT_EQ(value_in(entry('t', Bytes{0})).as_bool(), false);
    const Bytes f = entry('f', be(0x3FC00000u)), d = entry('d', be<std::uint64_t>(0xC004000000000000ull));
    EXPECT_EQ(value_in(f).as_double(), 1.5);
    EXPECT_EQ(value_in(d).as_double(), -2.5);
    const Bytes decimal = entry('D', Bytes{2, 0, 0, 1, 0});
    EXPECT_EQ(value_in(decimal).as_decimal(), (Decimal{2, 256}));
    const Bytes time = entry('T', be<std::uint64_t>(1'700'000'000));
    EXPECT_EQ(value_in(time).as_timestamp(), 1'700'000'000u);
    EXPECT_FALSE(value_in(time).as_int().has_value());
    const Bytes text = entry('S', Bytes{0, 0, 0, 2, 'h', 'i'}), binary = entry('x', Bytes{0, 0, 0, 1, 0});
    EXPECT_EQ(value_in(text).as_text(), "hi");
    EXPECT_THAT(value_in(binary).as_binary().value(), ElementsAre(0));
    EXPECT_FALSE(value_in(binary).as_text().has_value());
    EXPECT_TRUE(value_in(entry('V', {})).is_nothing());
}

TEST(FieldValue, TablesAndArraysNest) {
    FieldArrayBuilder array;
    FieldTableBuilder inner, outer;
    inner.set_int("deep", 7);
    array.add_text("a");
    array.add_int(-1);
    array.add_table(inner.view());
    outer.set_array("list", array.view());
    outer.set_table("table", inner.view());
    ASSERT_TRUE(validate(outer.view()).has_value());
    EXPECT_EQ(outer.view().find("table")->as_table()->find("deep")->as_int(), 7);
    FieldArrayCursor values = outer.view().find("list")->as_array()->values();
    FieldValueView v;
    ASSERT_TRUE(values.next(v));
    EXPECT_EQ(v.as_text(), "a");
    ASSERT_TRUE(values.next(v));
    EXPECT_EQ(v.as_int(), -1);
    ASSERT_TRUE(values.next(v));
    EXPECT_EQ(v.as_table()->find("deep")->as_int(), 7);
    EXPECT_FALSE(values.next(v));
    EXPECT_FALSE(values.failed());
}

TEST(FieldTable, UnknownTagsAreMalformed) {
    const std::string known = "tbBsuIilLfdDSxATFV";
    for (int tag = 0; tag < 256; ++tag) {
        const bool is_known = known.find(static_cast<char>(tag)) != std::string::npos;
        const Bytes enough = entry(static_cast<char>(tag), Bytes{0, 0, 0, 0, 0, 0, 0, 0});
        FieldCursor cursor{ByteView(enough)};
        FieldEntry e;
        EXPECT_EQ(cursor.next(e), is_known) << tag;
        EXPECT_EQ(cursor.failed(), !is_known) << tag;
        if (is_known) continue;
        EXPECT_EQ(validate(FieldTableView(enough)).error().code, ErrorCode::malformed) << tag;
    }
}

FieldTableBuilder every_kind() {
    FieldTableBuilder b;
    b.set_text("text", "v");
    b.set_binary("binary", Bytes{1, 2});
    b.set_int("int", -5);
    b.set_bool("bool", true);
    b.set_double("double", 0.5);
    b.set_timestamp("time", 9);
    b.set_nothing("nothing");
    b.set("decimal", FieldValueView(FieldTag::decimal, Bytes{1, 0, 0, 0, 9}));
    FieldTableBuilder inner;
    inner.set_text("x", "y");
    b.set_table("table", inner.view());
    FieldArrayBuilder array;
    array.add_int(3);
    b.set_array("array", array.view());
    return b;
}

TEST(FieldTable, EveryCutIsMalformedUnlessBetweenEntries) {
    const Bytes whole = every_kind().take();
    std::vector<std::size_t> ends{0};
    FieldCursor cursor{ByteView(whole)};
    FieldEntry e;
    while (cursor.next(e)) ends.push_back(whole.size() - cursor.rest().size());
    ASSERT_EQ(ends.size(), 11u);
    for (std::size_t n = 0; n <= whole.size(); ++n) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        EXPECT_EQ(validate(FieldTableView(cut)).has_value(), std::ranges::count(ends, n) == 1) << "cut at " << n;
    }
}

Bytes nested(unsigned depth, bool arrays) {
    Bytes content;
    for (unsigned i = 1; i < depth; ++i) {
        FieldTableBuilder outer;
        FieldArrayBuilder array;
        if (arrays && i + 1 < depth) {
            array.add(FieldValueView(i == 1 ? FieldTag::table : FieldTag::array, content));
            content.assign(array.view().bytes().begin(), array.view().bytes().end());
            continue;
        }
        outer.set(("n"), FieldValueView(arrays ? FieldTag::array : FieldTag::table, content));
        content = outer.take();
    }
    return content;
}

TEST(FieldTable, NestingIsBoundedAtDepth32) {
    for (const bool arrays : {false, true}) {
        EXPECT_TRUE(validate(FieldTableView(nested(field_table_depth_max, arrays))).has_value()) << arrays;
        const auto deeper = validate(FieldTableView(nested(field_table_depth_max + 1, arrays)));
        ASSERT_FALSE(deeper.has_value()) << arrays;
        EXPECT_EQ(deeper.error().code, ErrorCode::too_large);
    }
    EXPECT_TRUE(validate(FieldTableView{}, 1).has_value());
    EXPECT_FALSE(validate(FieldTableView(nested(2, false)), 1).has_value());
}

bool equal(const FieldValueView& a, const FieldValueView& b) {
    EXPECT_EQ(a.equals(b), b.equals(a)) << "equality is symmetric";
    return a.equals(b);
}

TEST(FieldValue, NumbersAreEqualWhateverTheirWidth) {
    const Bytes b5{5}, s5 = be<std::int16_t>(5), l5 = be<std::int64_t>(5),
                       d5 = be<std::uint64_t>(0x4014000000000000ull);
    const FieldValueView values[] = {{FieldTag::int8, b5},   {FieldTag::uint8, b5},       {FieldTag::int16, s5},
                                     {FieldTag::int64, l5},  {FieldTag::int64_alias, l5}, {FieldTag::timestamp, l5},
                                     {FieldTag::float64, d5}};
    for (const auto& a : values) {
        for (const auto& b : values) EXPECT_TRUE(equal(a, b));
    }
    const Bytes ff{0xFF};
    EXPECT_FALSE(equal({FieldTag::int8, ff}, {FieldTag::uint8, ff}));
    EXPECT_FALSE(equal({FieldTag::int8, b5}, {FieldTag::text, as_bytes("5")}));
    EXPECT_FALSE(equal({FieldTag::boolean, Bytes{1}}, {FieldTag::int8, Bytes{1}}));
}

TEST(FieldValue, LargeNumbersCompareWithoutRounding) {
    const auto real = [](double v) { return be(std::bit_cast<std::uint64_t>(v)); };
    const Bytes two53 = be<std::int64_t>((std::int64_t{1} << 53) + 1), as_real = real(0x1p53);
    EXPECT_FALSE(equal({FieldTag::int64, two53}, {FieldTag::float64, as_real}));
    const Bytes top = be<std::uint64_t>(std::uint64_t{1} << 63), bottom = be(std::numeric_limits<std::int64_t>::min());
    const Bytes top_real = real(0x1p63), bottom_real = real(-0x1p63), beyond = real(0x1p64);
    EXPECT_TRUE(equal({FieldTag::timestamp, top}, {FieldTag::float64, top_real}));
    EXPECT_FALSE(equal({FieldTag::timestamp, top}, {FieldTag::int64, bottom}));
    EXPECT_TRUE(equal({FieldTag::int64, bottom}, {FieldTag::float64, bottom_real}));
    EXPECT_FALSE(equal({FieldTag::timestamp, top}, {FieldTag::float64, beyond}));
    const Bytes nan = real(std::nan("")), half = real(0.5), half_single = be(0x3F000000u);
    EXPECT_FALSE(equal({FieldTag::float64, nan}, {FieldTag::float64, nan}));
    EXPECT_TRUE(equal({FieldTag::float64, half}, {FieldTag::float32, half_single}));
}

TEST(FieldValue, TextEqualsBinaryOfTheSameBytes) {
    EXPECT_TRUE(equal({FieldTag::text, as_bytes("ab")}, {FieldTag::binary, as_bytes("ab")}));
    EXPECT_FALSE(equal({FieldTag::text, as_bytes("ab")}, {FieldTag::text, as_bytes("aB")}));
    EXPECT_TRUE(equal({FieldTag::boolean, Bytes{1}}, {FieldTag::boolean, Bytes{7}}));
    EXPECT_TRUE(equal({}, {}));
    EXPECT_FALSE(equal({}, {FieldTag::text, {}}));
    EXPECT_FALSE(equal({FieldTag::decimal, Bytes{0, 0, 0, 0, 1}}, {FieldTag::int8, Bytes{1}}));
}

TEST(FieldValue, CompositesAreEqualElementByElement) {
    FieldTableBuilder one, wide, longer;
    one.set("n", FieldValueView(FieldTag::int8, Bytes{5}));
    wide.set_int("n", 5);
    longer.set_int("n", 5);
    longer.set_int("m", 5);
    const auto table = [](const FieldTableBuilder& b) { return FieldValueView(FieldTag::table, b.view().bytes()); };
    EXPECT_TRUE(equal(table(one), table(wide)));
    EXPECT_FALSE(equal(table(wide), table(longer)));
    FieldArrayBuilder a, b;
    a.add(FieldValueView(FieldTag::int8, Bytes{5}));
    b.add_int(5);
    const auto array = [](const FieldArrayBuilder& x) { return FieldValueView(FieldTag::array, x.view().bytes()); };
    EXPECT_TRUE(equal(array(a), array(b)));
    b.add_int(6);
    EXPECT_FALSE(equal(array(a), array(b)));
    EXPECT_FALSE(equal(array(b), table(wide)));
}

TEST(FieldTableBuilder, SetReplacesAndEraseRemoves) {
    FieldTableBuilder b = every_kind();
    b.set_text("int", "now text");
    EXPECT_EQ(b.view().find("int")->as_text(), "now text");
    EXPECT_TRUE(b.erase("int"));
    EXPECT_FALSE(b.erase("int"));
    EXPECT_FALSE(b.view().find("int").has_value());
    EXPECT_EQ(b.view().find("double")->as_double(), 0.5);
    EXPECT_TRUE(validate(b.view()).has_value());
}

TEST(FieldTableBuilder, EraseRemovesEveryEntryOfAName) {
    Bytes twice = entry('B', Bytes{1});
    const Bytes again = entry('B', Bytes{2});
    twice.insert(twice.end(), again.begin(), again.end());
    EXPECT_EQ(value_in(twice).as_int(), 1) << "the first of a name is found";
    FieldTableBuilder b{FieldTableView(twice)};
    EXPECT_TRUE(b.erase("n"));
    EXPECT_TRUE(b.view().empty());
}

TEST(FieldTableBuilder, CopyMergesAndEncodePrefixesTheLength) {
    FieldTableBuilder a, b;
    a.set_int("kept", 1);
    a.set_int("changed", 2);
    b.set_int("changed", 3);
    a.copy(b.view());
    EXPECT_EQ(a.view().find("kept")->as_int(), 1);
    EXPECT_EQ(a.view().find("changed")->as_int(), 3);
    Bytes out;
    a.encode(out);
    Reader in(out);
    EXPECT_EQ(in.take(in.u32()).size(), a.view().bytes().size());
    EXPECT_TRUE(in.done());
}

TEST(FieldTable, NamesUpTo255BytesAndEmptyOnesWork) {
    FieldTableBuilder b;
    const std::string longest(field_name_size_max, 'n');
    b.set_int(longest, 1);
    b.set_int("", 2);
    ASSERT_TRUE(validate(b.view()).has_value());
    EXPECT_EQ(b.view().find(longest)->as_int(), 1);
    EXPECT_EQ(b.view().find("")->as_int(), 2);
    EXPECT_DEATH(b.set_int(longest + "n", 1), "assertion failed");
}

void walk(FieldTableView table);
void walk_value(const FieldValueView& v) {
    (void)v.as_int(), (void)v.as_double(), (void)v.as_timestamp(), (void)v.as_decimal();
    (void)v.equals(v);
    if (const auto t = v.as_table()) walk(*t);
    if (const auto a = v.as_array()) {
        FieldArrayCursor values = a->values();
        FieldValueView element;
        while (values.next(element)) walk_value(element);
        EXPECT_FALSE(values.failed());
    }
}
/// Walks a table that validate() accepted: nothing in it may fail.
void walk(FieldTableView table) {
    FieldCursor cursor = table.entries();
    FieldEntry e;
    while (cursor.next(e)) walk_value(e.value);
    EXPECT_FALSE(cursor.failed());
}

TEST(FieldTable, WhatValidatesCanBeWalkedWhateverWasMutated) {
    RandomInput random;
    SCOPED_TRACE(random.trace());
    const Bytes original = every_kind().take();
    int valid = 0;
    for (int round = 0; round < 20'000; ++round) {
        Bytes bytes = original;
        random.mutate(bytes);
        if (!validate(FieldTableView(bytes))) continue;
        ++valid;
        walk(FieldTableView(bytes));
        FieldTableBuilder copy;
        copy.copy(FieldTableView(bytes));
        EXPECT_TRUE(validate(copy.view()).has_value());
    }
    EXPECT_GT(valid, 100) << "the mutation must leave some tables valid";
}

}  // namespace
}  // namespace fantail::record

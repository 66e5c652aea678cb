// SPDX-License-Identifier: Apache-2.0
//! Patterns of names: what matches, what is refused, and that none takes for ever.
#include "broker/name_pattern.hpp"

#include <gtest/gtest.h>

namespace fantail::broker {
namespace {

TEST(NamePattern, AMatchThatNeedsTooManyStepsIsNoneAndSoon) {
    for (const char* evil : {"^([a-z]+-?)*$", "^(a+)+$", "(a|aa)+$", "^(.*a){20}$"}) {
        const NamePattern pattern = NamePattern::compile(evil).value();
        EXPECT_FALSE(pattern.matches(std::string(250, 'a') + "!")) << evil;  // for ever, if every way were tried
    }
    EXPECT_TRUE(NamePattern::compile("^([a-z]+-?)*$").value().matches("orders-eu"));
}

TEST(NamePattern, LooksAheadAsRabbitMqsDo) {
    const NamePattern pattern = NamePattern::compile("^(?!amq\\.).*").value();
    EXPECT_TRUE(pattern.matches("orders"));
    EXPECT_FALSE(pattern.matches("amq.topic"));
}

TEST(NamePattern, RefusesWhatIsNoExpression) {
    for (const char* bad : {"(", "[a", "a{2,1}", "*"})
        EXPECT_EQ(NamePattern::compile(bad).error().code, ErrorCode::malformed) << bad;
    EXPECT_EQ(NamePattern::compile(std::string(2000, 'a')).error().code, ErrorCode::malformed);
    EXPECT_TRUE(NamePattern::compile("^amq\\.").value().matches("amq.topic"));
    EXPECT_FALSE(NamePattern::compile("^amq\\.").value().matches("amqtopic"));
}

}  // namespace
}  // namespace fantail::broker

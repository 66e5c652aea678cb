// SPDX-License-Identifier: Apache-2.0
//! RareText: size, copies.
#include "base/rare_text.hpp"

#include <gtest/gtest.h>

namespace fantail {
namespace {

TEST(RareText, TakesAPointerAndReadsLikeAString) {
    EXPECT_EQ(sizeof(RareText), sizeof(void*));
    EXPECT_EQ(RareText(), "");
    EXPECT_TRUE(RareText(std::string()).empty());
    EXPECT_EQ(RareText(std::string("policy")), "policy");
}

TEST(RareText, CopiesAreIndependent) {
    RareText first(std::string("a"));
    const RareText second = first;
    first = std::string("b");
    EXPECT_EQ(second, "a");
    EXPECT_EQ(first, "b");
    EXPECT_NE(first, second);
}

}  // namespace
}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! What the operator hears of refused logins.
#include "server/auth/login_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace fantail::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Scene {
    std::vector<std::string> lines;
    MonoTime now{0};
    LoginLog log{[this](const std::string& line) { lines.push_back(line); }, [this] { return now; }};
    broker::UserDefinition alice{.name = "alice"};
    protocols::PeerInfo peer{.address = "10.0.0.7:4711"};
};

TEST(LoginLog, NamesUserAndAddress) {
    Scene s;
    EXPECT_FALSE(std::get<bool>(s.log.watched(false, &s.alice, s.peer)));
    EXPECT_FALSE(std::get<bool>(s.log.watched(false, nullptr, s.peer)));
    EXPECT_THAT(s.lines, ElementsAre("login refused of user 'alice' from 10.0.0.7:4711",
                                     "login refused of an unknown user from 10.0.0.7:4711"));
}

TEST(LoginLog, SaysNothingOfWhoGetsIn) {
    Scene s;
    EXPECT_TRUE(std::get<bool>(s.log.watched(true, &s.alice, s.peer)));
    auto slow = s.log.watched([] { return true; }, &s.alice, s.peer);
    EXPECT_TRUE(std::get<std::move_only_function<bool()>>(slow)());
    EXPECT_THAT(s.lines, IsEmpty());
}

TEST(LoginLog, WaitsForWhatIsStillCalculated) {
    Scene s;
    auto slow = s.log.watched([] { return false; }, &s.alice, s.peer);
    EXPECT_THAT(s.lines, IsEmpty());
    EXPECT_FALSE(std::get<std::move_only_function<bool()>>(slow)());
    EXPECT_EQ(s.lines.size(), 1u);
}

TEST(LoginLog, WritesTenLinesASecondAndThenHowManyThereWere) {
    Scene s;
    for (int i = 0; i < 100; ++i) (void)s.log.watched(false, &s.alice, s.peer);
    EXPECT_EQ(s.lines.size(), LoginLog::lines_a_second);
    s.now = s.now.plus_ms(1000);
    (void)s.log.watched(false, &s.alice, s.peer);
    EXPECT_EQ(s.lines.back(), "login refused of user 'alice' from 10.0.0.7:4711, and 90 before it");
}

}  // namespace
}  // namespace fantail::server

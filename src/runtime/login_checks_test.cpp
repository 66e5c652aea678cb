// SPDX-License-Identifier: Apache-2.0
//! Which logins are calculated, in which order, and what the others get.
#include "runtime/login_checks.hpp"

#include <gmock/gmock.h>

#include <set>

#include "base/limits.hpp"

namespace fantail::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Calculates only when told to.
class FakeMachine final : public Machine {
public:
    [[nodiscard]] Now now() const override { return {}; }
    std::size_t poll() override { return 0; }
    std::size_t wait(MonoTime) override { return 0; }
    void wake() noexcept override {}
    void defer(std::move_only_function<void()>) override {}
    void calculate(std::move_only_function<void()> work, std::move_only_function<void()> done) override {
        under_way.push_back({std::move(work), std::move(done)});
    }
    [[nodiscard]] sys::Files& files() override { std::abort(); }
    [[nodiscard]] std::size_t files_under_way() const override { return 0; }
    [[nodiscard]] unsigned processors() const override { return 1; }
    [[nodiscard]] std::uint64_t random_seed() override { return 1; }

    void finish_one() {
        auto [work, done] = std::move(under_way.front());
        under_way.pop_front();
        work();
        done();
    }
    std::deque<std::pair<std::move_only_function<void()>, std::move_only_function<void()>>> under_way;
};

class Logins : public testing::Test {
protected:
    static LoginCheck calculated(bool good) {
        return [good] { return good; };
    }
    void begin(std::uint64_t connection, LoginCheck check) {
        checks_.begin({ConnectionId(connection), RequestId(connection + 1000)}, std::move(check));
    }
    static std::string text_of(ConnectionId to, const broker::LoginChecked& answer) {
        EXPECT_EQ(answer.request, RequestId(to.value + 1000));
        const bool wrong = !answer.outcome && answer.outcome.error().code == ErrorCode::not_authenticated;
        return std::to_string(to.value) + (answer.outcome ? " good" : wrong ? " wrong" : " busy");
    }

    FakeMachine machine_;
    std::set<ConnectionId> gone_;
    std::vector<std::string> answers_;
    LoginChecks checks_{
        machine_,
        {.is_there = [this](ConnectionId id) { return !gone_.contains(id); },
         .answer = [this](ConnectionId to,
                          const broker::LoginChecked& answer) { answers_.push_back(text_of(to, answer)); }}};
};

TEST_F(Logins, WhatIsKnownIsAnsweredAtOnceThoughOthersWait) {
    begin(1, calculated(false));
    begin(2, calculated(false));
    begin(3, true);
    begin(4, false);
    EXPECT_THAT(answers_, ElementsAre("3 good", "4 wrong"));
}

TEST_F(Logins, TheRestIsCalculatedOneByOneInOrder) {
    begin(1, calculated(true));
    begin(2, calculated(false));
    begin(3, calculated(true));
    while (!machine_.under_way.empty()) {
        EXPECT_THAT(machine_.under_way, SizeIs(1));
        machine_.finish_one();
    }
    EXPECT_THAT(answers_, ElementsAre("1 good", "2 wrong", "3 good"));
}

TEST_F(Logins, NothingIsCalculatedForWhoHasGone) {
    begin(1, calculated(true));
    begin(2, calculated(true));
    begin(3, calculated(true));
    gone_ = {ConnectionId(2)};
    machine_.finish_one();
    machine_.finish_one();
    EXPECT_THAT(machine_.under_way, IsEmpty());
    EXPECT_THAT(answers_, ElementsAre("1 good", "3 good"));
}

TEST_F(Logins, ACrowdIsTurnedAwayAboveTheBoundAndLetInAgainBelowIt) {
    const std::uint64_t room = limits::login_checks_waiting_max + 1;  // one is being calculated
    for (std::uint64_t i = 1; i <= room; ++i) begin(i, calculated(false));
    EXPECT_THAT(answers_, IsEmpty());
    begin(room + 1, calculated(true));
    EXPECT_THAT(answers_, ElementsAre(std::to_string(room + 1) + " busy"));
    begin(room + 2, true);
    EXPECT_EQ(answers_.back(), std::to_string(room + 2) + " good") << "who is known needs no place";
    machine_.finish_one();
    begin(room + 3, calculated(true));
    while (!machine_.under_way.empty()) machine_.finish_one();
    EXPECT_EQ(answers_.back(), std::to_string(room + 3) + " good");
}

}  // namespace
}  // namespace fantail::runtime

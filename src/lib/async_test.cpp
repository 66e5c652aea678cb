// SPDX-License-Identifier: Apache-2.0
//! Sockets in coroutines, and the loop.
#include "fantail/async.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "fantail/fantail.hpp"
#include "sys/process.hpp"

namespace fantail {
namespace {

using namespace std::chrono_literals;

/// A push and a pull of one loop; the pull reads two messages ahead, the push keeps two.
struct Scene {
    static options small() {
        options settings;
        settings.send_high_water = settings.receive_high_water = 2;
        settings.kernel_send_buffer = settings.kernel_receive_buffer = 64 << 10;
        return settings;
    }
    push sender{small()};
    pull receiver{small()};
    loop machine;
    async<push> out{sender, machine};
    async<pull> in{receiver, machine};
    std::vector<std::string> told;
    Scene() { EXPECT_TRUE(sender.connect(*receiver.bind("tcp://127.0.0.1:*"))); }
    task<> put(std::string text) {
        message m(text);
        auto sent = co_await out.send(std::move(m), 5s);
        EXPECT_TRUE(sent);
    }
    task<> tell_received(int count) {
        for (int i = 0; i < count; ++i) {
            auto m = co_await in.receive(5s);
            told.push_back(m ? std::string(m->text()) : m.error().text());
        }
    }
};

TEST(Async, WaitsForAMessageWithoutHoldingUpOthers) {
    Scene scene;
    scene.machine.spawn(scene.tell_received(1));
    scene.machine.spawn([](Scene& s) -> task<> {
        s.told.emplace_back("before");
        co_await s.machine.sleep(20ms);
        co_await s.put("message");
    }(scene));
    scene.machine.run();
    EXPECT_EQ(scene.told, (std::vector<std::string>{"before", "message"}));
}

TEST(Async, SaysTimedOutAfterItsTimeAndWouldBlockWithout) {
    Scene scene;
    scene.machine.spawn([](Scene& s) -> task<> {
        const auto begun = std::chrono::steady_clock::now();
        auto late = co_await s.in.receive(30ms);
        EXPECT_EQ(late.error().code(), errc::timed_out);
        EXPECT_GE(std::chrono::steady_clock::now() - begun, 30ms);
        auto none = co_await s.in.receive(0ms);
        EXPECT_EQ(none.error().code(), errc::would_block);
    }(scene));
    scene.machine.run();
}

TEST(Async, SendsOnWhenThereIsRoomAgain) {
    Scene scene;
    constexpr int count = 200;
    scene.machine.spawn([](Scene& s) -> task<> {
        for (int i = 0; i < count; ++i) co_await s.put(std::string(50'000, 'x'));
    }(scene));
    scene.machine.spawn([](Scene& s) -> task<> {
        co_await s.machine.sleep(20ms);  // the sender has filled everything by now
        for (int i = 0; i < count; ++i) {
            auto m = co_await s.in.receive(5s);
            EXPECT_TRUE(m.ok() && m->bytes_total() == 50'000u) << i;
        }
        s.told.emplace_back("all");
    }(scene));
    scene.machine.run();
    EXPECT_EQ(scene.told.size(), 1u);
}

TEST(Async, LeavesAMessageThatWasNotSentWithItsOwner) {
    push alone;
    loop machine;
    async<push> out(alone, machine);
    machine.spawn([](async<push>& to) -> task<> {
        message m("kept");
        auto sent = co_await to.send(std::move(m), 10ms);
        EXPECT_EQ(sent.error().code(), errc::timed_out);
        EXPECT_EQ(m.text(), "kept");
    }(out));
    machine.run();
}

TEST(Async, WakesEveryoneWhoWaitsInOneSocketInTurn) {
    Scene scene;
    for (int i = 0; i < 3; ++i) scene.machine.spawn(scene.tell_received(1));
    scene.machine.spawn([](Scene& s) -> task<> {
        for (const char* each : {"1", "2", "3"}) co_await s.put(each);
    }(scene));
    scene.machine.run();
    EXPECT_EQ(scene.told.size(), 3u);
    for (const std::string& each : scene.told) EXPECT_EQ(each.size(), 1u) << each;
}

TEST(Async, DoesNotSpinOverWhatNobodyReceivesWhileItWaitsToSend) {
    options settings = Scene::small();
    pair talks(settings), reads_nothing(settings);
    ASSERT_TRUE(reads_nothing.connect(*talks.bind("tcp://127.0.0.1:*")));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(reads_nothing.send("unread", 5s));
    loop machine;
    async<pair> out(talks, machine);
    machine.spawn([](async<pair>& to) -> task<> {
        auto sent = result<void>();
        while (sent) {
            message m(std::string(100'000, 'x'));
            sent = co_await to.send(std::move(m), 200ms);
        }
        EXPECT_EQ(sent.error().code(), errc::timed_out);
    }(out));
    const std::int64_t before = sys::cpu_time_ns();
    machine.run();
    EXPECT_LT(sys::cpu_time_ns() - before, 150'000'000);
}

TEST(Async, DestroysWhatWaitsWithTheLoopAndForgetsWhoWaitsInASocketThatGoes) {
    struct Flag {
        bool& set;
        ~Flag() { set = true; }
    };
    bool destroyed = false;
    pull never;
    auto machine = std::make_unique<loop>();
    auto in = std::make_unique<async<pull>>(never, *machine);
    machine->spawn([](async<pull>& from, bool& mark, loop& self) -> task<> {
        const Flag flag{mark};
        self.stop();
        static_cast<void>(co_await from.receive());
    }(*in, destroyed, *machine));
    machine->run();
    EXPECT_FALSE(destroyed);
    in.reset();
    machine.reset();
    EXPECT_TRUE(destroyed);
}

TEST(Async, GivesDeliveriesOfLanes) {
    lane_sender sender;
    lane_receiver receiver;
    ASSERT_TRUE(sender.connect(*receiver.bind("tcp://127.0.0.1:*")));
    loop machine;
    async<lane_sender> out(sender, machine);
    async<lane_receiver> in(receiver, machine);
    machine.spawn([](async<lane_sender>& to, async<lane_receiver>& from) -> task<> {
        message m("work");
        auto sent = co_await to.send(std::move(m), 5s);
        EXPECT_TRUE(sent);
        auto work = co_await from.receive(5s);
        EXPECT_TRUE(work.ok() && work->content.text() == "work");
        EXPECT_TRUE(from.socket().ack(*work));
        for (int i = 0; i < 500 && to.socket().unacknowledged() > 0; ++i) {
            from.socket().service();
            to.socket().service();
        }
        EXPECT_EQ(to.socket().unacknowledged(), 0u);
    }(out, in));
    machine.run();
}

TEST(Task, AnswersItsValueToWhoAwaitsIt) {
    loop machine;
    int sum = 0;
    const auto twice = [](int n) -> task<int> { co_return n * 2; };
    machine.spawn([](auto& times_two, int& into) -> task<> {
        for (int i = 0; i < 100; ++i) into += co_await times_two(1);
    }(twice, sum));
    machine.run();
    EXPECT_EQ(sum, 200);
}

TEST(Loop, EndsWhenEveryTaskHasAndCanBeUsedAgain) {
    loop machine;
    int runs = 0;
    for (int i = 0; i < 2; ++i) {
        machine.spawn([](loop& self, int& count) -> task<> {
            co_await self.sleep(1ms);
            ++count;
        }(machine, runs));
        machine.run();
    }
    EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace fantail

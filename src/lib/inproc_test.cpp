// SPDX-License-Identifier: Apache-2.0
//! Tests of sockets that meet in one process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "fantail/fantail.hpp"
#include "lib/message_pipe.hpp"

namespace fantail {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr milliseconds patience{10'000};

/// A name of its own for each test.
std::string here() { return std::string("inproc://") + testing::UnitTest::GetInstance()->current_test_info()->name(); }

std::string text_of(result<message> m) { return m ? std::string(m->text()) : m.error().text(); }

void wait_for(socket& s, event::type what) {
    while (true) {
        auto e = s.next_event(patience);
        ASSERT_TRUE(e.ok()) << e.error().text();
        if (e->what == what) return;
    }
}

TEST(Inproc, EitherEndMayComeFirst) {
    for (const bool bind_first : {true, false}) {
        pull in;
        push out;
        if (bind_first) {
            ASSERT_TRUE(in.bind(here()).ok());
        }
        ASSERT_TRUE(out.connect(here()));
        ASSERT_TRUE(out.send("early"));
        if (!bind_first) {
            ASSERT_TRUE(in.bind(here()).ok());
        }
        EXPECT_EQ(text_of(in.receive(patience)), "early");
        ASSERT_TRUE(out.send("later"));
        EXPECT_EQ(text_of(in.receive(patience)), "later");
    }
}

TEST(Inproc, BytesStayWhereTheyAre) {
    pull in;
    push out;
    ASSERT_TRUE(in.bind(here()).ok());
    ASSERT_TRUE(out.connect(here()));
    part body = part::with_size(100'000);
    const std::uint8_t* const where = body.data();
    ASSERT_TRUE(out.send(message(std::move(body))));
    auto m = in.receive(patience);
    ASSERT_TRUE(m.ok());
    EXPECT_EQ(m->body().data(), where);
}

TEST(Inproc, TwoThreadsPassMessagesBothWays) {
    static constexpr int count = 100'000;
    pair a;
    pair b;
    ASSERT_TRUE(a.bind(here()).ok());
    ASSERT_TRUE(b.connect(here()));
    std::thread echo([&b] {
        for (int i = 0; i < count; ++i) {
            auto m = b.receive(patience);
            if (!m || !b.send(std::move(*m))) return;
        }
    });
    int sent = 0;
    for (int got = 0; got < count; ++got) {
        while (sent < count && sent - got < 100) ASSERT_TRUE(a.send(std::string_view(std::to_string(sent++))));
        ASSERT_EQ(text_of(a.receive(patience)), std::to_string(got));
    }
    echo.join();
}

TEST(Inproc, ASenderWaitsForRoomAndLosesNothing) {
    static constexpr int count = 50'000;
    pull in({.receive_high_water = 10});
    push out({.send_high_water = 10});
    ASSERT_TRUE(in.bind(here()).ok());
    ASSERT_TRUE(out.connect(here()));
    std::thread sender([&out] {
        for (int i = 0; i < count; ++i)
            if (!out.send(std::string_view(std::to_string(i)), patience)) return;
    });
    for (int i = 0; i < count; ++i) ASSERT_EQ(text_of(in.receive(patience)), std::to_string(i));
    sender.join();
}

TEST(Inproc, HighWaterMarksOfBothEndsBoundWhatNobodyReceives) {
    pull in({.receive_high_water = 20});
    push out({.send_high_water = 10});
    ASSERT_TRUE(out.connect(here()));
    int sent = 0;
    while (out.send("x", 0ms)) ++sent;
    EXPECT_EQ(sent, 10);
    ASSERT_TRUE(in.bind(here()).ok());
    wait_for(out, event::type::ready);
    while (out.send("x", 0ms)) ++sent;
    EXPECT_GE(sent, 30);
    EXPECT_LE(sent, 50);
}

TEST(Inproc, ManyPushersReachOnePuller) {
    static constexpr int pushers = 20;
    static constexpr int each = 2000;
    pull in;
    ASSERT_TRUE(in.bind(here()).ok());
    const std::string address = here();
    std::vector<std::thread> threads;
    for (int n = 0; n < pushers; ++n) {
        threads.emplace_back([&address] {
            push out;
            if (!out.connect(address)) return;
            for (int i = 0; i < each; ++i) static_cast<void>(out.send("x"));
        });
    }
    for (int i = 0; i < pushers * each; ++i) ASSERT_TRUE(in.receive(patience).ok()) << i;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(in.receive(50ms).error().code(), errc::timed_out);
}

TEST(Inproc, SubscriptionsReachThePublisherBeforeItSendsNext) {
    publisher out;
    subscriber in;
    ASSERT_TRUE(out.bind(here()).ok());
    ASSERT_TRUE(in.subscribe("a"));
    ASSERT_TRUE(in.connect(here()));
    wait_for(out, event::type::ready);
    wait_for(in, event::type::ready);
    for (const char* text : {"b", "ab"}) ASSERT_TRUE(out.send(text));
    EXPECT_EQ(text_of(in.receive(patience)), "ab");
    ASSERT_TRUE(in.subscribe("b"));
    ASSERT_TRUE(out.send("bc"));
    EXPECT_EQ(text_of(in.receive(patience)), "bc");
}

TEST(Inproc, EveryPatternOfEitherWireTalks) {
    requester ask;
    router route;
    ASSERT_TRUE(route.bind(here()).ok());
    ASSERT_TRUE(ask.connect(here()));
    ASSERT_TRUE(ask.send("question"));
    auto m = route.receive(patience);
    ASSERT_TRUE(m.ok());
    ASSERT_EQ(m->size(), 3u);
    ASSERT_TRUE(route.send(std::move(*m)));
    EXPECT_EQ(text_of(ask.receive(patience)), "question");

    surveyor survey;
    respondent answer;
    ASSERT_TRUE(survey.bind(here() + "/survey").ok());
    ASSERT_TRUE(answer.connect(here() + "/survey"));
    wait_for(survey, event::type::ready);
    ASSERT_TRUE(survey.send("who?"));
    EXPECT_EQ(text_of(answer.receive(patience)), "who?");
    ASSERT_TRUE(answer.send("me"));
    EXPECT_EQ(text_of(survey.receive(patience)), "me");
    EXPECT_EQ(survey.receive(patience).error().code(), errc::timed_out);
}

TEST(Inproc, PatternsThatDoNotFitRefuseEachOther) {
    pull in;
    publisher out({.reconnect = {.delay_min = milliseconds(10)}});
    ASSERT_TRUE(in.bind(here()).ok());
    ASSERT_TRUE(out.connect(here()));
    wait_for(in, event::type::handshake_failed);
    wait_for(out, event::type::handshake_failed);
}

TEST(Inproc, ANameIsBoundOnceAndFreeAgainAfterwards) {
    pull one;
    pull two;
    ASSERT_TRUE(one.bind(here()).ok());
    EXPECT_EQ(two.bind(here()).error().code(), errc::address_in_use);
    ASSERT_TRUE(one.unbind(here()));
    EXPECT_TRUE(two.bind(here()).ok());
    two.close();
    pull three;
    EXPECT_TRUE(three.bind(here()).ok());
    EXPECT_EQ(three.bind("inproc://").error().code(), errc::invalid_argument);
}

TEST(Inproc, WhatAClosedReceiverHasNotReadGoesToTheNextOne) {
    push out({.reconnect = {.delay_min = milliseconds(10)}});
    ASSERT_TRUE(out.connect(here()));
    {
        pull first;
        ASSERT_TRUE(first.bind(here()).ok());
        wait_for(out, event::type::ready);
    }
    ASSERT_TRUE(out.send("kept"));
    pull second;
    ASSERT_TRUE(second.bind(here()).ok());
    wait_for(out, event::type::ready);
    EXPECT_EQ(text_of(second.receive(patience)), "kept");
}

/// The connecting end learns that it was let in, which is the keeper's doing: the other end's program makes no call.
TEST(Inproc, WhoeverConnectsIsLetInWhileTheBoundSocketsProgramIsAway) {
    for (int round = 0; round < 1000; ++round) {
        pull in;
        push out;
        ASSERT_TRUE(in.bind(here()).ok());
        ASSERT_TRUE(out.connect(here()));
        ASSERT_NO_FATAL_FAILURE(wait_for(out, event::type::ready)) << round;
    }
}

TEST(Inproc, SubscriptionsAreMadeWhileTheSubscribersProgramIsAway) {
    xpublisher out;
    subscriber in;
    ASSERT_TRUE(in.subscribe("a"));
    ASSERT_TRUE(in.connect(here()));
    ASSERT_TRUE(out.bind(here()).ok());
    EXPECT_EQ(text_of(out.receive(patience)),
              "\x01"
              "a");
}

TEST(Inproc, ASenderWhoseProgramIsAwayConnectsToTheNextReceiver) {
    push out({.reconnect = {.delay_min = milliseconds(10)}});
    ASSERT_TRUE(out.connect(here()));
    {
        pull first;
        ASSERT_TRUE(first.bind(here()).ok());
        wait_for(out, event::type::ready);
    }
    pull second;
    ASSERT_TRUE(second.bind(here()).ok());
    wait_for(second, event::type::ready);
}

TEST(Inproc, WhatWasSentBeforeASenderClosedIsReceived) {
    pull in;
    ASSERT_TRUE(in.bind(here()).ok());
    {
        push out;
        ASSERT_TRUE(out.connect(here()));
        for (int i = 0; i < 500; ++i) ASSERT_TRUE(out.send(std::string_view(std::to_string(i))));
    }
    for (int i = 0; i < 500; ++i) ASSERT_EQ(text_of(in.receive(patience)), std::to_string(i));
    wait_for(in, event::type::disconnected);
}

TEST(Inproc, OwnPollLoopSeesEveryMessage) {
    pull in;
    push out;
    ASSERT_TRUE(in.bind(here()).ok());
    ASSERT_TRUE(out.connect(here()));
    pollfd ready{in.fd(), POLLIN, 0};
    std::thread sender([&out] {
        for (int i = 0; i < 5000; ++i) static_cast<void>(out.send("x"));
    });
    for (int got = 0; got < 5000;) {
        ASSERT_GT(::poll(&ready, 1, 10'000), 0) << got;
        while (in.receive(0ms)) ++got;
    }
    sender.join();
}

TEST(Inproc, OneSocketHearsAllTransports) {
    pull in;
    push near;
    push far;
    ASSERT_TRUE(in.bind(here()).ok());
    const auto address = in.bind("tcp://127.0.0.1:*");
    ASSERT_TRUE(address.ok());
    ASSERT_TRUE(near.connect(here()));
    ASSERT_TRUE(far.connect(*address));
    std::thread later([&] {
        std::this_thread::sleep_for(50ms);  // so that the receiver sleeps, in its poll set
        static_cast<void>(near.send("near"));
    });
    EXPECT_EQ(text_of(in.receive(patience)), "near");
    later.join();
    ASSERT_TRUE(far.send("far"));
    EXPECT_EQ(text_of(in.receive(patience)), "far");
}

TEST(Inproc, AnIdleWaitIsWokenByAMessageLongAfter) {
    pull in;
    push out;
    ASSERT_TRUE(in.bind(here()).ok());
    ASSERT_TRUE(out.connect(here()));
    for (int round = 0; round < 3; ++round) {
        std::thread later([&out] {
            std::this_thread::sleep_for(150ms);
            static_cast<void>(out.send("late"));
        });
        EXPECT_TRUE(in.receive(patience).ok());
        later.join();
    }
    EXPECT_EQ(in.receive(20ms).error().code(), errc::timed_out);
}

TEST(Inproc, ConflateKeepsTheNewest) {
    pull in({.conflate = true});
    push out({.conflate = true});
    ASSERT_TRUE(in.bind(here()).ok());
    ASSERT_TRUE(out.connect(here()));
    for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(out.send(std::string_view(std::to_string(i))));
    std::string last;
    while (auto m = in.receive(200ms)) last = m->text();
    EXPECT_EQ(last, "99999");
}

TEST(MessagePipe, KeepsOrderOverManyChunksAndCountsWhatIsInIt) {
    lib::MessagePipe pipe;
    std::uint64_t next = 0;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        pipe.push(message(std::string_view(std::to_string(i))));
        message m;
        if (i % 3 == 0) continue;
        ASSERT_TRUE(pipe.pop(m));
        ASSERT_EQ(m.text(), std::to_string(next++));
    }
    EXPECT_EQ(pipe.size_at_most(), 10'000 - next);
    EXPECT_TRUE(pipe.has(10'000 - next));
    EXPECT_FALSE(pipe.has(10'001 - next));
    message m;
    while (pipe.pop(m)) ASSERT_EQ(m.text(), std::to_string(next++));
    EXPECT_EQ(next, 10'000u);
    EXPECT_TRUE(pipe.empty());
}

}  // namespace
}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! Tests of the library's sockets with each other: who drives them, bursts, closing, the program's own poll.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

#include "fantail/fantail.hpp"

namespace fantail {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds patience{10'000};

std::string bound(socket& s, std::string_view address = "tcp://127.0.0.1:*") {
    auto where = s.bind(address);
    EXPECT_TRUE(where.ok());
    return where.ok() ? *where : std::string();
}

void wait_ready(socket& s) {
    while (true) {
        auto e = s.next_event(patience);
        ASSERT_TRUE(e.ok()) << e.error().text();
        if (e->what == event::type::ready) return;
    }
}

TEST(Socket, WhatABurstLeavesBehindArrivesThoughTheSenderDoesNothingMore) {
    pull in;
    push out;
    ASSERT_TRUE(out.connect(bound(in)));
    wait_ready(out);
    for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 50; ++i) ASSERT_TRUE(out.send(std::string_view(std::to_string(i))));
        for (int i = 0; i < 50; ++i) {
            auto m = in.receive(patience);
            ASSERT_TRUE(m.ok()) << m.error().text();
            ASSERT_EQ(m->text(), std::to_string(i));
        }
    }
}

TEST(Socket, ConnectionsAreMadeWhileNeitherProgramCalls) {
    pull in;
    push out;
    ASSERT_TRUE(out.send(message("x"), 0ms).ok() == false);
    ASSERT_TRUE(out.connect(bound(in)));
    ASSERT_TRUE(out.send("early"));
    std::this_thread::sleep_for(300ms);  // only the library's thread may work now
    auto m = in.receive(0ms);
    ASSERT_TRUE(m.ok()) << m.error().text();
    EXPECT_EQ(m->text(), "early");
}

TEST(Socket, TwoThreadsPassMessagesBothWays) {
    static constexpr int count = 50'000;
    pair a;
    pair b;
    ASSERT_TRUE(b.connect(bound(a)));
    std::thread echo([&b] {
        for (int i = 0; i < count; ++i) {
            auto m = b.receive(patience);
            if (!m || !b.send(std::move(*m))) return;
        }
    });
    int sent = 0;
    for (int got = 0; got < count; ++got) {
        while (sent < count && sent - got < 100) ASSERT_TRUE(a.send(std::string_view(std::to_string(sent++))));
        auto m = a.receive(patience);
        ASSERT_TRUE(m.ok()) << m.error().text();
        ASSERT_EQ(m->text(), std::to_string(got));
    }
    echo.join();
}

TEST(Socket, ManyPushersReachOnePuller) {
    static constexpr int pushers = 20;
    static constexpr int each = 500;
    pull in;
    const std::string address = bound(in);
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

TEST(Socket, OwnPollLoopSeesEveryMessage) {
    pull in;
    push out;
    ASSERT_TRUE(out.connect(bound(in)));
    pollfd ready{in.fd(), POLLIN, 0};
    int got = 0;
    for (int sent = 0; got < 1000;) {
        for (int i = 0; i < 10 && sent < 1000; ++i, ++sent) ASSERT_TRUE(out.send("x"));
        ASSERT_GT(::poll(&ready, 1, 10'000), 0) << got;
        while (in.receive(0ms)) ++got;
    }
    EXPECT_EQ(got, 1000);
}

TEST(Socket, ARefusedMessageIsStillTheCallers) {
    push out({.send_high_water = 1});
    message m("kept");
    EXPECT_EQ(out.send(std::move(m), 0ms).error().code(), errc::would_block);
    EXPECT_EQ(m.text(), "kept");  // NOLINT(bugprone-use-after-move): what the test is about
}

TEST(Socket, ClosingEndsAfterLingerIfNobodyTakesWhatWasSent) {
    const auto start = std::chrono::steady_clock::now();
    {
        push out({.linger = milliseconds(200)});
        ASSERT_TRUE(out.connect("tcp://127.0.0.1:1"));
        ASSERT_TRUE(out.send("nobody will have it"));
    }
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(took, 190ms);
    EXPECT_LT(took, 5s);
}

TEST(Socket, AClosedSocketSaysSo) {
    pull in;
    bound(in);
    in.close();
    EXPECT_EQ(in.receive().error().code(), errc::closed);
    EXPECT_EQ(in.bind("tcp://127.0.0.1:*").error().code(), errc::closed);
}

TEST(Socket, DisconnectForgetsThePeerAndUnbindTheAddress) {
    pull in;
    push out;
    const std::string address = bound(in);
    ASSERT_TRUE(out.connect(address));
    wait_ready(out);
    ASSERT_TRUE(out.disconnect(address));
    EXPECT_EQ(out.send("x", 0ms).error().code(), errc::would_block);
    EXPECT_EQ(out.disconnect(address).error().code(), errc::invalid_argument);
    ASSERT_TRUE(in.unbind(address));
    pull other;
    EXPECT_TRUE(other.bind(address).ok());
}

TEST(Socket, AnIdleWaitIsWokenByAMessageLongAfter) {
    pull in;
    push out;
    ASSERT_TRUE(out.connect(bound(in)));
    wait_ready(out);
    for (int round = 0; round < 3; ++round) {
        std::thread later([&out] {
            std::this_thread::sleep_for(
                250ms);  // long enough for the library's thread to go to sleep over the receiver
            static_cast<void>(out.send("late"));
        });
        EXPECT_TRUE(in.receive(patience).ok());
        later.join();
    }
}

TEST(Socket, LargeBodiesAreTheSameAtTheOtherEnd) {
    pull in;
    push out;
    ASSERT_TRUE(out.connect(bound(in, "ipc://@fantail-socket-test-" + std::to_string(::getpid()))));
    for (const std::size_t size : {48u, 4096u, 65'536u, 5'000'000u}) {
        part body = part::with_size(size);
        for (std::size_t i = 0; i < size; ++i) body.data()[i] = static_cast<std::uint8_t>(i * 7 >> 3);
        const part copy = body.share();
        ASSERT_TRUE(out.send(message(std::move(body))));
        auto m = in.receive(patience);
        ASSERT_TRUE(m.ok()) << m.error().text();
        EXPECT_TRUE(m->text() == copy.text());
    }
}

}  // namespace
}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! Tests of lanes between sockets: over connections that are cut anywhere, receivers that end, peers that know nothing of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include "fantail/fantail.hpp"

namespace fantail {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr milliseconds patience{20'000};

std::string bound(socket& s) {
    auto where = s.bind("tcp://127.0.0.1:*");
    EXPECT_TRUE(where.ok());
    return where.ok() ? *where : std::string();
}

/// The reason of the next such event.
std::string wait_for(socket& s, event::type what) {
    while (true) {
        auto e = s.next_event(patience);
        if (!e) return "(" + e.error().text() + ")";
        if (e->what == what) return e->reason;
    }
}

/// Passes connections on to a port of this machine, and cuts each in the middle after some bytes; 0: none.
class Relay {
public:
    Relay(std::string_view target, unsigned seed, unsigned cut_after_max)
        : random_(seed), cut_after_max_(cut_after_max) {
        target_ = static_cast<std::uint16_t>(std::stoi(std::string(target.substr(target.rfind(':') + 1))));
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at = address(0);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
        EXPECT_EQ(::listen(listener_, 16), 0);
        socklen_t size = sizeof at;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay() {
        is_over_ = true;
        thread_.join();
        ::close(listener_);
    }
    [[nodiscard]] std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int cuts() const { return cuts_; }
    void stop_cutting() { cut_after_max_ = 0; }

private:
    static sockaddr_in address(std::uint16_t port) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return at;
    }
    void run() {
        while (!is_over_) {
            pollfd waiting{listener_, POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const int from = ::accept(listener_, nullptr, nullptr);
            const int to = ::socket(AF_INET, SOCK_STREAM, 0);
            const sockaddr_in at = address(target_);
            if (::connect(to, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) pass(from, to);
            ::close(from);
            ::close(to);
        }
    }
    void pass(int a, int b) {
        const unsigned most = cut_after_max_;
        long left = most == 0 ? -1 : static_cast<long>(200 + random_() % most);
        while (!is_over_ && left != 0) {
            pollfd ends[] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
            if (::poll(ends, 2, 20) <= 0) continue;
            if (ends[0].revents != 0 && !copy(a, b, left)) return;
            if (left != 0 && ends[1].revents != 0 && !copy(b, a, left)) return;
        }
        cuts_ += left == 0 ? 1 : 0;
    }
    static bool copy(int from, int to, long& left) {
        char bytes[4096];
        const std::size_t room =
            left < 0 ? sizeof bytes : std::min<std::size_t>(sizeof bytes, static_cast<std::size_t>(left));
        const ssize_t got = ::recv(from, bytes, room, 0);
        if (got <= 0 || ::send(to, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) return false;
        if (left > 0) left -= got;
        return true;
    }

    std::mt19937 random_;
    std::atomic<unsigned> cut_after_max_;
    std::uint16_t target_ = 0;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<bool> is_over_{false};
    std::atomic<int> cuts_{0};
    std::thread thread_;
};

options quick() {
    options settings;
    settings.reconnect = {.delay_min = 1ms, .delay_max = 20ms};
    return settings;
}

TEST(Lane, NothingIsLostDoubledOrOutOfOrderThoughConnectionsAreCut) {
    static constexpr int count = 5000;
    static constexpr int cuts_min = 5;
    for (const bool is_automatic : {false, true}) {
        options settings = quick();
        settings.lane.acknowledge_automatically = is_automatic;
        settings.lane.window = 100;
        lane_receiver in(settings);
        Relay relay(bound(in), 7, 20'000);
        lane_sender out(settings);
        ASSERT_TRUE(out.connect(relay.endpoint()));
        std::thread program([&out] {
            for (int i = 1; i <= count; ++i) {
                if (!out.send(std::string_view(std::to_string(i)), patience)) return;
            }
        });
        for (int i = 1; i <= count; ++i) {
            auto got = in.receive(patience);
            ASSERT_TRUE(got.ok()) << got.error().text() << " at " << i;
            ASSERT_EQ(got->content.text(), std::to_string(i));
            ASSERT_EQ(got->number, static_cast<std::uint64_t>(i));
            if (is_automatic || (i % 7 != 0 && i != count)) continue;
            ASSERT_TRUE(in.ack(*got).ok());
        }
        program.join();
        EXPECT_GE(relay.cuts(), cuts_min);
        relay.stop_cutting();
        EXPECT_EQ(in.receive(0ms).error().code(), errc::would_block);
        EXPECT_TRUE(out.wait_acknowledged(patience).ok()) << out.unacknowledged();
    }
}

TEST(Lane, ASecondReceiverIsGivenWhatTheFirstHasNotAcknowledged) {
    lane_sender out(quick());
    const std::string address = bound(out);
    for (const char* text : {"1", "2", "3", "4"}) ASSERT_TRUE(out.send(text));
    std::string key;
    {
        lane_receiver first(quick());
        ASSERT_TRUE(first.connect(address));
        for (int i = 0; i < 3; ++i) {
            auto got = first.receive(patience);
            ASSERT_TRUE(got.ok()) << got.error().text();
            ASSERT_TRUE(i != 1 || first.ack(*got).ok());
            key = got->key();
        }
    }
    lane_receiver second(quick());
    ASSERT_TRUE(second.connect(address));
    auto got = second.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_EQ(got->content.text(), "3");
    EXPECT_TRUE(got->redelivered);
    EXPECT_EQ(got->key(), key);
    EXPECT_THAT(wait_for(out, event::type::lane_resumed), HasSubstr("from message 3 on"));
    got = second.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    ASSERT_TRUE(second.ack(*got).ok());
    EXPECT_TRUE(out.wait_acknowledged(patience).ok());
}

TEST(Lane, TheNextAddressStandsInForAReceiverThatEnds) {
    std::optional<lane_receiver> first(quick());
    lane_receiver second(quick());
    lane_sender out(quick());
    ASSERT_TRUE(out.connect(bound(*first)));
    wait_for(out, event::type::ready);
    ASSERT_TRUE(out.connect(bound(second)));
    wait_for(out, event::type::ready);
    ASSERT_TRUE(out.send("a"));
    auto got = first->receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_EQ(second.receive(0ms).error().code(), errc::would_block);
    first.reset();
    got = second.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_TRUE(got->redelivered);
}

TEST(Lane, WhatFailsIsRetriedAndThenADeadLetter) {
    std::string dead;
    options settings = quick();
    settings.lane.attempts_max = 2;
    settings.lane.retry_delay_min = 1ms;
    settings.lane.dead_letter = [&dead](const message& m, std::uint32_t attempts) {
        dead = std::string(m.text()) + " " + std::to_string(attempts);
    };
    lane_sender out(settings);
    lane_receiver in;
    ASSERT_TRUE(out.connect(bound(in)));
    ASSERT_TRUE(out.send("bad"));
    ASSERT_TRUE(out.send("good"));
    for (int i = 0; i < 2; ++i) {
        auto got = in.receive(patience);
        ASSERT_TRUE(got.ok()) << got.error().text();
        EXPECT_EQ(got->content.text(), "bad");
        EXPECT_EQ(got->redelivered, i > 0);
        ASSERT_TRUE(in.retry(*got).ok());
        EXPECT_EQ(in.retry(*got).error().code(), errc::invalid_argument) << "it is on its way";
    }
    auto got = in.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_EQ(got->content.text(), "good");
    ASSERT_TRUE(in.ack(*got).ok());
    EXPECT_TRUE(out.wait_acknowledged(patience).ok());
    EXPECT_EQ(dead, "bad 2");
    EXPECT_EQ(wait_for(out, event::type::dead_lettered), "message 1 after 2 attempts");
}

TEST(Lane, SendWaitsWhileTheJournalIsFull) {
    options settings;
    settings.lane.journal_messages_max = 2;
    settings.linger = 0ms;
    lane_sender out(settings);
    ASSERT_TRUE(out.send("a"));
    ASSERT_TRUE(out.send("b"));
    EXPECT_EQ(out.send("c", 0ms).error().code(), errc::would_block);
    EXPECT_EQ(out.send("c", 20ms).error().code(), errc::timed_out);
    EXPECT_EQ(out.unacknowledged(), 2u);
    EXPECT_EQ(out.wait_acknowledged(0ms).error().code(), errc::would_block);
    EXPECT_EQ(out.wait_acknowledged(20ms).error().code(), errc::timed_out);
}

TEST(Lane, OrdinaryPeersAreRefusedOrTakenAsTheyAre) {
    pull plain_in;
    const std::string address = bound(plain_in);
    {
        options settings = quick();
        settings.linger = 0ms;
        lane_sender strict(settings);
        ASSERT_TRUE(strict.connect(address));
        EXPECT_THAT(wait_for(strict, event::type::handshake_failed), HasSubstr("lanes"));
    }
    options settings = quick();
    settings.lane.allow_plain = true;
    lane_sender out(settings);
    ASSERT_TRUE(out.connect(address));
    ASSERT_TRUE(out.send("plain"));
    auto m = plain_in.receive(patience);
    ASSERT_TRUE(m.ok()) << m.error().text();
    EXPECT_EQ(m->size(), 1u);
    EXPECT_EQ(m->text(), "plain");
    EXPECT_TRUE(out.wait_acknowledged(patience).ok());

    lane_receiver in(settings);
    push plain_out;
    ASSERT_TRUE(plain_out.connect(bound(in)));
    ASSERT_TRUE(plain_out.send("plain"));
    auto got = in.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    EXPECT_EQ(got->content.text(), "plain");
    EXPECT_EQ(got->number, 0u);
    EXPECT_TRUE(in.ack(*got).ok());
}

TEST(Lane, CarriesMessagesOfSeveralPartsAndLargeBodiesEncrypted) {
    const curve_keys keys = make_curve_keys();
    options server;
    server.security = curve_server{keys.secret, {}};
    options client;
    client.security = curve_client{keys.open, make_curve_keys().secret};
    lane_receiver in(server);
    lane_sender out(client);
    ASSERT_TRUE(out.connect(bound(in)));
    const std::string large(300'000, 'x');
    message m("first");
    m.add(large);
    ASSERT_TRUE(out.send(std::move(m)));
    auto got = in.receive(patience);
    ASSERT_TRUE(got.ok()) << got.error().text();
    ASSERT_EQ(got->content.size(), 2u);
    EXPECT_EQ(got->content[0].text(), "first");
    EXPECT_TRUE(got->content[1].text() == large);
    ASSERT_TRUE(in.ack(*got).ok());
    EXPECT_TRUE(out.wait_acknowledged(patience).ok());
}

TEST(Lane, IsNotForOneProcessNorForSp) {
    lane_sender out;
    for (const char* address : {"inproc://x", "sp+tcp://127.0.0.1:1"})
        EXPECT_EQ(out.connect(address).error().code(), errc::invalid_argument) << address;
}

TEST(Lane, ItsKeyNamesTheLaneAndTheNumber) {
    delivery d;
    d.lane[0] = 0xAB;
    d.number = 12;
    EXPECT_EQ(d.key(), "ab" + std::string(30, '0') + "-12");
}

}  // namespace
}  // namespace fantail

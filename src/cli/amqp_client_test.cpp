// SPDX-License-Identifier: Apache-2.0
//! The blocking client against a scripted broker at the other end of a socket pair, and lines from a pipe.
#include "cli/amqp_client.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/line_reader.hpp"

namespace fantail::cli {
namespace {

using namespace amqp091;
using testing::ElementsAre;
using testing::HasSubstr;

struct Seen {
    std::vector<std::string> messages;
    std::vector<std::uint64_t> confirms;
    std::vector<std::string> returned;
    int empty = 0;
    AmqpHandlers handlers() {
        AmqpHandlers all;
        all.on_message = [this](std::uint64_t, ByteView body) { messages.emplace_back(as_text(body)); };
        all.on_confirm = [this](std::uint64_t tag, bool, bool) { confirms.push_back(tag); };
        all.on_returned = [this](std::string_view reason) { returned.emplace_back(reason); };
        all.on_empty = [this] { ++empty; };
        return all;
    }
};

/// What the broker will say is written beforehand: the client never looks at the time between.
class ScriptedPeer : public testing::Test {
protected:
    ScriptedPeer() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        client_end_ = sys::Fd(ends[0]);
        broker_end_ = sys::Fd(ends[1]);
    }
    template <class M>
    void say(const M& method, std::uint16_t channel) {
        FrameWriter(script_).method(channel, method);
    }
    void say_greeting() {
        say(ConnectionStart{0, 9, {}, "PLAIN", "en_US"}, 0);
        say(ConnectionTune{2047, 8192, 60}, 0);
        say(ConnectionOpenOk{}, 0);
        say(ChannelOpenOk{}, 1);
    }
    Result<AmqpClient> open() {
        EXPECT_EQ(::write(broker_end_.get(), script_.data(), script_.size()), static_cast<ssize_t>(script_.size()));
        script_.clear();
        return AmqpClient::open(BlockingSocket(std::move(client_end_)), {.user = "me", .password = "secret"},
                                seen_.handlers());
    }
    /// The methods that the client has said.
    std::vector<MethodId> heard() {
        Bytes bytes(1 << 20);
        const ssize_t got = ::recv(broker_end_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        ByteView rest = ByteView(bytes).first(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (as_text(rest).starts_with("AMQP")) rest = rest.subspan(protocol_header_size);
        std::vector<MethodId> ids;
        for (Frame frame; take_frame(rest, 1 << 20, frame); rest = rest.subspan(frame.wire_size)) {
            if (frame.type != FrameType::method) continue;
            const auto method = decode(frame.payload);
            ids.push_back(std::visit([](const auto& m) { return std::decay_t<decltype(m)>::id; }, *method));
        }
        return ids;
    }
    sys::Fd client_end_;
    sys::Fd broker_end_;
    Bytes script_;
    Seen seen_;
};

TEST_F(ScriptedPeer, LogsInAndTakesTheLowerFrameSize) {
    say_greeting();
    const auto client = open();
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_EQ(client->frame_max(), 8192u);
    EXPECT_THAT(heard(), ElementsAre(MethodId::connection_start_ok, MethodId::connection_tune_ok,
                                     MethodId::connection_open, MethodId::channel_open));
}

TEST_F(ScriptedPeer, ARefusedLoginIsToldInTheBrokersWords) {
    say(ConnectionStart{0, 9, {}, "PLAIN", "en_US"}, 0);
    say(ConnectionClose{.reply_code = 403, .reply_text = "ACCESS_REFUSED - go away"}, 0);
    const auto client = open();
    ASSERT_FALSE(client);
    EXPECT_THAT(client.error().message, HasSubstr("403 ACCESS_REFUSED - go away"));
    EXPECT_THAT(heard(), ElementsAre(MethodId::connection_start_ok, MethodId::connection_close_ok));
}

TEST_F(ScriptedPeer, WhatIsNoAmqpIsRefused) {
    append(script_, as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    EXPECT_EQ(open().error().code, ErrorCode::malformed);
}

TEST_F(ScriptedPeer, ABrokerThatHangsUpIsUnavailable) {
    broker_end_.close();
    EXPECT_EQ(AmqpClient::open(BlockingSocket(std::move(client_end_)), {}, {}).error().code, ErrorCode::unavailable);
}

TEST_F(ScriptedPeer, MessagesOfEverySizeArriveWhole) {
    say_greeting();
    const std::string large(20'000, 'x');
    write_deliver(script_, 1, BasicDeliver{.consumer_tag = "c", .delivery_tag = 1}, {{}, as_bytes("")}, 8192);
    write_deliver(script_, 1, BasicDeliver{.consumer_tag = "c", .delivery_tag = 2}, {{}, as_bytes(large)}, 8192);
    write_get_ok(script_, 1, BasicGetOk{.delivery_tag = 3}, {{}, as_bytes("got")}, 8192);
    say(BasicGetEmpty{}, 1);
    auto client = open();
    ASSERT_TRUE(client);
    while (seen_.empty == 0) ASSERT_TRUE(client->pump(1000));
    EXPECT_THAT(seen_.messages, ElementsAre("", large, "got"));
}

TEST_F(ScriptedPeer, ConfirmsAndReturnsAreShownBeforeTheCloseEnds) {
    say_greeting();
    auto client = open();
    ASSERT_TRUE(client);
    write_return(script_, 1, BasicReturn{.reply_code = 312, .reply_text = "NO_ROUTE"}, {{}, as_bytes("body")}, 8192);
    say(BasicAck{.delivery_tag = 1}, 1);
    say(BasicNack{.delivery_tag = 2}, 1);
    say(ConnectionCloseOk{}, 0);
    ASSERT_EQ(::write(broker_end_.get(), script_.data(), script_.size()), static_cast<ssize_t>(script_.size()));
    EXPECT_TRUE(client->close());
    EXPECT_THAT(seen_.returned, ElementsAre("312 NO_ROUTE"));
    EXPECT_THAT(seen_.confirms, ElementsAre(1u, 2u));
    EXPECT_TRUE(seen_.messages.empty());
}

TEST_F(ScriptedPeer, ABodyLongerThanAnnouncedIsMalformed) {
    say_greeting();
    auto client = open();
    ASSERT_TRUE(client);
    say(BasicDeliver{.consumer_tag = "c", .delivery_tag = 1}, 1);
    const std::uint8_t frames[] = {2, 0, 1, 0, 0, 0,    14, 0, 60, 0, 0, 0, 0, 0,   0,   0,
                                   0, 0, 1, 0, 0, 0xCE, 3,  0, 1,  0, 0, 0, 2, 'a', 'b', 0xCE};
    append(script_, frames);
    ASSERT_EQ(::write(broker_end_.get(), script_.data(), script_.size()), static_cast<ssize_t>(script_.size()));
    EXPECT_EQ(client->pump(1000).error().code, ErrorCode::malformed);
}

/// All lines of what a pipe gives, and how often the reader said that it would wait.
std::pair<std::vector<std::string>, int> read_lines(const std::string& text) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    int waits = 0;
    LineReader reader(ends[0], [&waits]() -> Result<void> {
        ++waits;
        return {};
    });
    std::vector<std::string> lines;
    for (auto line = reader.next(); line && *line; line = reader.next()) lines.emplace_back(**line);
    ::close(ends[0]);
    return {lines, waits};
}

TEST(LineReader, CutsLinesAndKeepsALastOneWithoutLineEnd) {
    EXPECT_THAT(read_lines("a\n\nbc\nlast").first, ElementsAre("a", "", "bc", "last"));
    EXPECT_THAT(read_lines("a\n").first, ElementsAre("a"));
    EXPECT_TRUE(read_lines("").first.empty());
}

TEST(LineReader, WarnsBeforeItWaits) { EXPECT_EQ(read_lines("a\nb\nc\n").second, 2) << "one read, one for the end"; }

}  // namespace
}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! Tests of ZMTP sessions: two of ours, and scripted peers.
#include "protocols/zmtp/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "patterns/wire_end.hpp"
#include "protocols/zmtp/curve.hpp"

namespace fantail::zmtp {
namespace {

using patterns::MessageQueue;
using patterns::parts;

struct End : patterns::WireEnd {
    explicit End(Config settings) : config(std::move(settings)) { start(session); }
    Config config;
    Session session{config, in};
};

Config of(Kind kind) { return {.kind = kind}; }

std::string greeting_text(std::string mechanism = "NULL", std::uint8_t minor = 1) {
    const auto bytes = encode(Greeting{.minor = minor, .mechanism = std::move(mechanism)});
    return {bytes.begin(), bytes.end()};
}
std::string command_text(std::string_view name, std::string_view data) {
    patterns::ChunkPool pool;
    OutputQueue out(pool);
    put_command(out, name, as_bytes(data));
    ByteView piece;
    EXPECT_EQ(out.gather({&piece, 1}), 1u);
    return std::string(as_text(piece));
}
std::string ready_text(const std::string& type) {
    Metadata metadata;
    metadata.add("Socket-Type", type);
    return command_text("READY", as_text(metadata.encode()));
}

TEST(ZmtpSession, TwoEndsTalkWhateverPiecesBytesComeIn) {
    const std::string large(100'000, 'x');
    for (const std::size_t step : {1u, 3u, 1000u, 1'000'000u}) {
        End dealer(of(Kind::dealer));
        dealer.config.routing_id = "me";
        End router(of(Kind::router));
        ASSERT_TRUE(talk(dealer, router, step));
        ASSERT_TRUE(dealer.session.is_ready() && router.session.is_ready());
        for (const std::string_view body : {std::string_view("small"), std::string_view(large), std::string_view("")}) {
            dealer.send(parts({"envelope", "", body}));
        }
        ASSERT_TRUE(talk(dealer, router, step));
        EXPECT_EQ(router.receive(), "envelope||small");
        EXPECT_EQ(router.receive(), "envelope||" + large);
        EXPECT_EQ(router.receive(), "envelope||");
        EXPECT_EQ(router.receive(), "(none)");
    }
}

TEST(ZmtpSession, FramesAreShortUpTo255BytesAndLongFrom256_37) {
    End push(of(Kind::push));
    ASSERT_TRUE(push.give(greeting_text() + ready_text("PULL")));
    push.take();
    push.send(message(std::string_view(std::string(255, 'a'))));
    EXPECT_EQ(push.take(), std::string("\0\xff", 2) + std::string(255, 'a'));
    push.send(message(std::string_view(std::string(256, 'a'))));
    EXPECT_EQ(push.take(), std::string("\2\0\0\0\0\0\0\1\0", 9) + std::string(256, 'a'));
}

TEST(ZmtpSession, PeersOf30GetNoCommands_37) {
    End sub({.kind = Kind::subscriber, .heartbeat_interval_ms = 10});
    ASSERT_TRUE(sub.give(greeting_text("NULL", 0) + ready_text("PUB")));
    ASSERT_TRUE(sub.session.is_ready());
    sub.take();
    sub.session.subscribe(as_bytes("ab"), true, sub.out);
    sub.session.subscribe(as_bytes("ab"), false, sub.out);
    EXPECT_EQ(sub.take(), std::string("\0\3\1ab\0\3\0ab", 10));
    EXPECT_EQ(sub.session.deadline(), MonoTime::never());
}

TEST(ZmtpSession, BothKindsOfSubscriptionsAreTakenByPublishersAlone) {
    for (const Kind kind : {Kind::publisher, Kind::pull}) {
        End end(of(kind));
        ASSERT_TRUE(end.give(greeting_text() + ready_text(kind == Kind::pull ? "PUSH" : "SUB")));
        ASSERT_TRUE(end.give(std::string("\0\3\1ab\0\2\0a", 9) + command_text("SUBSCRIBE", "new") +
                             command_text("CANCEL", "new")));
        EXPECT_EQ(end.receive(), kind == Kind::pull ? std::string("\1ab") : "+ab");
        EXPECT_EQ(end.receive(), kind == Kind::pull ? std::string("\0a", 2) : "-a");
        EXPECT_EQ(end.receive(), kind == Kind::pull ? "(none)" : "+new");
    }
}

TEST(ZmtpSession, AFullQueueLeavesBytesWhereTheyAre) {
    MessageQueue in({.messages_max = 2});
    const Config config = of(Kind::pull);
    Session session(config, in);
    patterns::ChunkPool pool;
    OutputQueue out(pool);
    const std::string handshake = greeting_text() + ready_text("PUSH");
    ASSERT_EQ(*session.on_bytes(as_bytes(handshake), {}, out), handshake.size());
    const std::string frames("\0\1a\0\1b\0\1c", 9);
    EXPECT_EQ(*session.on_bytes(as_bytes(frames), {}, out), 6u);
    message m;
    ASSERT_TRUE(in.pop(m));
    EXPECT_EQ(*session.on_bytes(as_bytes(frames).subspan(6), {}, out), 3u);
}

TEST(ZmtpSession, PlainLetsInWithTheRightPasswordAlone_24) {
    const auto admit = [](const std::string& user, const std::string& password) {
        return user == "u" && password == "p";
    };
    for (const bool right : {true, false}) {
        End server({.kind = Kind::pull, .security = PlainServer{admit}});
        End client({.kind = Kind::push, .security = PlainClient{"u", right ? "p" : "q"}});
        ASSERT_TRUE(server.give(client.take()));
        ASSERT_TRUE(client.give(server.take()));
        const auto hello = server.give(client.take());
        ASSERT_EQ(hello.has_value(), right);
        const auto answer = client.give(server.take());
        if (!right) {
            EXPECT_EQ(hello.error().code, ErrorCode::not_authenticated);
            EXPECT_THAT(answer.error().message, testing::HasSubstr("Access denied"));
            continue;
        }
        ASSERT_TRUE(talk(client, server));
        EXPECT_TRUE(client.session.is_ready() && server.session.is_ready());
    }
}

TEST(ZmtpSession, CurveCarriesMessagesAndRefusesWhoIsNotAdmitted_26) {
    const CurveKey server_secret = curve_secret_key();
    const CurveKey client_secret = curve_secret_key();
    for (const bool admitted : {true, false}) {
        const auto admit = [&](const CurveKey& key) { return admitted && key == curve_public_key(client_secret); };
        End server({.kind = Kind::pull, .security = CurveServer{server_secret, admit}});
        End client({.kind = Kind::push, .security = CurveClient{curve_public_key(server_secret), client_secret}});
        ASSERT_TRUE(server.give(client.take()));
        ASSERT_TRUE(client.give(server.take()));
        ASSERT_TRUE(server.give(client.take()));
        ASSERT_TRUE(client.give(server.take()));
        ASSERT_EQ(server.give(client.take()).has_value(), admitted);
        ASSERT_EQ(client.give(server.take()).has_value(), admitted);
        if (!admitted) continue;
        client.send(parts({"secret", "", std::string(20'000, 's')}));
        const std::string bytes = client.take();
        EXPECT_EQ(bytes.find("secret"), std::string::npos);
        ASSERT_TRUE(server.give(bytes));
        EXPECT_EQ(server.receive(), "secret||" + std::string(20'000, 's'));
        EXPECT_FALSE(server.give(bytes).has_value()) << "a replay was taken";
    }
}

TEST(ZmtpSession, CurveFramesThatWereChangedAreRefused_26) {
    const CurveKey server_secret = curve_secret_key();
    for (std::size_t at = 0; at < 60; at += 7) {
        End server({.kind = Kind::pull, .security = CurveServer{server_secret, {}}});
        End client({.kind = Kind::push, .security = CurveClient{curve_public_key(server_secret), curve_secret_key()}});
        ASSERT_TRUE(talk(client, server));
        ASSERT_TRUE(server.session.is_ready());
        client.send("some text that is long enough");
        std::string bytes = client.take();
        bytes[2 + at] = static_cast<char>(bytes[2 + at] ^ 1);
        EXPECT_FALSE(server.give(bytes).has_value()) << at;
    }
}

TEST(ZmtpCurve, KeysAreReadAsTheyAreWritten_32) {
    const auto known = curve_key("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
    ASSERT_TRUE(known.has_value());
    EXPECT_EQ((*known)[0], 0x54);
    EXPECT_EQ(to_z85(*known), "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
    EXPECT_FALSE(curve_key("too short").has_value());
    EXPECT_FALSE(curve_key(std::string(40, '"')).has_value());
    EXPECT_FALSE(curve_key(std::string(40, '#')).has_value());
}

TEST(ZmtpSession, SignsOfLifeAreAskedForAndMissed_37) {
    End end({.kind = Kind::pull, .heartbeat_interval_ms = 100, .heartbeat_timeout_ms = 50, .heartbeat_ttl_ms = 1000});
    ASSERT_TRUE(end.give(greeting_text() + ready_text("PUSH")));
    end.take();
    const MonoTime start{};
    EXPECT_EQ(end.session.deadline(), start.plus_ms(100));
    ASSERT_TRUE(end.session.on_timer(start.plus_ms(100), end.out));
    EXPECT_EQ(end.take(), command_text("PING", std::string_view("\0\x0a", 2)));
    ASSERT_TRUE(end.session.on_bytes(as_bytes(command_text("PONG", "")), start.plus_ms(120), end.out));
    EXPECT_EQ(end.session.deadline(), start.plus_ms(220));
    ASSERT_TRUE(end.session.on_timer(start.plus_ms(220), end.out));
    EXPECT_FALSE(end.session.on_timer(start.plus_ms(270), end.out));
}

TEST(ZmtpSession, WhatNoPeerSendsIsAnError) {
    const std::string ready = greeting_text() + ready_text("PUSH");
    const std::string giant("\2\x7f\xff\xff\xff\xff\xff\xff\xff", 9);
    struct Case {
        std::string bytes;
        ErrorCode code;
    };
    const Case cases[] = {
        {"GET / HTTP/1.1", ErrorCode::malformed},
        {greeting_text().replace(10, 1, "\1"), ErrorCode::unsupported},
        {greeting_text("CURVE"), ErrorCode::not_authenticated},
        {greeting_text("null"), ErrorCode::malformed},
        {greeting_text() + std::string("\0\1a", 3), ErrorCode::malformed},
        {greeting_text() + command_text("HELLO", ""), ErrorCode::unsupported},
        {greeting_text() + command_text("READY", "\5Name"), ErrorCode::malformed},
        {greeting_text() + ready_text("SUB"), ErrorCode::precondition_failed},
        {greeting_text() + command_text("ERROR", "\4nope"), ErrorCode::not_authenticated},
        {ready + giant, ErrorCode::too_large},
        {ready + std::string("\6\0\0\0\0\1\0\0\0", 9), ErrorCode::too_large},
        {ready + std::string("\5\1x", 3), ErrorCode::malformed},
        {ready + std::string("\4\1\0", 3), ErrorCode::malformed},
        {ready + command_text("PING", "x"), ErrorCode::malformed},
    };
    for (const Case& c : cases) {
        End end(of(Kind::pull));
        const auto given = end.give(c.bytes);
        ASSERT_FALSE(given.has_value()) << c.bytes;
        EXPECT_EQ(given.error().code, c.code) << given.error().message;
    }
}

TEST(ZmtpSession, AMessageOfTooManyPartsIsAnError) {
    End end({.kind = Kind::pull, .message_size_max = 10'000});
    ASSERT_TRUE(end.give(greeting_text() + ready_text("PUSH")));
    std::string frames;
    for (int i = 0; i < 200; ++i) frames += std::string("\1\0", 2);
    const auto given = end.give(frames);
    ASSERT_FALSE(given.has_value());
    EXPECT_EQ(given.error().code, ErrorCode::too_large);
}

Config with_lane(Kind kind, Security security = {}) {
    return {.kind = kind,
            .lane = "a lane of " + std::string(socket_type(kind)),
            .needs_lane = true,
            .security = std::move(security)};
}

TEST(ZmtpSession, LanesAreNegotiatedInReadyAndTheirCommandsGoToTheSender) {
    const CurveKey secret = curve_secret_key();
    for (const bool is_encrypted : {false, true}) {
        Security server;
        Security client;
        if (is_encrypted) server = CurveServer{secret, {}};
        if (is_encrypted) client = CurveClient{curve_public_key(secret), curve_secret_key()};
        End sender(with_lane(Kind::lane_sender, client));
        End receiver(with_lane(Kind::lane_receiver, server));
        ASSERT_TRUE(talk(sender, receiver));
        ASSERT_TRUE(sender.session.is_ready() && receiver.session.is_ready());
        EXPECT_EQ(sender.session.lane(), "a lane of PULL");
        EXPECT_EQ(receiver.session.lane(), "a lane of PUSH");
        message m = parts({"frame", "body"});
        sender.session.encode(m, sender.out);
        sender.session.tell_lane(as_bytes("not for a receiver"), sender.out);
        receiver.session.tell_lane(as_bytes("an ack"), receiver.out);
        ASSERT_TRUE(talk(sender, receiver));
        EXPECT_EQ(receiver.receive(), "frame|body");
        EXPECT_EQ(receiver.receive(), "(none)");
        ASSERT_FALSE(sender.in.empty());
        EXPECT_EQ(sender.in.front().tag(), static_cast<std::uint32_t>(patterns::Inbound::lane));
        EXPECT_EQ(sender.in.front().text(), "an ack");
    }
}

TEST(ZmtpSession, APeerWithoutALaneIsRefusedWhereOneIsNeeded) {
    for (const bool is_needed : {true, false}) {
        Config config = with_lane(Kind::lane_sender);
        config.needs_lane = is_needed;
        End sender(std::move(config));
        const auto given = sender.give(greeting_text() + ready_text("PULL"));
        EXPECT_EQ(given.has_value(), !is_needed);
        EXPECT_EQ(sender.session.is_ready(), !is_needed);
        if (is_needed) {
            EXPECT_EQ(given.error().code, ErrorCode::precondition_failed);
            EXPECT_THAT(sender.take(), testing::HasSubstr("Lane required"));
            continue;
        }
        EXPECT_EQ(sender.session.lane(), "");
    }
}

TEST(ZmtpSession, WhoHasNoLaneSeesAnOrdinaryPeer) {
    End pull(of(Kind::pull));
    Config config = with_lane(Kind::lane_sender);
    config.needs_lane = false;
    End sender(std::move(config));
    ASSERT_TRUE(talk(sender, pull));
    ASSERT_TRUE(sender.session.is_ready() && pull.session.is_ready());
    EXPECT_EQ(pull.session.lane(), "") << "it has none of its own";
    EXPECT_EQ(sender.session.lane(), "");
    ASSERT_TRUE(pull.give(command_text("LANE", "an ack")));
    EXPECT_EQ(pull.receive(), "(none)");
}

TEST(ZmtpMetadata, NamesAreComparedWithoutCase_37) {
    Metadata metadata;
    metadata.add("socket-TYPE", "PUSH");
    const auto decoded = Metadata::decode(metadata.encode());
    ASSERT_TRUE(decoded.has_value());
    ASSERT_NE(decoded->find("Socket-Type"), nullptr);
    EXPECT_EQ(*decoded->find("Socket-Type"), "PUSH");
    EXPECT_EQ(decoded->find("Identity"), nullptr);
}

}  // namespace
}  // namespace fantail::zmtp

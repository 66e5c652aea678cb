// SPDX-License-Identifier: Apache-2.0
//! The settings of a socket, with units and defaults. Set them before the socket is made; they do not change afterwards.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "fantail/message.hpp"
#include "fantail/result.hpp"

namespace fantail {

using std::chrono::milliseconds;

/// Waits without end.
inline constexpr milliseconds forever{-1};

/// No authentication, no encryption.
struct no_security {};
/// ZMTP's PLAIN, the side that logs in. In clear text: for trusted networks.
struct plain_client {
    std::string user;      ///< up to 255 bytes
    std::string password;  ///< up to 255 bytes
};
/// ZMTP's PLAIN, the side that lets in.
struct plain_server {
    /// Whether to let in; called on a thread that drives the socket, with it locked: answer at once, and do not use the socket.
    std::function<bool(const std::string& user, const std::string& password)> admit;
};
/// A key of CURVE: 32 bytes.
using curve_key = std::array<std::uint8_t, 32>;
/// Both keys of one end.
struct curve_keys {
    curve_key open;    ///< to be told to the other end
    curve_key secret;  ///< to be kept
};
/// New keys, from the kernel's random numbers.
[[nodiscard]] curve_keys make_curve_keys();
/// 40 characters of Z85, the form in which ZeroMQ programs keep keys.
[[nodiscard]] std::string to_z85(const curve_key& key);
/// From 40 characters of Z85 or 32 bytes. Errors: invalid_argument.
[[nodiscard]] result<curve_key> parse_curve_key(std::string_view text);

/// ZMTP's CURVE, the client's side: authenticated and encrypted.
struct curve_client {
    curve_key server;  ///< the server's open key
    curve_key secret;  ///< our own secret one
};
/// The server's side.
struct curve_server {
    curve_key secret;
    /// Whether to let in the client with this open key; empty: everybody. Called as plain_server::admit is.
    std::function<bool(const curve_key& client)> admit;
};
using security = std::variant<no_security, plain_client, plain_server, curve_client, curve_server>;

struct reconnect_options {
    milliseconds delay_min{100};    ///< pause before the first attempt after a loss; each failure doubles it
    milliseconds delay_max{5'000};  ///< up to this; each pause is shortened by up to a quarter, by chance
};

struct heartbeat_options {
    milliseconds interval{0};  ///< a PING after so long without anything from the peer; 0: none
    milliseconds timeout{0};   ///< the peer is given up so long after a PING without an answer; 0: as the interval
    milliseconds ttl{0};  ///< what the peer is told to give us up after; to 6,553 s, in steps of 100 ms; 0: nothing
};

struct router_options {
    bool mandatory = false;  ///< sending to an unknown routing id is `no_route` instead of a silent drop
    bool handover = false;   ///< a second peer with the same routing id replaces the first instead of being refused
};

struct request_options {
    bool relaxed = false;    ///< a request may follow a request; the reply to the first is dropped. Implies `correlate`
    bool correlate = false;  ///< number requests, so that a late reply cannot be taken for another's
    /// After so long without a reply, and at once when the peer that was asked is gone, the request is sent again, to another peer if
    /// need be: it may be done more than once. 0: never, a lost peer is `peer_gone`. Implies `correlate`
    milliseconds resend{0};
};

struct survey_options {
    milliseconds timeout{1'000};  ///< how long answers to a survey are waited for
};

struct sp_options {
    std::uint8_t ttl = 8;  ///< hops after which requests, surveys and messages of PAIR v1 are dropped, 1–255
    bool pair_v1 = false;  ///< a pair that connects speaks version 1; one that is connected to takes the other's
};

struct publisher_options {
    bool verbose = false;  ///< xpublisher: pass on every subscription, not only the first and last of a prefix
    bool no_drop = false;  ///< wait for (or `would_block` on) a full subscriber instead of dropping for it
    std::string welcome;   ///< sent to each subscriber whose subscription it matches, once connected; empty: nothing
};

/// Where a lane_sender keeps messages, and what they outlive there.
enum class lane_journal : std::uint8_t {
    memory,  ///< nothing: they are lost with the process
    os,      ///< the process, kill -9 included: they are in files, perhaps only in the system's cache
    disk,    ///< the machine, too: they are on stable storage
};

/// Of lane_sender and lane_receiver.
struct lane_options {
    /// Sender: where messages are kept. They are in memory, too, until they are acknowledged.
    lane_journal journal = lane_journal::memory;
    /// Sender: where, if it is not memory: a directory of this lane's own, made if it is missing. A lane_sender that opens it again is the
    /// same lane. It takes up to journal_bytes_max, 4 KiB more each time that messages are written, and 48 MiB.
    std::string journal_directory;
    /// Sender: messages kept until they are acknowledged, before `send` waits; 0: no limit.
    std::uint32_t journal_messages_max = 10'000;
    /// Sender: the same of their bytes, 64 more counted a part. The message that passes it is still taken. 0: no limit.
    std::uint64_t journal_bytes_max = 64ull << 20;
    /// Sender: a message that has failed so often is a dead letter. It fails by retry(), and as the first of those unacknowledged when the
    /// receiver is lost for good: a program that ends by itself should acknowledge first. 0: no limit.
    std::uint32_t attempts_max = 0;
    milliseconds retry_delay_min{100};  ///< sender: pause after a message's first retry(); each further one doubles it
    milliseconds retry_delay_max{30'000};  ///< sender: up to this
    /// Sender: takes dead letters, with how often they were tried; without it they are dropped, with an event all the same. Called as
    /// plain_server::admit is.
    std::function<void(message m, std::uint32_t attempts)> dead_letter;

    /// Receiver: messages that a sender may have under way or with the program, unacknowledged, 1 or more.
    std::uint32_t window = 1000;
    bool acknowledge_automatically = false;  ///< receiver: the next receive() acknowledges what the last one gave
    /// Receiver: lanes that it remembers; beyond it the one longest without a connection goes.
    std::uint32_t lanes_max = 10'000;

    /// Also talk to an ordinary PULL or PUSH, which acknowledges nothing: what was sent to it counts as done. Else it is refused.
    bool allow_plain = false;
};

/// All settings of all sockets; each reads what concerns it.
struct options {
    std::uint32_t send_high_water = 1000;     ///< messages queued a peer before `send` waits or drops; 0: no limit
    std::uint32_t receive_high_water = 1000;  ///< messages read ahead a peer
    milliseconds send_timeout = forever;      ///< of `send` without a deadline of its own; 0: do not wait
    milliseconds receive_timeout = forever;   ///< of `receive` without one
    milliseconds linger{1'000};               ///< how long closing waits for the kernel to take what was sent
    milliseconds connect_timeout{10'000};     ///< of one attempt to connect
    milliseconds handshake_timeout{30'000};   ///< of a connection before it is ready for messages
    reconnect_options reconnect;
    heartbeat_options heartbeat;

    std::uint64_t message_size_max =
        256u << 20;                       ///< bytes of a received message, 64 counted a part; more ends the connection
    std::uint32_t listen_backlog = 128;   ///< connections that wait to be accepted
    std::int32_t kernel_send_buffer = 0;  ///< bytes (SO_SNDBUF); 0: the system's choice
    std::int32_t kernel_receive_buffer = 0;  ///< bytes (SO_RCVBUF); 0: the system's choice

    std::string
        routing_id;  ///< what a router knows this socket by, 1–255 bytes, not beginning with a zero byte; empty: its choice
    bool immediate = false;     ///< queue messages only for connections that are ready, not for those still being made
    bool conflate = false;      ///< keep only the newest message a peer (messages of one part)
    bool probe_router = false;  ///< send an empty message on each new connection, so that a router learns of it
    bool invert_matching = false;  ///< publisher and subscriber: prefixes say what is not wanted

    router_options router;
    request_options request;
    publisher_options publisher;
    survey_options survey;
    sp_options sp;
    lane_options lane;
    fantail::security security;
};

}  // namespace fantail

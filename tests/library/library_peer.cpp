// SPDX-License-Identifier: Apache-2.0
//! A program with sockets of the library, told line by line what to do with them; one end of the interop tests.
//
//   new NAME KIND [option=value …]     bind|connect|unbind|disconnect NAME ADDRESS     close NAME
//   send NAME TIMEOUT_MS PART…         receive NAME TIMEOUT_MS                         (parts in hex, `-` for an empty one)
//   subscribe|unsubscribe NAME PART    event NAME TIMEOUT_MS
//   flood NAME COUNT SIZE              sends COUNT messages that begin with their number
//   drain NAME COUNT TIMEOUT_MS        receives COUNT of them in order, by any number of senders
//   settle NAME ack|retry GIVEN        of a lane_receiver; GIVEN is the first part of what it received: lane (16), flags, number (8)
//   unsettled NAME                     of a lane_sender
//   memory                             its resident set in KiB
// Each is answered by one line: `ok …` or `error CODE`.
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "fantail/fantail.hpp"

namespace {

using fantail::message;
using fantail::milliseconds;
using fantail::part;
using fantail::result;

/// One socket of any pattern, with everything that some pattern can do.
struct AnySocket : fantail::socket {
    template <class Socket>
    explicit AnySocket(Socket&& made) : fantail::socket(std::forward<Socket>(made)) {}
    using fantail::socket::change_subscription;
    using fantail::socket::receive;
    using fantail::socket::receive_into;
    using fantail::socket::send;
    using fantail::socket::settle_lane;
    using fantail::socket::unsettled;
};

std::string to_hex(fantail::byte_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out.empty() ? "-" : out;
}

std::string from_hex(const std::string& text) {
    std::string out;
    if (text == "-") return out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return out;
}

std::string failed(const fantail::error& error) { return "error " + error.text(); }

void set_numbers(fantail::options& o, const std::string& name, long value) {
    const std::map<std::string, std::function<void()>> setters{
        {"send_high_water", [&] { o.send_high_water = static_cast<std::uint32_t>(value); }},
        {"receive_high_water", [&] { o.receive_high_water = static_cast<std::uint32_t>(value); }},
        {"linger", [&] { o.linger = milliseconds(value); }},
        {"reconnect_min", [&] { o.reconnect.delay_min = milliseconds(value); }},
        {"reconnect_max", [&] { o.reconnect.delay_max = milliseconds(value); }},
        {"handshake_timeout", [&] { o.handshake_timeout = milliseconds(value); }},
        {"heartbeat", [&] { o.heartbeat.interval = milliseconds(value); }},
        {"heartbeat_ttl", [&] { o.heartbeat.ttl = milliseconds(value); }},
        {"message_size_max", [&] { o.message_size_max = static_cast<std::uint64_t>(value); }},
        {"send_buffer", [&] { o.kernel_send_buffer = static_cast<std::int32_t>(value); }},
        {"receive_buffer", [&] { o.kernel_receive_buffer = static_cast<std::int32_t>(value); }},
        {"immediate", [&] { o.immediate = value != 0; }},
        {"conflate", [&] { o.conflate = value != 0; }},
        {"probe", [&] { o.probe_router = value != 0; }},
        {"invert", [&] { o.invert_matching = value != 0; }},
        {"mandatory", [&] { o.router.mandatory = value != 0; }},
        {"handover", [&] { o.router.handover = value != 0; }},
        {"relaxed", [&] { o.request.relaxed = value != 0; }},
        {"correlate", [&] { o.request.correlate = value != 0; }},
        {"resend", [&] { o.request.resend = milliseconds(value); }},
        {"survey", [&] { o.survey.timeout = milliseconds(value); }},
        {"ttl", [&] { o.sp.ttl = static_cast<std::uint8_t>(value); }},
        {"pair_v1", [&] { o.sp.pair_v1 = value != 0; }},
        {"verbose", [&] { o.publisher.verbose = value != 0; }},
        {"no_drop", [&] { o.publisher.no_drop = value != 0; }},
        {"allow_plain", [&] { o.lane.allow_plain = value != 0; }},
        {"window", [&] { o.lane.window = static_cast<std::uint32_t>(value); }},
    };
    setters.at(name)();
}

void set_option(fantail::options& o, const std::string& name, const std::string& value) {
    if (name == "routing_id") o.routing_id = value;
    else if (name == "welcome") o.publisher.welcome = value;
    else if (name == "plain_client") {
        const std::size_t colon = value.find(':');
        o.security = fantail::plain_client{value.substr(0, colon), value.substr(colon + 1)};
    } else if (name == "plain_server") {
        o.security = fantail::plain_server{
            [value](const std::string& user, const std::string& password) { return user + ":" + password == value; }};
    } else if (name == "curve_client") {
        o.security = fantail::curve_client{*fantail::parse_curve_key(value.substr(0, 40)),
                                           *fantail::parse_curve_key(value.substr(40))};
    } else if (name == "curve_server") {
        const std::string admitted = value.substr(40);
        o.security = fantail::curve_server{*fantail::parse_curve_key(value.substr(0, 40)),
                                           [admitted](const fantail::curve_key& client) {
                                               return admitted.empty() || fantail::to_z85(client) == admitted;
                                           }};
    } else set_numbers(o, name, std::stol(value));
}

std::unique_ptr<AnySocket> make(const std::string& kind, const fantail::options& o) {
    const auto as = [](auto&& made) { return std::make_unique<AnySocket>(std::forward<decltype(made)>(made)); };
    if (kind == "push") return as(fantail::push(o));
    if (kind == "pull") return as(fantail::pull(o));
    if (kind == "publisher") return as(fantail::publisher(o));
    if (kind == "subscriber") return as(fantail::subscriber(o));
    if (kind == "xpublisher") return as(fantail::xpublisher(o));
    if (kind == "xsubscriber") return as(fantail::xsubscriber(o));
    if (kind == "requester") return as(fantail::requester(o));
    if (kind == "replier") return as(fantail::replier(o));
    if (kind == "dealer") return as(fantail::dealer(o));
    if (kind == "router") return as(fantail::router(o));
    if (kind == "surveyor") return as(fantail::surveyor(o));
    if (kind == "respondent") return as(fantail::respondent(o));
    if (kind == "bus") return as(fantail::bus(o));
    if (kind == "client") return as(fantail::client(o));
    if (kind == "server") return as(fantail::server(o));
    if (kind == "radio") return as(fantail::radio(o));
    if (kind == "dish") return as(fantail::dish(o));
    if (kind == "lane_sender") return as(fantail::lane_sender(o));
    if (kind == "lane_receiver") return as(fantail::lane_receiver(o));
    return as(fantail::pair(o));
}

class Peer {
public:
    std::string run(std::istringstream line) {
        std::string verb;
        std::string name;
        line >> verb >> name;
        if (verb == "memory") return memory();
        if (verb == "new") return create(name, line);
        AnySocket& socket = *sockets_.at(name);
        if (verb == "send") return send(socket, line);
        if (verb == "receive") return receive(socket, line);
        if (verb == "event") return next_event(socket, line);
        if (verb == "flood") return flood(socket, line);
        if (verb == "drain") return drain(socket, line);
        if (verb == "settle") return settle(socket, line);
        if (verb == "unsettled") return "ok " + std::to_string(socket.unsettled());
        return change(verb, name, socket, line);
    }

private:
    static std::string memory() {
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) return "ok " + std::to_string(std::stol(line.substr(6)));
        }
        return "error no VmRSS";
    }
    std::string create(const std::string& name, std::istringstream& line) {
        std::string kind;
        line >> kind;
        fantail::options o;
        for (std::string setting; line >> setting;) {
            const std::size_t equals = setting.find('=');
            set_option(o, setting.substr(0, equals), setting.substr(equals + 1));
        }
        sockets_[name] = make(kind, o);
        return "ok";
    }
    std::string change(const std::string& verb, const std::string& name, AnySocket& socket, std::istringstream& line) {
        std::string argument;
        line >> argument;
        if (verb == "bind") {
            auto bound = socket.bind(argument);
            return bound ? "ok " + *bound : failed(bound.error());
        }
        result<void> done;
        if (verb == "connect") done = socket.connect(argument);
        else if (verb == "unbind") done = socket.unbind(argument);
        else if (verb == "disconnect") done = socket.disconnect(argument);
        else if (verb == "subscribe") done = socket.change_subscription(from_hex(argument), true);
        else if (verb == "unsubscribe") done = socket.change_subscription(from_hex(argument), false);
        else if (verb == "close") sockets_.erase(name);
        else return "error unknown verb " + verb;
        return done ? "ok" : failed(done.error());
    }
    static std::string send(AnySocket& socket, std::istringstream& line) {
        long timeout_ms = 0;
        std::string hex;
        line >> timeout_ms >> hex;
        message m{part(std::string_view(from_hex(hex)))};
        while (line >> hex) m.add(from_hex(hex));
        const auto sent = socket.send(std::move(m), milliseconds(timeout_ms));
        return sent ? "ok" : failed(sent.error());
    }
    static std::string receive(AnySocket& socket, std::istringstream& line) {
        long timeout_ms = 0;
        line >> timeout_ms;
        auto m = socket.receive(milliseconds(timeout_ms));
        if (!m) return failed(m.error());
        std::string out = "ok";
        for (std::size_t i = 0; i < m->size(); ++i) out += " " + to_hex((*m)[i].bytes());
        return out;
    }
    static std::string settle(AnySocket& socket, std::istringstream& line) {
        std::string how;
        std::string hex;
        line >> how >> hex;
        const std::string given = from_hex(hex);
        if (given.size() != 25) return "error not the first part of a lane's message";
        const auto* at = reinterpret_cast<const std::uint8_t*>(given.data());
        std::uint64_t number = 0;
        for (std::size_t i = 17; i < given.size(); ++i) number = number << 8 | at[i];
        const auto done = socket.settle_lane({at, 16}, number, how == "retry");
        return done ? "ok" : failed(done.error());
    }
    static std::string next_event(AnySocket& socket, std::istringstream& line) {
        long timeout_ms = 0;
        line >> timeout_ms;
        auto e = socket.next_event(milliseconds(timeout_ms));
        if (!e) return failed(e.error());
        return "ok " + std::string(name_of(e->what)) + " " + e->endpoint + " " + (e->peer.empty() ? "-" : e->peer) +
               " " + e->reason;
    }
    static std::string flood(AnySocket& socket, std::istringstream& line) {
        std::uint64_t count = 0;
        std::size_t size = 0;
        line >> count >> size;
        for (std::uint64_t i = 0; i < count; ++i) {
            part body = part::with_size(std::max(size, sizeof i));
            std::memset(body.data(), static_cast<int>(i), body.size());
            std::memcpy(body.data(), &i, sizeof i);
            if (auto sent = socket.send(message(std::move(body)), milliseconds(30'000)); !sent)
                return failed(sent.error());
        }
        return "ok";
    }
    static std::string drain(AnySocket& socket, std::istringstream& line) {
        std::uint64_t count = 0;
        long timeout_ms = 0;
        line >> count >> timeout_ms;
        message m;
        for (std::uint64_t i = 0; i < count; ++i) {
            if (auto got = socket.receive_into(m, milliseconds(timeout_ms)); !got) {
                return failed(got.error()) + " after " + std::to_string(i);
            }
            std::uint64_t number = 0;
            std::memcpy(&number, m.body().data(), sizeof number);
            if (number != i) return "error message " + std::to_string(number) + " instead of " + std::to_string(i);
            const std::size_t size = m.body().size();
            if (size > sizeof i && m.body().data()[size - 1] != static_cast<std::uint8_t>(i))
                return "error a wrong body";
        }
        return "ok";
    }

    std::map<std::string, std::unique_ptr<AnySocket>> sockets_;
};

}  // namespace

int main() {
    Peer peer;
    for (std::string line; std::getline(std::cin, line);) std::cout << peer.run(std::istringstream(line)) << std::endl;
    return 0;
}

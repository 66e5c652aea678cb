// SPDX-License-Identifier: Apache-2.0
//! The table of protocols.
#include "protocols/sp/protocols.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/bytes.hpp"
#include "protocols/sp/wire.hpp"

namespace fantail::sp {

namespace {
struct Row {
    Protocol protocol;
    Protocol peer;
    Header header;
    const char* name;
};
constexpr std::array<Row, 11> rows{{
    {Protocol::pair, Protocol::pair, Header::none, "PAIR"},
    {Protocol::pair_v1, Protocol::pair_v1, Header::hops, "PAIR v1"},
    {Protocol::publisher, Protocol::subscriber, Header::none, "PUB"},
    {Protocol::subscriber, Protocol::publisher, Header::none, "SUB"},
    {Protocol::requester, Protocol::replier, Header::words, "REQ"},
    {Protocol::replier, Protocol::requester, Header::words, "REP"},
    {Protocol::push, Protocol::pull, Header::none, "PUSH"},
    {Protocol::pull, Protocol::push, Header::none, "PULL"},
    {Protocol::surveyor, Protocol::respondent, Header::words, "SURVEYOR"},
    {Protocol::respondent, Protocol::surveyor, Header::words, "RESPONDENT"},
    {Protocol::bus, Protocol::bus, Header::none, "BUS"},
}};

const Row* find(Protocol protocol) {
    const auto* at = std::ranges::find(rows, protocol, &Row::protocol);
    return at == rows.end() ? nullptr : at;
}
}  // namespace

bool has_protocol(Kind kind) {
    static constexpr Kind others[] = {Kind::client, Kind::server,      Kind::radio,
                                      Kind::dish,   Kind::lane_sender, Kind::lane_receiver};
    return std::ranges::find(others, kind) == std::end(others);
}

Protocol protocol_of(Kind kind) {
    switch (kind) {
        case Kind::pair: return Protocol::pair;
        case Kind::publisher:
        case Kind::xpublisher: return Protocol::publisher;
        case Kind::subscriber:
        case Kind::xsubscriber: return Protocol::subscriber;
        case Kind::requester:
        case Kind::dealer: return Protocol::requester;
        case Kind::replier:
        case Kind::router: return Protocol::replier;
        case Kind::pull: return Protocol::pull;
        case Kind::push: return Protocol::push;
        case Kind::surveyor: return Protocol::surveyor;
        case Kind::respondent: return Protocol::respondent;
        case Kind::bus: return Protocol::bus;
        case Kind::client:
        case Kind::server:
        case Kind::radio:
        case Kind::dish:
        case Kind::lane_sender:
        case Kind::lane_receiver: break;
    }
    FANTAIL_ASSERT(!"a kind of pattern that is not in SP");
    return Protocol::bus;
}

Protocol peer_of(Protocol protocol) { return find(protocol)->peer; }
Header header_of(Protocol protocol) { return find(protocol)->header; }

std::string name_of(Protocol protocol) {
    if (const Row* row = find(protocol)) return row->name;
    char text[32];
    std::snprintf(text, sizeof text, "protocol 0x%04x", static_cast<unsigned>(protocol));
    return text;
}

/// From part `begin` on.
static std::size_t count_words(const message& m, std::size_t begin) {
    if (m.size() < begin + 3 || !m[m.size() - 2].empty()) return 0;
    const std::size_t words = m.size() - 2 - begin;
    if (words > words_max) return 0;
    for (std::size_t i = 0; i < words; ++i) {
        const part& word = m[begin + i];
        if (word.size() != 4) return 0;
        const bool ends = (word.data()[0] & 0x80) != 0;
        if (ends != (i + 1 == words)) return 0;
    }
    return words;
}

std::size_t count_words(const message& m) { return count_words(m, 0); }

bool fits(Kind kind, const message& m) {
    if (kind == Kind::dealer) return count_words(m, 0) > 0;
    if (kind == Kind::router) return count_words(m, 1) > 0;
    // Nothing goes from a subscriber to a publisher here; subscriptions stay where they are made.
    if (kind == Kind::xsubscriber) return m.size() == 1 && !m[0].empty() && m[0].data()[0] <= 1;
    return m.size() == 1;
}

}  // namespace fantail::sp

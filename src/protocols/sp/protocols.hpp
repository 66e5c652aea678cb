// SPDX-License-Identifier: Apache-2.0
//! The protocols of SP: their numbers, who may talk to whom, and what is in front of a message's body.
#pragma once

#include <cstdint>
#include <string>

#include "patterns/api.hpp"

namespace fantail::sp {

using patterns::Kind;

/// What an end calls itself in its greeting: the number of the pattern × 16 + the role (sp-protocol-ids-01).
enum class Protocol : std::uint16_t {
    pair = 0x10,
    pair_v1 = 0x11,  ///< nng's, with a count of hops
    publisher = 0x20,
    subscriber = 0x21,
    requester = 0x30,
    replier = 0x31,
    push = 0x50,
    pull = 0x51,
    surveyor = 0x62,
    respondent = 0x63,
    bus = 0x70,
};

/// What a message has in front of its body.
enum class Header : std::uint8_t {
    none,
    hops,   ///< a word: how many hops it has made, from 1 on
    words,  ///< words, one a hop that it went through; the last one is the request id and has its high bit set
};

/// Whether SP has that pattern.
[[nodiscard]] bool has_protocol(Kind kind);
/// Of those; a dealer is a requester, a router a replier, whose program sees the envelope. A pair is of version 0.
[[nodiscard]] Protocol protocol_of(Kind kind);
/// Whom an end may talk to.
[[nodiscard]] Protocol peer_of(Protocol protocol);
[[nodiscard]] Header header_of(Protocol protocol);
/// `PUSH`; `protocol 0x1234` of an unknown one.
[[nodiscard]] std::string name_of(Protocol protocol);

/// Whether a program of that kind may send `m`: SP messages have one part, and an envelope where the program makes it itself is
/// of words.
[[nodiscard]] bool fits(Kind kind, const message& m);

/// How many words are in front of the body of `m`: 4-byte parts up to an empty part that only the body follows. 0: they are not as
/// they should be.
[[nodiscard]] std::size_t count_words(const message& m);

}  // namespace fantail::sp

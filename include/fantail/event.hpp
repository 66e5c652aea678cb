// SPDX-License-Identifier: Apache-2.0
//! What happens to the connections of a socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fantail {

/// One thing that happened to a connection or listener.
struct event {
    enum class type : std::uint8_t {
        listening,         ///< bound
        accept_failed,     ///< descriptors or memory have run out; tried again by itself
        accepted,          ///< a peer has connected; its handshake begins
        connected,         ///< we have connected; the handshake begins
        connect_failed,    ///< refused, unreachable, timed out; tried again after a pause
        ready,             ///< the handshake is complete: messages flow
        handshake_failed,  ///< another protocol or version, wrong mechanism or credentials, a pattern that does not fit
        rejected,          ///< the pattern turned the peer away, or it broke the pattern's or the protocol's rules
        disconnected,      ///< a ready connection has ended
        lane_resumed,      ///< a lane goes on over a new connection; the reason says from where
        dead_lettered,     ///< a lane has given up a message; the reason says which
    };
    type what = type::listening;
    std::string endpoint;  ///< as given to bind() or connect()
    std::string peer;      ///< the other end's address, if known
    std::string reason;    ///< a sentence; empty if there is nothing to say
};

/// `handshake_failed`
[[nodiscard]] std::string_view name_of(event::type type) noexcept;

}  // namespace fantail

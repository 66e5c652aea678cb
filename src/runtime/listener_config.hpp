// SPDX-License-Identifier: Apache-2.0
//! What a listener offers to those who connect.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "protocols/session.hpp"

namespace fantail::sys {
class TlsContext;
}

namespace fantail::runtime {

/// The TLS context for new connections. Thread-safe: a reload stores a new one while cores accept.
struct TlsSlot {
    std::atomic<std::shared_ptr<const sys::TlsContext>> context;
};

/// Shared by the connections that a listener accepted. Immutable but for what the TLS slot holds.
struct ListenerConfig {
    std::string name;  ///< "amqp", "http" …
    std::string host;
    std::uint16_t port = 0;                      ///< 0: any free one
    std::vector<protocols::Protocol> protocols;  ///< what it speaks; the first `yes` of sniffing wins
    std::shared_ptr<TlsSlot> tls;                ///< null: plain
    bool required = true;                        ///< false: left out, and that is reported, if it cannot be opened
};

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! What the administration interface needs to know of the process.
#pragma once

#include <atomic>
#include <memory>

#include "base/time.hpp"

namespace fantail::runtime {
class Node;
}
namespace fantail::sys {
class TlsContext;
}

namespace fantail::server {

struct Settings;

/// Made by serve(), shared by admin sessions of all cores; outlives the node.
struct AdminContext {
    runtime::Node* node = nullptr;             ///< set before any session exists
    std::atomic<bool> ready{false};            ///< all listeners accept, and no stop has begun
    std::shared_ptr<sys::TlsContext> tls;      ///< null: no TLS listener
    MonoTime started;
};

/// Reads the certificate files again; new connections get them. Keeps the old ones and reports if they are bad.
void reload_certificates(const Settings& settings, AdminContext& admin);

}  // namespace fantail::server

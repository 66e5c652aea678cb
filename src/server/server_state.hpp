// SPDX-License-Identifier: Apache-2.0
//! What the parts of a running server share: whether it is ready, what is short, and its certificates.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/time.hpp"
#include "runtime/listener_config.hpp"
#include "server/admin/backend.hpp"

namespace fantail::server {

/// Made by serve(); outlives the node. Thread-safe but for what is set before the node starts.
class ServerState {
public:
    std::atomic<bool> ready{false};         ///< all listeners accept, and no stop has begun
    std::atomic<bool> memory_alarm{false};  ///< memory is short
    std::atomic<bool> disk_alarm{false};    ///< disk space is
    Now started;                            ///< set before the node starts
    NodeFacts facts;                        ///< the same
    std::string data_dir;                   ///< the same; whose disk the figures are of
    std::shared_ptr<runtime::TlsSlot> tls;  ///< the same; null: no TLS listener

    void set_alarm(std::string reason) {
        const std::scoped_lock lock(mutex_);
        alarm_ = std::move(reason);
    }
    /// Why publishers are held back, or empty.
    [[nodiscard]] std::string alarm() const {
        const std::scoped_lock lock(mutex_);
        return alarm_;
    }

private:
    mutable std::mutex mutex_;
    std::string alarm_;
};

}  // namespace fantail::server

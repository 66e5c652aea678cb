// SPDX-License-Identifier: Apache-2.0
//! Which consumers of a core's connections take messages straight from other connections, for other cores to ask.
#pragma once

#include <mutex>
#include <set>
#include <utility>

#include "base/ids.hpp"

namespace fantail::runtime {

/// Its core adds and removes; any core may ask. Asked once a direct reply, so a lock is cheap enough.
class DirectConsumers {
public:
    void add(ConnectionId connection, ConsumerId consumer) {
        const std::scoped_lock lock(mutex_);
        known_.emplace(connection, consumer);
    }
    void remove(ConnectionId connection, ConsumerId consumer) {
        const std::scoped_lock lock(mutex_);
        known_.erase({connection, consumer});
    }
    /// All that the connection has.
    void remove(ConnectionId connection) {
        const std::scoped_lock lock(mutex_);
        const auto end = known_.lower_bound({ConnectionId(connection.value + 1), ConsumerId()});
        known_.erase(known_.lower_bound({connection, ConsumerId()}), end);
    }
    [[nodiscard]] bool contains(ConnectionId connection, ConsumerId consumer) const {
        const std::scoped_lock lock(mutex_);
        return known_.contains({connection, consumer});
    }

private:
    mutable std::mutex mutex_;
    std::set<std::pair<ConnectionId, ConsumerId>> known_;
};

}  // namespace fantail::runtime

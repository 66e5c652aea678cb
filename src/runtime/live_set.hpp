// SPDX-License-Identifier: Apache-2.0
//! Which connections of a core are alive, for other cores to ask.
#pragma once

#include <mutex>
#include <unordered_set>

#include "base/ids.hpp"

namespace fantail::runtime {

/// Its core adds and removes; any core may ask. Asked for direct replies to other cores only, so a lock is cheap enough.
class LiveSet {
public:
    void add(ConnectionId id) {
        const std::scoped_lock lock(mutex_);
        ids_.insert(id);
    }
    void remove(ConnectionId id) {
        const std::scoped_lock lock(mutex_);
        ids_.erase(id);
    }
    [[nodiscard]] bool contains(ConnectionId id) const {
        const std::scoped_lock lock(mutex_);
        return ids_.contains(id);
    }

private:
    mutable std::mutex mutex_;
    std::unordered_set<ConnectionId> ids_;
};

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! What the groups of one shard share: the host, the clock, what they keep, and answers that wait for the disk.
#pragma once

#include <deque>

#include "base/time.hpp"
#include "broker/groups/group_host.hpp"
#include "broker/groups/group_store.hpp"

namespace fantail::broker {

/// Owned by the GroupTable; lives as long as its groups.
class GroupContext final {
public:
    explicit GroupContext(GroupHost& h) : host(h) {}

    void answer(const Origin& to, GroupAnswer answer) { host.answer(to, std::move(answer)); }
    /// Answers when all up to `after` is safe; at once if it is.
    void answer_after(Lsn after, const Origin& to, GroupAnswer answer);
    /// Whether as many answers wait as may.
    [[nodiscard]] bool overloaded() const;
    /// Logs the change and applies it.
    Lsn write(const GroupChange& change, bool lazy = false);
    void on_durable(Lsn lsn);

    GroupHost& host;
    GroupLimits limits;
    GroupStore store;
    Now now;

private:
    struct Waiting {
        Lsn after;
        Origin to;
        GroupAnswer answer;
    };
    Lsn durable_;
    std::deque<Waiting> waiting_;  ///< lsns do not fall
    Bytes change_;                 ///< scratch
};

}  // namespace fantail::broker

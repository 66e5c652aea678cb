// SPDX-License-Identifier: Apache-2.0
//! The cursor groups of one shard.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/groups/group.hpp"
#include "broker/groups/group_context.hpp"

namespace fantail::broker {

/// Pure: commands, times and what is durable come in; answers and changes go out through the GroupHost.
///
/// Invariant: every group of which something is kept is here.
class GroupTable final {
public:
    /// `host` outlives the table.
    explicit GroupTable(GroupHost& host) : context_(host) {}
    GroupTable(const GroupTable&) = delete;
    GroupTable& operator=(const GroupTable&) = delete;

    void set_limits(const GroupLimits& limits) { context_.limits = limits; }
    /// Carries out a command; it is answered once, now or later.
    void handle(const Origin& origin, GroupCommand&& command, const Now& now);
    /// Appends all groups, by name.
    void list(std::vector<GroupListing>& out) const;
    /// The log is gone, and with it the offsets in it.
    void log_removed(QueueId log);
    /// Everything persisted up to `lsn` is safe.
    void on_durable(Lsn lsn) { context_.on_durable(lsn); }
    void on_tick(const Now& now);
    /// When on_tick() has something to do though nothing happens; never() if nothing waits for time.
    [[nodiscard]] MonoTime deadline() const;

    // Recovery, in this order: decode() at most once, apply(), recovered().
    [[nodiscard]] bool decode(Reader& in, GroupStore::Holds holds = GroupStore::Holds::all) {
        return context_.store.decode(in, holds);
    }
    /// A change for which is_group_change() is true. Errors: corrupt.
    [[nodiscard]] Result<void> apply(ByteView change);
    /// Ends recovery: members go on in the generation that was stable last. Offsets in logs that do not exist go.
    void recovered(const Now& now, const std::function<bool(QueueId)>& exists);
    /// All durable state (docs/formats/groups.md); equal states give equal bytes.
    void encode(Writer& out) const { context_.store.encode(out); }

private:
    using Groups = std::map<std::string, Group, std::less<>>;

    [[nodiscard]] Groups::iterator find_or_make(const std::string& name, const GroupAction& action);
    void finish(Groups::iterator group);
    void sweep();

    GroupContext context_;
    Groups groups_;
    std::map<std::string_view, MonoTime> waking_;             ///< groups that wait for time (keys: groups_)
    std::set<std::pair<MonoTime, std::string_view>> timers_;  ///< the same, by time
    MonoTime next_sweep_ = MonoTime::never();
};

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Cursor groups of this shard.
#include "broker/shard.hpp"

namespace fantail::broker {

void Shard::carry_out(const Origin& origin, GroupCommand& command) {
    groups_.handle(origin, std::move(command), context_.now);
}

void Shard::carry_out(const Origin& origin, ListGroups&) {
    GroupsListed listed;
    groups_.list(listed.groups);
    answer(origin, std::move(listed));
}

void Shard::answer(const Origin& to, GroupAnswer answer) {
    context_.host.emit(to.connection, GroupAnswered{to.request, std::make_unique<GroupAnswer>(std::move(answer))});
}

Lsn Shard::persist(ByteView change, bool lazy) { return context_.host.log_change(change, lazy); }

void Shard::logs_removed(std::span<const QueueId> logs) {
    for (const QueueId log : logs) groups_.log_removed(log);
}

}  // namespace fantail::broker

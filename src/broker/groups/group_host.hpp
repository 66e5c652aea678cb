// SPDX-License-Identifier: Apache-2.0
//! What cursor groups may ask of their shard.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "broker/api/commands.hpp"
#include "broker/api/group_commands.hpp"
#include "broker/api/port.hpp"

namespace fantail::broker {

/// Effects of a shard's groups. Carried out at once and never calling back into them from inside.
class GroupHost {
public:
    virtual ~GroupHost() = default;
    /// Tells the session that sent the command.
    virtual void answer(const Origin& to, GroupAnswer answer) = 0;
    /// Stores a change that GroupTable::apply() understands; GroupTable::on_durable() tells when it is safe. The Lsns given do
    /// not fall. \param lazy it needs no write of its own
    virtual Lsn persist(ByteView change, bool lazy) = 0;
    /// For names of members.
    [[nodiscard]] virtual std::uint64_t random() = 0;
    /// The topics that there are. Not to be asked before GroupTable::recovered() has returned.
    [[nodiscard]] virtual const CatalogView& catalog() const = 0;
};

}  // namespace fantail::broker

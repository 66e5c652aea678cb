// SPDX-License-Identifier: Apache-2.0
//! What a shard's cursor groups keep across restarts: their last stable generation and their offsets.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "broker/groups/group_changes.hpp"

namespace fantail::broker {

struct KeptGroup {
    std::int32_t generation = 0;
    std::string protocol_type;  ///< empty: it only ever kept offsets
    std::string protocol;
    std::string leader;
    WallTime since;                                          ///< when it became stable or empty
    std::map<std::string, KeptMember, std::less<>> members;  ///< by id
    std::map<QueueId, KeptOffset> offsets;
};

/// Changed by apply() only, live and in replay alike.
class GroupStore final {
public:
    using Groups = std::map<std::string, KeptGroup, std::less<>>;

    void apply(const GroupChange& change);
    /// Null: nothing of that group is kept. Valid until the group is gone.
    [[nodiscard]] const KeptGroup* find(std::string_view group) const;
    [[nodiscard]] const Groups& groups() const { return groups_; }
    /// The end of replay: a generation whose last part was not written never was.
    void drop_unfinished() { unfinished_.clear(); }

    /// docs/formats/groups.md; equal states give equal bytes.
    void encode(Writer& out) const;
    /// False: cut off or senseless.
    [[nodiscard]] bool decode(Reader& in);

private:
    void carry_out(const GenerationChange& change);
    void carry_out(const MemberChange& change);
    void carry_out(const OffsetsChange& change);
    void carry_out(const OffsetsGoneChange& change);
    void carry_out(const LogGoneChange& change);
    void carry_out(const GroupGoneChange& change);

    Groups groups_;
    std::vector<KeptMember> unfinished_;  ///< parts of the generation that is being written
};

}  // namespace fantail::broker

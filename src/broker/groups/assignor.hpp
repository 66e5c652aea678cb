// SPDX-License-Identifier: Apache-2.0
//! How a group shares the partitions of topics among its members.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/api/group_commands.hpp"

namespace fantail::broker {

/// Ascending, each once. Members that choose the same topics may share one.
using TopicIds = std::vector<TopicId>;
using TopicIdsRef = std::shared_ptr<const TopicIds>;
using TopicSizes = std::map<TopicId, std::uint32_t>;  ///< how many partitions a topic has

struct AssignorMember {
    std::string_view name;             ///< that stays when the member comes back
    TopicIdsRef topics;                ///< never null; of them count those that have a size
    const Partitions* held = nullptr;  ///< what it was to have last; none may be held by two
};

/// What each member is to have, in their order. Every partition of a topic that anybody chose has one member; the same input gives the
/// same result. A group of more partitions than limits::group_partitions_max leaves those of the last topics to nobody.
[[nodiscard]] std::vector<Partitions> assign_partitions(Assignor how, const std::vector<AssignorMember>& members,
                                                        const TopicSizes& sizes);

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Sets of partitions, as groups assign them.
#pragma once

#include "base/bytes.hpp"
#include "broker/api/group_commands.hpp"

namespace fantail::broker {

/// Sorted, and each once, whatever came in.
[[nodiscard]] Partitions partitions_of(std::vector<TopicPartition> any);
[[nodiscard]] Partitions both(const Partitions& a, const Partitions& b);
[[nodiscard]] Partitions either(const Partitions& a, const Partitions& b);
/// Of `a` what is not in `b`.
[[nodiscard]] Partitions without(const Partitions& a, const Partitions& b);

/// docs/formats/groups.md. Reading fails the reader if they do not ascend.
void encode_partitions(Writer& out, const Partitions& partitions);
[[nodiscard]] Partitions read_partitions(Reader& in);

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! The top of a data directory: its lock and the number of shards it was made with.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace fantail::runtime {

class Machine;

/// Whether there is one already.
[[nodiscard]] bool is_data_dir(const std::string& path, Machine& machine);

/// Makes or opens the directory and locks it for as long as the machine's files live. Blocks.
/// \param shards_if_new how many shards a new directory gets
/// \return how many shards it has. Errors: unavailable (in use by another process, not writable), corrupt or unsupported
///         (docs/formats/data_dir.md), io.
[[nodiscard]] Result<std::uint16_t> open_or_create_data_dir(const std::string& path, std::uint16_t shards_if_new,
                                                            Machine& machine);

}  // namespace fantail::runtime

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

struct DataDir {
    std::uint16_t shards = 1;
    bool is_unfinished = false;  ///< its first start has not come to its end: shards may be missing
};

/// Makes or opens the directory and locks it for as long as the machine's files live. Blocks.
/// \param shards_if_new how many shards a new directory gets
/// \return what is there. Errors: unavailable (in use by another process, not writable), corrupt (also: a shard's folder is
///         missing, empty or one too many) or unsupported (docs/formats/data_dir.md), io.
[[nodiscard]] Result<DataDir> open_or_create_data_dir(const std::string& path, std::uint16_t shards_if_new,
                                                      Machine& machine);
/// Every shard has its files: from now on none may be missing. Blocks. Errors: io, no_space, unavailable.
[[nodiscard]] Result<void> finish_data_dir(const std::string& path, DataDir& dir, Machine& machine);

}  // namespace fantail::runtime

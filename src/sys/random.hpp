// SPDX-License-Identifier: Apache-2.0
//! Random bytes from the kernel.
#pragma once

#include "base/bytes.hpp"

namespace fantail::sys {

/// Fills `out` with bytes fit for keys and tokens (getrandom). Thread-safe; blocks only before the machine's own pool is
/// seeded, early in its boot.
void random_bytes(MutableBytes out);

/// Eight of them, as a seed or an id.
[[nodiscard]] std::uint64_t random_u64();

}  // namespace fantail::sys

// SPDX-License-Identifier: Apache-2.0
//! The monotonic clock alone, for code that asks often.
#pragma once

#include "base/time.hpp"

namespace fantail::sys {

/// CLOCK_MONOTONIC of this moment; about 25 ns. Any thread.
[[nodiscard]] MonoTime mono_now();
/// How many processors this process may use, at least 1.
[[nodiscard]] unsigned usable_processors();

}  // namespace fantail::sys

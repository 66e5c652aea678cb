// SPDX-License-Identifier: Apache-2.0
//! Reports a failed assertion and stops the process before wrong state can reach the disk.
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace fantail {

void assert_failed(const char* expression, const char* file, int line) noexcept {
    std::fprintf(stderr, "fantail: assertion failed: %s (%s:%d)\n", expression, file, line);
    std::abort();
}

}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! Assertions that stay on in release builds: a false one is our bug, never a peer's.
#pragma once

namespace fantail {

/// Prints the expression and its place to stderr and aborts. Never returns.
[[noreturn]] void assert_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace fantail

/// States an invariant. On in every build; one condition per assert.
#define FANTAIL_ASSERT(expression) \
    (__builtin_expect(!!(expression), 1) ? void(0) : ::fantail::assert_failed(#expression, __FILE__, __LINE__))

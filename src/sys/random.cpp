// SPDX-License-Identifier: Apache-2.0
//! Random bytes by getrandom.
#include "sys/random.hpp"

#include <sys/random.h>

#include <cerrno>

namespace fantail::sys {

void random_bytes(MutableBytes out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        FANTAIL_ASSERT(got > 0 || errno == EINTR);
        if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
    }
}

std::uint64_t random_u64() {
    std::uint8_t bytes[8];
    random_bytes(bytes);
    return load_be<std::uint64_t>(bytes);
}

}  // namespace fantail::sys

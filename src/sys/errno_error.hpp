// SPDX-License-Identifier: Apache-2.0
//! From the kernel's errno to our few error codes.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace fantail::sys {

/// The Error for `error` (an errno value) that befell `what` (a path, an address, a call), with errno's text: no_space
/// (ENOSPC, EDQUOT, and no descriptor left: EMFILE, ENFILE), not_found (ENOENT), unavailable (EROFS, EACCES, EPERM, an
/// address in use, a peer that is gone), io (anything else).
[[nodiscard]] Error errno_error(int error, std::string_view what);

}  // namespace fantail::sys

// SPDX-License-Identifier: Apache-2.0
//! The version of this build.
#pragma once

namespace fantail::server {

/// From CMakeLists.txt: "0.1.0".
inline constexpr const char* version = FANTAIL_VERSION;

}  // namespace fantail::server

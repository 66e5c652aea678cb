// SPDX-License-Identifier: Apache-2.0
//! One HTTP request to the administration port.
#pragma once

#include <string>

#include "cli/uri.hpp"

namespace fantail::cli {

struct HttpReply {
    int status = 0;
    std::string body;
};

struct HttpCall {
    std::string method = "GET";
    std::string target;  ///< path and query, percent-encoded
    std::string body;    ///< JSON, or empty
};

/// Connects, asks, waits at most 30 s for each piece of the answer (64 MiB at most). Blocks.
/// Errors: unavailable (no broker there, or it went away), malformed (no HTTP), too_large.
[[nodiscard]] Result<HttpReply> http_call(const AdminUrl& broker, const HttpCall& call);

}  // namespace fantail::cli

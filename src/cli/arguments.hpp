// SPDX-License-Identifier: Apache-2.0
//! KEY=VALUE arguments of the command line as JSON.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace fantail::cli {

/// Values that are JSON (numbers, true, "texts") are taken as such, all others as text. Errors: malformed (no '=').
[[nodiscard]] Result<boost::json::object> parse_arguments(const std::vector<std::string>& pairs);

/// "/api/queues" and parts, each percent-encoded, as a path.
[[nodiscard]] std::string api_path(std::string_view base, const std::vector<std::string>& segments);

/// The first line of standard input, for secrets. Errors: malformed (there is none).
[[nodiscard]] Result<std::string> read_secret();

}  // namespace fantail::cli

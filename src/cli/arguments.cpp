// SPDX-License-Identifier: Apache-2.0
//! Small readers of what people type.
#include "cli/arguments.hpp"

#include <boost/json.hpp>
#include <iostream>

#include "protocols/http/http_request.hpp"

namespace fantail::cli {

Result<boost::json::object> parse_arguments(const std::vector<std::string>& pairs) {
    boost::json::object all;
    for (const std::string& pair : pairs) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::malformed, "'" + pair + "' is not KEY=VALUE");
        const std::string text = pair.substr(equals + 1);
        boost::system::error_code error;
        boost::json::value value = boost::json::parse(text, error);
        if (error) value = boost::json::string(text);
        all[pair.substr(0, equals)] = std::move(value);
    }
    return all;
}

std::string api_path(std::string_view base, const std::vector<std::string>& segments) {
    std::string path(base);
    for (const std::string& segment : segments) path += "/" + http::encode_percent(segment);
    return path;
}

Result<std::string> read_secret() {
    std::string line;
    if (!std::getline(std::cin, line) || line.empty())
        return fail(ErrorCode::malformed, "no password on standard input");
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

}  // namespace fantail::cli

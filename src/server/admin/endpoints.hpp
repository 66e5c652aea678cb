// SPDX-License-Identifier: Apache-2.0
//! One line of the table of paths.
#pragma once

#include "server/admin/admin_api.hpp"

namespace fantail::server {

/// `path` with a word in braces for each variable segment; {vhost} is one that the caller must be let into (to read: see).
struct AdminApi::Endpoint {
    std::string_view method;
    std::string_view path;
    Handler handler;
    Need need = Need::management;
    std::string_view parameters{};  ///< of the query, with blanks between
};

/// The segment of `path` at {vhost}, or nothing.
[[nodiscard]] std::optional<std::size_t> vhost_segment(std::string_view path);
[[nodiscard]] bool fits(std::string_view path, const std::vector<std::string>& segments);
/// REQUIRES that it fits `path`. Errors: malformed (a bad escape, a parameter that is not offered, or a name that is too long).
[[nodiscard]] Result<void> check_target(const http::Request& request, std::string_view path,
                                        std::string_view parameters);

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! Lists in pages, so that no answer grows without bound.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "protocols/http/http_request.hpp"

namespace fantail::server {

inline constexpr std::size_t page_size_default = 1000;
inline constexpr std::size_t page_size_max = 10'000;

/// Which part of a list is wanted: `offset` and `limit` of the query.
struct Page {
    std::size_t offset = 0;
    std::size_t limit = page_size_default;
};

/// Errors: malformed (not a number, a limit above page_size_max).
[[nodiscard]] Result<Page> page_of(const http::Request& request);

/// Puts the wanted part into order and drops the rest.
template <class T, class Less>
void cut_page(std::vector<T>& all, const Page& page, Less less) {
    const std::size_t first = std::min(page.offset, all.size());
    const std::size_t end = std::min(all.size(), first + page.limit);
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(end), all.end(), less);
    all.resize(end);
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first));
}

/// {"total": n, "offset": n, "items": […]}
[[nodiscard]] std::string list_body(std::size_t total, const Page& page, boost::json::array items);

}  // namespace fantail::server

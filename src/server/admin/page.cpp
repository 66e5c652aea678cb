// SPDX-License-Identifier: Apache-2.0
//! Reads and writes pages.
#include "server/admin/page.hpp"

#include <charconv>

namespace fantail::server {

namespace {

Result<std::size_t> count_of(const http::Request& request, std::string_view name, std::size_t otherwise) {
    const std::string_view text = request.parameter(name);
    if (text.empty()) return otherwise;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return fail(ErrorCode::malformed, std::string(name) + " must be a number");
    return value;
}

}  // namespace

Result<Page> page_of(const http::Request& request) {
    Page page;
    FANTAIL_TRY(page.offset, count_of(request, "offset", 0));
    FANTAIL_TRY(page.limit, count_of(request, "limit", page_size_default));
    if (page.limit > page_size_max)
        return fail(ErrorCode::malformed, "limit is at most " + std::to_string(page_size_max));
    return page;
}

std::string list_body(std::size_t total, const Page& page, boost::json::array items) {
    return boost::json::serialize(
        boost::json::object{{"total", total}, {"offset", page.offset}, {"items", std::move(items)}});
}

}  // namespace fantail::server

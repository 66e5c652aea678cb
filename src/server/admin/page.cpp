// SPDX-License-Identifier: Apache-2.0
//! Reads and writes pages.
#include "server/admin/page.hpp"

#include <charconv>

namespace fantail::server {

namespace json = boost::json;

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Absent counts as `otherwise`. Errors: malformed (no number, below `min`, above `max`).
Result<std::size_t> count_of(const http::Request& request, std::string_view name, std::size_t otherwise,
                             std::size_t min, std::size_t max) {
    const std::string_view text = request.parameter(name);
    if (text.empty()) return otherwise;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return fail(ErrorCode::malformed, std::string(name) + " must be a number");
    if (value < min) return fail(ErrorCode::malformed, std::string(name) + " is at least " + std::to_string(min));
    if (value > max) return fail(ErrorCode::malformed, std::string(name) + " is at most " + std::to_string(max));
    return value;
}

constexpr std::size_t offset_max = 1'000'000'000;

}  // namespace

bool contains_caseless(std::string_view name, std::string_view part) {
    const auto same = [](char in_name, char wanted) { return lower(in_name) == wanted; };
    return std::search(name.begin(), name.end(), part.begin(), part.end(), same) != name.end() || part.empty();
}

Result<Page> page_of(const http::Request& request) {
    Page page;
    page.name = request.parameter("name");
    std::ranges::transform(page.name, page.name.begin(), lower);
    if (request.parameter("use_regex") == "true")
        return fail(ErrorCode::malformed, "use_regex is not offered: name is a part of a name");
    if (request.parameter("page").empty()) {
        FANTAIL_TRY(page.offset, count_of(request, "offset", 0, 0, offset_max));
        FANTAIL_TRY(page.limit, count_of(request, "limit", page_size_default, 0, page_size_max));
        return page;
    }
    FANTAIL_TRY(page.number, count_of(request, "page", 1, 1, offset_max / numbered_page_size_max));
    FANTAIL_TRY(page.limit, count_of(request, "page_size", numbered_page_size_default, 1, numbered_page_size_max));
    page.offset = (*page.number - 1) * page.limit;
    return page;
}

Result<std::string> list_body(const ListCounts& counts, const Page& page, json::array items) {
    if (!page.number) {
        return json::serialize(
            json::object{{"total", counts.filtered}, {"offset", page.offset}, {"items", std::move(items)}});
    }
    if (page.offset > counts.filtered)
        return fail(ErrorCode::malformed, "page out of range, page: " + std::to_string(*page.number) + " page size: " +
                                              std::to_string(page.limit) + ", len: " + std::to_string(counts.filtered));
    return json::serialize(json::object{{"total_count", counts.total},
                                        {"filtered_count", counts.filtered},
                                        {"item_count", items.size()},
                                        {"page", *page.number},
                                        {"page_size", page.limit},
                                        {"page_count", (counts.filtered + page.limit - 1) / page.limit},
                                        {"items", std::move(items)}});
}

}  // namespace fantail::server

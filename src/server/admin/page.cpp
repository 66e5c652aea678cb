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

std::vector<std::string> split_columns(std::string_view text) {
    std::vector<std::string> columns;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        if (comma > 0) columns.emplace_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return columns;
}

/// Lists come in the order of vhosts and names; no other is offered.
Result<void> check_order(const http::Request& request) {
    const std::string_view sort = request.parameter("sort");
    if (!sort.empty() && sort != "name" && sort != "vhost")
        return fail(ErrorCode::malformed, "sort is offered by name only");
    if (request.parameter("sort_reverse") == "true") return fail(ErrorCode::malformed, "sort_reverse is not offered");
    if (request.parameter("use_regex") == "true")
        return fail(ErrorCode::malformed, "use_regex is not offered: name is a part of a name");
    return {};
}

void keep_column(const json::object& from, std::string_view column, json::object& to) {
    const std::size_t dot = std::min(column.find('.'), column.size());
    const json::value* value = from.if_contains(column.substr(0, dot));
    if (value == nullptr) return;
    json::value& kept = to[column.substr(0, dot)];
    if (dot == column.size() || !value->is_object()) {
        kept = *value;
        return;
    }
    if (!kept.is_object()) kept = json::object();
    keep_column(value->as_object(), column.substr(dot + 1), kept.as_object());
}

}  // namespace

json::object only_columns(const json::object& row, const std::vector<std::string>& columns) {
    json::object kept;
    for (const std::string& column : columns) keep_column(row, column, kept);
    return kept;
}

bool contains_caseless(std::string_view name, std::string_view part) {
    const auto same = [](char in_name, char wanted) { return lower(in_name) == wanted; };
    return std::search(name.begin(), name.end(), part.begin(), part.end(), same) != name.end() || part.empty();
}

Result<Page> page_of(const http::Request& request) {
    FANTAIL_CHECK(check_order(request));
    Page page;
    page.name = request.parameter("name");
    std::ranges::transform(page.name, page.name.begin(), lower);
    page.columns = split_columns(request.parameter("columns"));
    if (!request.parameter("page").empty()) {
        FANTAIL_TRY(page.number, count_of(request, "page", 1, 1, offset_max / numbered_page_size_max));
        FANTAIL_TRY(page.limit, count_of(request, "page_size", numbered_page_size_default, 1, numbered_page_size_max));
        page.offset = (*page.number - 1) * page.limit;
        return page;
    }
    page.whole = request.parameter("offset").empty() && request.parameter("limit").empty();
    FANTAIL_TRY(page.offset, count_of(request, "offset", 0, 0, offset_max));
    const std::size_t limit_default = page.whole ? page_size_max : page_size_default;
    FANTAIL_TRY(page.limit, count_of(request, "limit", limit_default, 0, page_size_max));
    return page;
}

Result<std::string> list_body(const ListCounts& counts, const Page& page, json::array items) {
    if (!page.columns.empty())
        for (json::value& item : items) item = only_columns(item.as_object(), page.columns);
    if (page.whole) {
        if (counts.filtered <= page.limit) return json::serialize(items);
        return fail(ErrorCode::malformed, "the list has " + std::to_string(counts.filtered) + " entries, more than " +
                                              std::to_string(page.limit) +
                                              ": ask for it in pages, ?page=1&page_size=500");
    }
    if (!page.number) {
        return json::serialize(
            json::object{{"total", counts.filtered}, {"offset", page.offset}, {"items", std::move(items)}});
    }
    if (page.offset > counts.filtered)
        return fail(ErrorCode::malformed, "Page out of range, page: " + std::to_string(*page.number) + " page size: " +
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

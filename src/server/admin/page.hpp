// SPDX-License-Identifier: Apache-2.0
//! Lists in pages, so that no answer grows without bound.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "protocols/http/http_request.hpp"

namespace fantail::server {

inline constexpr std::size_t page_size_default = 1000;
inline constexpr std::size_t page_size_max = 10'000;  ///< and of a list that is asked for whole
inline constexpr std::size_t numbered_page_size_default = 100;
inline constexpr std::size_t numbered_page_size_max = 500;

/// What every list understands in its query.
inline constexpr std::string_view list_parameters =
    "offset limit page page_size name use_regex pagination columns sort sort_reverse vhost disable_stats "
    "enable_queue_totals lengths_age lengths_incr msg_rates_age msg_rates_incr data_rates_age data_rates_incr";

/// Which part of a list is wanted: all of it, `offset` and `limit` of the query, or `page` and `page_size` as RabbitMQ's
/// management API has them.
struct Page {
    std::size_t offset = 0;
    std::size_t limit = page_size_default;
    bool whole = false;                 ///< neither kind of page was asked for
    std::optional<std::size_t> number;  ///< asked for by `page`, from 1
    std::string name;                   ///< only what has this in its name, whatever the case; empty: all
    std::vector<std::string> columns;   ///< only these members of each entry, `a.b` for one inside a; empty: all
};

/// Errors: malformed (not a number, out of bounds, a parameter that is not offered).
[[nodiscard]] Result<Page> page_of(const http::Request& request);

/// How long a list is.
struct ListCounts {
    std::size_t total = 0;
    std::size_t filtered = 0;  ///< of them, those whose name is wanted
};

/// Whether `part`, in lower case, is in `name`.
[[nodiscard]] bool contains_caseless(std::string_view name, std::string_view part);

/// Puts the wanted part into order and drops the rest. \param name_of the name that Page::name is about
template <class T, class Less, class NameOf>
ListCounts cut_page(std::vector<T>& all, const Page& page, Less less, NameOf name_of) {
    ListCounts counts{all.size(), all.size()};
    if (!page.name.empty()) {
        std::erase_if(all, [&](const T& each) { return !contains_caseless(name_of(each), page.name); });
        counts.filtered = all.size();
    }
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(std::min(page.offset, all.size()));
    const auto end = first + std::min<std::ptrdiff_t>(all.end() - first, static_cast<std::ptrdiff_t>(page.limit));
    std::nth_element(all.begin(), first, all.end(), less);
    std::partial_sort(first, end, all.end(), less);
    all.erase(end, all.end());
    all.erase(all.begin(), first);
    return counts;
}

/// The same for what has no name.
template <class T, class Less>
ListCounts cut_page(std::vector<T>& all, Page page, Less less) {
    page.name.clear();
    return cut_page(all, page, less, [](const T&) { return std::string_view(); });
}

/// A whole list as a JSON array; a part as {"total": n, "offset": n, "items": […]}; a numbered page with what RabbitMQ's
/// management API says of it. Errors: malformed (a numbered page beyond the list, a whole list that is too long).
[[nodiscard]] Result<std::string> list_body(const ListCounts& counts, const Page& page, boost::json::array items);
/// Leaves only the named members, `a.b` for one inside a.
[[nodiscard]] boost::json::object only_columns(const boost::json::object& row, const std::vector<std::string>& columns);

/// A list that is at hand, put into order, cut and written. \param json_of_one an object for a row
template <class T, class Less, class NameOf, class Json>
Result<std::string> small_list(const http::Request& request, std::vector<T> rows, Less less, NameOf name_of,
                               Json json_of_one) {
    FANTAIL_TRY(const Page page, page_of(request));
    const ListCounts counts = cut_page(rows, page, less, name_of);
    boost::json::array items;
    for (const T& row : rows) items.push_back(json_of_one(row));
    return list_body(counts, page, std::move(items));
}

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! Lays out tables.
#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace fantail::cli {

namespace {

/// Columns on a terminal: one for each UTF-8 character, which is right for most scripts.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::int64_t to_int(const boost::json::value& value) {
    if (value.is_int64()) return value.as_int64();
    if (value.is_uint64()) return static_cast<std::int64_t>(value.as_uint64());
    return value.is_double() ? static_cast<std::int64_t>(value.as_double()) : 0;
}

std::string text_of(const boost::json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : boost::json::serialize(value);
}

std::string joined(const boost::json::value& value) {
    if (!value.is_array()) return text_of(value);
    std::string all;
    for (const boost::json::value& each : value.as_array()) all += (all.empty() ? "" : ",") + text_of(each);
    return all;
}

/// `key` as "a.b" for the member b of the member a; null if it is not there.
const boost::json::value* member(const boost::json::value& of, std::string_view key) {
    if (!of.is_object()) return nullptr;
    const std::size_t dot = std::min(key.find('.'), key.size());
    const boost::json::value* found = of.as_object().if_contains(key.substr(0, dot));
    return found == nullptr || dot == key.size() ? found : member(*found, key.substr(dot + 1));
}

std::string cell(const Column& column, const boost::json::value& row) {
    const boost::json::value* value = member(row, column.key);
    if (value == nullptr || value->is_null()) return {};
    switch (column.show) {
        case Show::text: return printable(text_of(*value));
        case Show::number: return human_number(to_int(*value));
        case Show::bytes: return human_bytes(static_cast<std::uint64_t>(to_int(*value)));
        case Show::flag: return value->is_bool() && value->as_bool() ? "yes" : "";
        case Show::list: return printable(joined(*value));
        case Show::json: return printable(boost::json::serialize(*value));
    }
    return {};
}

bool to_the_right(Show show) { return show == Show::number || show == Show::bytes; }

}  // namespace

std::string human_number(std::int64_t value) {
    std::string digits = std::to_string(value);
    const std::ptrdiff_t first = value < 0 ? 1 : 0;
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string human_bytes(std::uint64_t value) {
    constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    auto scaled = static_cast<double>(value);
    while (scaled >= 1024 && unit + 1 < std::size(units)) {
        scaled /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", value) : fmt::format("{:.1f} {}", scaled, units[unit]);
}

std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    return out;
}

std::string format_table(const std::vector<Column>& columns, const boost::json::array& rows) {
    std::vector<std::vector<std::string>> lines(1);
    for (const Column& column : columns) lines[0].emplace_back(column.title);
    for (const boost::json::value& row : rows) {
        auto& line = lines.emplace_back();
        for (const Column& column : columns) line.push_back(cell(column, row));
    }
    std::vector<std::size_t> widths(columns.size(), 0);
    for (const auto& line : lines)
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
    std::string out;
    for (const auto& line : lines) {
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string blanks(widths[i] - width(line[i]), ' ');
            if (i > 0) text += "  ";
            text += to_the_right(columns[i].show) ? blanks + line[i] : line[i] + blanks;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + '\n';
    }
    return out;
}

}  // namespace fantail::cli

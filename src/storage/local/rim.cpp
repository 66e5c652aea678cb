// SPDX-License-Identifier: Apache-2.0
//! What all parts of one local log share: its files, its options, its health, and the count of operations under way.
#include "storage/local/rim.hpp"

#include <charconv>

namespace fantail::storage {

namespace {
constexpr std::size_t digits = 20;
}

std::string numbered_name(const char* prefix, std::uint64_t number, const char* suffix) {
    auto text = std::to_string(number);
    return prefix + std::string(digits - text.size(), '0') + text + suffix;
}

std::optional<std::uint64_t> number_in_name(const std::string& name, std::string_view prefix, std::string_view suffix) {
    if (name.size() != prefix.size() + digits + suffix.size()) return std::nullopt;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
    std::uint64_t number = 0;
    const char* first = name.data() + prefix.size();
    auto [end, error] = std::from_chars(first, first + digits, number);
    if (error != std::errc{} || end != first + digits) return std::nullopt;
    return number;
}

}  // namespace fantail::storage

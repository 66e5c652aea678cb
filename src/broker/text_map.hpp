// SPDX-License-Identifier: Apache-2.0
//! A hash map with text keys that is searched by views without making strings.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace fantail::broker {

/// Not noexcept on purpose: libstdc++ then keeps each entry's hash, and a search need not hash the entries that it passes.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

/// The value of `key`, or null.
template <class T>
[[nodiscard]] const T* find_in(const TextMap<T>& map, std::string_view key) {
    const auto at = map.find(key);
    return at == map.end() ? nullptr : &at->second;
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! StrongId: integers that cannot be passed for one another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace fantail {

/// An integer with a meaning. No implicit conversion either way; `.value` is the plain integer.
template <class Tag, class Int = std::uint64_t>
struct StrongId {
    using Integer = Int;
    Int value{};

    constexpr StrongId() = default;
    constexpr explicit StrongId(Int v) : value(v) {}
    constexpr auto operator<=>(const StrongId&) const = default;
    /// The id `n` further on; offsets and tags count up by it.
    [[nodiscard]] constexpr StrongId plus(Int n) const { return StrongId(static_cast<Int>(value + n)); }
};

}  // namespace fantail

template <class Tag, class Int>
struct std::hash<fantail::StrongId<Tag, Int>> {
    std::size_t operator()(fantail::StrongId<Tag, Int> id) const noexcept {
        // Ids are dense counters: spread them, for open-addressing tables.
        return static_cast<std::size_t>(id.value) * 0x9E3779B97F4A7C15ull;
    }
};

// SPDX-License-Identifier: Apache-2.0
//! What the ends tell each other of themselves in the handshake: names and values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::zmtp {

inline constexpr std::size_t properties_max = 256;

/// Properties in the order in which they came. Names are compared without regard to case (RFC 37).
class Metadata {
public:
    void add(std::string name, std::string value) { all_.emplace_back(std::move(name), std::move(value)); }
    /// The value of the first property of that name, or null. Valid until the next add.
    [[nodiscard]] const std::string* find(std::string_view name) const;
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

    [[nodiscard]] Bytes encode() const;
    /// Errors: malformed (truncated, an empty name), too_large (more than properties_max).
    [[nodiscard]] static Result<Metadata> decode(ByteView bytes);

private:
    std::vector<std::pair<std::string, std::string>> all_;
};

}  // namespace fantail::zmtp

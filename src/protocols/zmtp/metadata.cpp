// SPDX-License-Identifier: Apache-2.0
//! The codec of metadata.
#include "protocols/zmtp/metadata.hpp"

#include <algorithm>

namespace fantail::zmtp {

static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

const std::string* Metadata::find(std::string_view name) const {
    const auto at = std::ranges::find_if(
        all_, [name](const auto& property) { return std::ranges::equal(property.first, name, {}, lower, lower); });
    return at == all_.end() ? nullptr : &at->second;
}

Bytes Metadata::encode() const {
    Bytes out;
    Writer writer(out);
    for (const auto& [name, value] : all_) {
        writer.u8(static_cast<std::uint8_t>(name.size()));
        writer.raw(name);
        writer.u32(static_cast<std::uint32_t>(value.size()));
        writer.raw(value);
    }
    return out;
}

Result<Metadata> Metadata::decode(ByteView bytes) {
    Metadata metadata;
    Reader in(bytes);
    while (!in.done()) {
        const std::string_view name = in.text(in.u8());
        const std::string_view value = in.text(in.u32());
        if (in.failed() || name.empty()) return fail(ErrorCode::malformed, "malformed metadata");
        if (metadata.all_.size() == properties_max) return fail(ErrorCode::too_large, "more than 256 properties");
        metadata.add(std::string(name), std::string(value));
    }
    return metadata;
}

}  // namespace fantail::zmtp

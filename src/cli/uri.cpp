// SPDX-License-Identifier: Apache-2.0
//! Takes URIs apart.
#include "cli/uri.hpp"

#include <charconv>
#include <optional>

namespace fantail::cli {

namespace {

std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned value = 0;
        const char* digits = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
            return std::nullopt;
        out.push_back(static_cast<char>(value));
        i += 2;
    }
    return out;
}

/// user:password@host:port/path, undecoded; a part that is missing is nothing.
struct Parts {
    std::optional<std::string_view> user, password, port, path;
    std::string_view host;
};

Parts split(std::string_view rest) {
    Parts parts;
    if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
        parts.path = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
    }
    if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
        const std::string_view who = rest.substr(0, at);
        const std::size_t colon = who.find(':');
        parts.user = who.substr(0, colon);
        if (colon != std::string_view::npos) parts.password = who.substr(colon + 1);
        rest.remove_prefix(at + 1);
    }
    const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
    const std::size_t colon = bracket == std::string_view::npos ? bracket : rest.find(':', bracket);
    parts.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) parts.port = rest.substr(colon + 1);
    if (parts.host.starts_with('[') && parts.host.ends_with(']'))
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    return parts;
}

Result<void> take(std::string& field, const std::optional<std::string_view>& part, std::string_view whole) {
    if (!part) return {};
    auto decoded = decode(*part);
    if (!decoded) return fail(ErrorCode::malformed, "'" + std::string(whole) + "': a '%' without two hex digits");
    field = std::move(*decoded);
    return {};
}

template <class Uri>
Result<void> take_authority(Uri& uri, const Parts& parts, std::string_view whole) {
    FANTAIL_CHECK(take(uri.user, parts.user, whole));
    FANTAIL_CHECK(take(uri.password, parts.password, whole));
    if (!parts.host.empty()) FANTAIL_CHECK(take(uri.host, parts.host, whole));
    if (!parts.port || parts.port->empty()) return {};
    const char* end = parts.port->data() + parts.port->size();
    const auto [at, error] = std::from_chars(parts.port->data(), end, uri.port);
    if (error != std::errc() || at != end || uri.port == 0)
        return fail(ErrorCode::malformed,
                    "'" + std::string(whole) + "': '" + std::string(*parts.port) + "' is no port");
    return {};
}

}  // namespace

Result<AmqpUri> parse_amqp_uri(std::string_view text) {
    constexpr std::string_view scheme = "amqp://";
    if (text.starts_with("amqps://"))
        return fail(ErrorCode::unsupported, "amqps is not offered by this command; use amqp://");
    if (!text.starts_with(scheme))
        return fail(ErrorCode::malformed,
                    "'" + std::string(text) + "' is not amqp://[user:password@]host[:port][/vhost]");
    const Parts parts = split(text.substr(scheme.size()));
    AmqpUri uri;
    FANTAIL_CHECK(take_authority(uri, parts, text));
    FANTAIL_CHECK(take(uri.vhost, parts.path, text));
    // The URI specification makes amqp://host/ the vhost with the empty name, which nobody has: read it as none given.
    if (uri.vhost.empty()) uri.vhost = "/";
    return uri;
}

Result<AdminUrl> parse_admin_url(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.starts_with("https://"))
        return fail(ErrorCode::unsupported, "https is not offered by this command; use http://");
    if (!text.starts_with(scheme))
        return fail(ErrorCode::malformed, "'" + std::string(text) + "' is not http://[user:password@]host[:port]");
    const Parts parts = split(text.substr(scheme.size()));
    if (parts.path && !parts.path->empty())
        return fail(ErrorCode::malformed, "'" + std::string(text) + "': the administration port has no path");
    AdminUrl url;
    FANTAIL_CHECK(take_authority(url, parts, text));
    return url;
}

}  // namespace fantail::cli

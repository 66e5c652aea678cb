// SPDX-License-Identifier: Apache-2.0
//! Parsing and resolving of endpoints.
#include "lib/endpoint.hpp"

#include <charconv>
#include <cstddef>
#include <cstring>

namespace fantail::lib {

static std::unexpected<Error> malformed(std::string_view text, const char* what) {
    return fail(ErrorCode::malformed, std::string(text) + ": " + what);
}

static Result<Endpoint> resolve_tcp(std::string_view text, std::string_view rest, bool passive) {
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) return malformed(text, "a TCP address is host:port");
    std::string_view host = rest.substr(0, colon);
    const std::string_view port = rest.substr(colon + 1);
    sys::Endpoint where;
    const bool any_port = passive && port == "*";
    if (!any_port) {
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), where.port);
        const bool is_number = error == std::errc{} && end == port.data() + port.size();
        if (!is_number || (where.port == 0 && !passive)) return malformed(text, "the port is a number from 1 to 65535");
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos) return malformed(text, "an IPv6 address goes in brackets");
    if (host.empty() || (host == "*" && !passive)) return malformed(text, "the host is missing");
    where.host = host == "*" ? std::string() : std::string(host);
    FANTAIL_TRY(auto addresses, sys::resolve(where, passive));
    return Endpoint{
        .text = std::string(text), .path = {}, .addresses = std::move(addresses), .transport = Transport::tcp};
}

static Result<Endpoint> resolve_ipc(std::string_view text, std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) return malformed(text, "the path has 1 to 107 bytes");
    std::memcpy(address.sun_path, path.data(), path.size());
    const bool is_abstract = path[0] == '@';
    if (is_abstract) address.sun_path[0] = '\0';
    const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1);
    return Endpoint{
        .text = std::string(text),
        .path = is_abstract ? std::string() : std::string(path),
        .addresses = {sys::Address(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size))},
        .transport = Transport::ipc};
}

static constexpr std::string_view sp_scheme = "sp+";

Result<Endpoint> resolve_endpoint(std::string_view text, bool passive) {
    const std::size_t end = text.find("://");
    if (end == std::string_view::npos) return malformed(text, "an address begins with tcp:// or ipc://");
    std::string_view scheme = text.substr(0, end);
    const std::string_view rest = text.substr(end + 3);
    const bool is_sp = scheme.starts_with(sp_scheme);
    if (is_sp) scheme.remove_prefix(sp_scheme.size());
    if (scheme == "inproc" && !is_sp) {
        if (rest.empty()) return malformed(text, "the name is missing");
        return Endpoint{
            .text = std::string(text), .path = std::string(rest), .addresses = {}, .transport = Transport::inproc};
    }
    if (scheme == "file" && !is_sp) {
        if (passive || rest.empty()) return malformed(text, "a file names peers to connect to");
        return Endpoint{
            .text = std::string(text), .path = std::string(rest), .addresses = {}, .transport = Transport::file};
    }
    if (scheme != "tcp" && scheme != "ipc")
        return fail(ErrorCode::unsupported,
                    std::string(text) + ": there is tcp://, ipc://, inproc://, file://, sp+tcp:// and sp+ipc://");
    FANTAIL_TRY(Endpoint endpoint, scheme == "tcp" ? resolve_tcp(text, rest, passive) : resolve_ipc(text, rest));
    endpoint.wire = is_sp ? Wire::sp : Wire::zmtp;
    return endpoint;
}

std::string endpoint_text(const Endpoint& where, const sys::Address& address) {
    if (address.size() == 0 || address.is_unix()) return where.text;
    return std::string(where.wire == Wire::sp ? sp_scheme : "") + "tcp://" + address.text();
}

}  // namespace fantail::lib

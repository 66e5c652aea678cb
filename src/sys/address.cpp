// SPDX-License-Identifier: Apache-2.0
//! Resolving and printing addresses.
#include "sys/address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/assert.hpp"

namespace fantail::sys {

static constexpr std::string_view unix_prefix = "unix:";

Address::Address(const sockaddr* address, socklen_t size) : size_(size) {
    FANTAIL_ASSERT(size <= sizeof storage_);
    std::memcpy(&storage_, address, size);
}

bool Address::is_loopback() const {
    if (is_unix()) return true;
    if (family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6*>(data())->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
        return IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return family() == AF_INET && (ntohl(reinterpret_cast<const sockaddr_in*>(data())->sin_addr.s_addr) >> 24) == 127;
}

std::uint16_t Address::port() const {
    if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
    if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
    return 0;
}

std::string Address::host() const {
    char text[INET6_ADDRSTRLEN] = "?";
    if (family() == AF_INET) {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, text, sizeof text);
    } else if (family() == AF_INET6) {
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, text, sizeof text);
    } else if (is_unix()) {
        const std::size_t room = size_ - std::min<std::size_t>(size_, offsetof(sockaddr_un, sun_path));
        const char* path = reinterpret_cast<const sockaddr_un*>(&storage_)->sun_path;
        return std::string(unix_prefix).append(path, ::strnlen(path, room));
    }
    return text;
}

std::string Address::text() const {
    if (family() == AF_INET) return host() + ':' + std::to_string(port());
    if (family() == AF_INET6) return '[' + host() + "]:" + std::to_string(port());
    return host();
}

static Result<std::vector<Address>> unix_address(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return fail(ErrorCode::malformed, "unix:" + std::string(path) + ": the path must have 1 to 107 bytes");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return std::vector{Address(reinterpret_cast<const sockaddr*>(&address), size)};
}

Result<std::vector<Address>> resolve(const Endpoint& endpoint, bool passive) {
    if (endpoint.host.starts_with(unix_prefix)) {
        return unix_address(std::string_view(endpoint.host).substr(unix_prefix.size()));
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
    addrinfo* found = nullptr;
    const char* host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
    const int error = ::getaddrinfo(host, std::to_string(endpoint.port).c_str(), &hints, &found);
    if (error != 0) {
        const bool unknown = error == EAI_NONAME || error == EAI_NODATA;
        return fail(unknown ? ErrorCode::not_found : ErrorCode::unavailable,
                    endpoint.host + ": " + ::gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, decltype([](addrinfo* list) { ::freeaddrinfo(list); })> owner(found);
    std::vector<Address> addresses;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next)
        addresses.emplace_back(at->ai_addr, at->ai_addrlen);
    // Every interface: the IPv6 wildcard first, because it serves IPv4 as well.
    if (passive && host == nullptr) {
        std::ranges::stable_sort(addresses, {}, [](const Address& a) { return a.family() != AF_INET6; });
    }
    return addresses;
}

static Address address_by(int fd, int (*call)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (call(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
    return {reinterpret_cast<const sockaddr*>(&storage), size};
}

Address local_address(int fd) {
    return address_by(fd, [](int f, sockaddr* a, socklen_t* n) { return ::getsockname(f, a, n); });
}

Address peer_address(int fd) {
    return address_by(fd, [](int f, sockaddr* a, socklen_t* n) { return ::getpeername(f, a, n); });
}

}  // namespace fantail::sys

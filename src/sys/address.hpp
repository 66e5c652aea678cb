// SPDX-License-Identifier: Apache-2.0
//! Where a socket listens or connects: as people write it, and as the kernel takes it.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <vector>

#include "base/result.hpp"

namespace fantail::sys {

/// As people write it. `host`: an IPv4 or IPv6 address, a name, empty for all interfaces, or `unix:<path>`.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;  ///< 0 lets the kernel choose; without meaning for unix
};

/// As the kernel takes it. A value.
class Address {
public:
    Address() = default;
    Address(const sockaddr* address, socklen_t size);

    [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return size_; }
    [[nodiscard]] int family() const { return data()->sa_family; }
    [[nodiscard]] bool is_unix() const { return family() == AF_UNIX; }
    /// The TCP port; 0 for unix.
    [[nodiscard]] std::uint16_t port() const;
    /// `127.0.0.1:5672`, `[::1]:5672`, `unix:/run/x.sock`, `unix:` (unnamed), or `?`.
    [[nodiscard]] std::string text() const;
    /// In 127.0.0.0/8, ::1, or unix: nobody from another machine.
    [[nodiscard]] bool is_loopback() const;
    /// The host part of text().
    [[nodiscard]] std::string host() const;

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

/// All addresses of `endpoint`, best first. Blocks on the resolver if the host is a name: for start-up, or on a
/// thread of its own. `passive`: to listen on (an empty host means every interface; else it means loopback).
/// Errors: not_found (no such name), malformed (a unix path that is empty or too long), unavailable (the resolver).
[[nodiscard]] Result<std::vector<Address>> resolve(const Endpoint& endpoint, bool passive);

/// The addresses of a socket's two ends; an empty Address if there is none.
[[nodiscard]] Address local_address(int fd);
[[nodiscard]] Address peer_address(int fd);

}  // namespace fantail::sys

// SPDX-License-Identifier: Apache-2.0
//! Addresses as programs write them: `tcp://127.0.0.1:5555`, `ipc:///run/x.sock`, `sp+tcp://127.0.0.1:5555`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sys/address.hpp"

namespace fantail::lib {

/// What is spoken over a connection.
enum class Wire : std::uint8_t { zmtp, sp };
enum class Transport : std::uint8_t {
    tcp,
    ipc,
    inproc,
    file,  ///< names the addresses to connect to
};

struct Endpoint {
    std::string text;  ///< as it was written
    std::string path;  ///< of an ipc endpoint with a file, and of a file of peers; the name of an inproc one
    std::vector<sys::Address> addresses;  ///< at least one; of inproc, a file and an accepted connection none
    Wire wire = Wire::zmtp;
    Transport transport = Transport::tcp;
};

/// Parses and resolves; a name blocks on the resolver. \param passive to listen on: `*` is allowed. Errors: malformed,
/// unsupported (an unknown scheme), not_found, unavailable.
[[nodiscard]] Result<Endpoint> resolve_endpoint(std::string_view text, bool passive);

/// What the address of a socket bound to `where` is, written the same way. \param address as the kernel says
[[nodiscard]] std::string endpoint_text(const Endpoint& where, const sys::Address& address);

}  // namespace fantail::lib

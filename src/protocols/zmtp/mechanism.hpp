// SPDX-License-Identifier: Apache-2.0
//! Security mechanisms: the handshake after the greeting, and what becomes of messages.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/result.hpp"
#include "protocols/zmtp/metadata.hpp"
#include "protocols/zmtp/wire.hpp"

namespace fantail::zmtp {

struct NullSecurity {};
struct PlainClient {
    std::string user;
    std::string password;
};
struct PlainServer {
    /// Whether to let in.
    std::function<bool(const std::string& user, const std::string& password)> admit;
};
using CurveKey = std::array<std::uint8_t, 32>;
struct CurveClient {
    CurveKey server;  ///< the server's public key
    CurveKey secret;  ///< our own
};
struct CurveServer {
    CurveKey secret;
    std::function<bool(const CurveKey& client)> admit;  ///< whether to let in who has that public key; none: everybody
};
using Security = std::variant<NullSecurity, PlainClient, PlainServer, CurveClient, CurveServer>;

/// One connection's handshake. Pure: commands in, commands out.
class Mechanism {
public:
    explicit Mechanism(Bytes own_metadata) : own_metadata_(std::move(own_metadata)) {}
    Mechanism(const Mechanism&) = delete;
    Mechanism& operator=(const Mechanism&) = delete;
    virtual ~Mechanism() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual bool is_server() const { return false; }
    /// The greetings fit: the first command, if it is ours to send.
    virtual void start(OutputQueue& out) = 0;
    /// The peer's next command but ERROR. Errors: malformed, not_authenticated, unsupported (a command out of turn); an ERROR
    /// command for the peer is in `out` where the specification has one.
    [[nodiscard]] virtual Result<void> on_command(const Command& command, OutputQueue& out) = 0;

    /// Whether messages, and commands after the handshake, go through seal() and open().
    [[nodiscard]] virtual bool encrypts() const { return false; }
    struct Opened {
        std::uint8_t flags;  ///< MORE; COMMAND as 2
        part body;
    };
    static constexpr std::uint8_t sealed_command = 2;
    /// Appends one part, or a command's body, as a frame. \param flags as in Opened
    virtual void seal(ByteView body, std::uint8_t flags, OutputQueue& out);
    /// A frame's body. Errors: malformed, not_authenticated.
    [[nodiscard]] virtual Result<Opened> open(ByteView frame);

    [[nodiscard]] bool is_complete() const { return is_complete_; }
    /// Of the peer, once complete.
    [[nodiscard]] const Metadata& peer() const { return peer_; }

protected:
    [[nodiscard]] ByteView own_metadata() const { return own_metadata_; }
    /// Takes the peer's metadata, with which the handshake is complete.
    [[nodiscard]] Result<void> complete(ByteView metadata);

private:
    Bytes own_metadata_;
    Metadata peer_;
    bool is_complete_ = false;
};

[[nodiscard]] std::unique_ptr<Mechanism> make_mechanism(const Security& security, Bytes own_metadata);

/// The ERROR command with a reason of up to 255 bytes.
void put_error(OutputQueue& out, std::string_view reason);

}  // namespace fantail::zmtp

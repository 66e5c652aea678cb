// SPDX-License-Identifier: Apache-2.0
//! TLS without I/O: ciphertext in, plaintext out, and back. OpenSSL inside.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace fantail::sys {

/// Whether the other side must show a certificate.
enum class PeerCheck : std::uint8_t {
    none,      ///< never asked for (as a client: any server is believed; for tests)
    optional,  ///< asked for, and must be valid if it comes
    required,  ///< no connection without a valid one
};

/// PEM files. A server needs chain and key; a client needs them only to show a certificate.
struct TlsConfig {
    std::string chain_file;  ///< the certificate, then its issuers
    std::string key_file;
    std::string ca_file;  ///< who may sign the peer's certificate; empty: the system's store
    PeerCheck peer = PeerCheck::none;
};

/// When certificates that were read end, in seconds of unix time.
struct TlsExpiry {
    std::optional<std::int64_t> certificate_unix_s;  ///< of the chain's first, the server's or client's own
    std::optional<std::int64_t> authority_unix_s;    ///< of the first to end of the rest of the chain and of ca_file
};

/// Keys and rules for many connections; immutable, TLS 1.2 and newer. To reload, make a new one and use it for new
/// connections: those that exist keep theirs alive. May be shared between threads.
class TlsContext final {
public:
    /// Reads the files (start-up or a reload, blocking). Errors: malformed, naming the file, if one is missing, does not
    /// parse, or key and certificate do not match.
    [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> server(const TlsConfig& config);
    [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> client(const TlsConfig& config);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    [[nodiscard]] TlsExpiry expiry() const;
    [[nodiscard]] ssl_ctx_st* native() const { return context_; }

private:
    explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
    ssl_ctx_st* context_;
};

/// Who the peer has proved to be.
struct TlsPeer {
    std::string subject;                 ///< distinguished name as in RFC 2253: `CN=alice,O=Example`
    std::string common_name;             ///< the last CN; empty if there is none
    std::vector<std::string> dns_names;  ///< from subjectAltName
    std::vector<std::string> emails;
    std::vector<std::string> uris;
};

/// One connection's TLS, server's or client's side. Takes the peer's bytes by feed() and has bytes for the peer in
/// take_output() after every call, after a failed one as well (the alert). No I/O, no clock, one thread at a time.
class TlsStream final {
public:
    enum class State : std::uint8_t {
        handshaking,
        open,
        ended,  ///< the peer has ended the stream properly (close_notify); we may still write
        failed,
    };

    [[nodiscard]] static Result<TlsStream> accept(std::shared_ptr<const TlsContext> context);
    /// \param host the server's name: sent (SNI) and compared with its certificate, unless the check is `none`. May be
    ///        an IP address.
    [[nodiscard]] static Result<TlsStream> connect(std::shared_ptr<const TlsContext> context, const std::string& host);

    /// Takes bytes of the peer, all of them. A client calls it once with nothing to begin. Errors: malformed (not TLS),
    /// not_authenticated (the peer's certificate), io (anything else that ends the connection); the state is failed then.
    [[nodiscard]] Result<void> feed(ByteView cipher);
    /// Appends the plaintext that has come. Errors as feed().
    [[nodiscard]] Result<void> read(Bytes& plain);
    /// Encrypts. Before the handshake's end the bytes wait inside. Errors: unavailable after shutdown() or a failure.
    [[nodiscard]] Result<void> write(ByteView plain);
    /// Says that nothing more will be written (close_notify).
    void shutdown();
    /// Moves the bytes to be sent to the end of `out`.
    void take_output(Bytes& out);
    [[nodiscard]] std::size_t output_size() const;

    [[nodiscard]] State state() const { return state_; }
    /// After the handshake, if the peer has shown a certificate that was verified.
    [[nodiscard]] std::optional<TlsPeer> peer() const;
    /// `TLSv1.3`
    [[nodiscard]] std::string version() const;

private:
    struct Free {
        void operator()(ssl_st* ssl) const;
    };

    static Result<TlsStream> make(std::shared_ptr<const TlsContext> context);
    explicit TlsStream(std::shared_ptr<const TlsContext> context, ssl_st* ssl)
        : context_(std::move(context)), ssl_(ssl) {}
    Result<void> shake_hands();
    Result<void> judge(int returned);

    std::shared_ptr<const TlsContext> context_;
    std::unique_ptr<ssl_st, Free> ssl_;
    Bytes early_;  // plaintext written before the handshake's end
    State state_ = State::handshaking;
    bool shut_down_ = false;
};

}  // namespace fantail::sys

// SPDX-License-Identifier: Apache-2.0
//! Result<T>: the one error mechanism of the tree (no exceptions of ours).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace fantail {

/// What went wrong, as far as some caller reacts to it. Protocols map these to their own codes with
/// switches that have no default, so a new code breaks every mapping that must learn it.
enum class ErrorCode : std::uint8_t {
    malformed,            ///< bytes that no valid peer sends, or stored bytes that fail their check
    too_large,            ///< a stated limit is exceeded; the message names the limit
    unsupported,          ///< understood, and not offered
    not_found,            ///< the named thing does not exist
    already_exists,       ///< it exists with other properties
    precondition_failed,  ///< the request does not fit the present state or arguments
    access_refused,       ///< authenticated, and not permitted
    not_authenticated,    ///< credentials are missing or wrong
    locked,               ///< held exclusively by somebody else
    not_allowed,          ///< forbidden by a server limit or rule
    no_space,             ///< disk, quota or bounded pool is full
    unavailable,          ///< the peer, file or service is gone or not ready
    io,                   ///< the kernel reported an error; the message has errno's text
    corrupt,              ///< stored data fails its checksum or invariant
    fenced,               ///< a newer owner (epoch) has taken over
    internal,             ///< our own fault, contained
};

/// An error: a code to react to and a sentence for people. The sentence names the thing concerned.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// Makes the unexpected side of a Result.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
    return std::unexpected(Error{code, std::move(message)});
}

}  // namespace fantail

#define FANTAIL_CONCAT_(a, b) a##b
#define FANTAIL_CONCAT(a, b) FANTAIL_CONCAT_(a, b)

/// `FANTAIL_TRY(auto header, decode_header(in));` declares `header` or returns the error.
#define FANTAIL_TRY(declaration, expression) \
    FANTAIL_TRY_(FANTAIL_CONCAT(try_result_, __LINE__), declaration, expression)
#define FANTAIL_TRY_(name, declaration, expression)             \
    auto name = (expression);                                   \
    if (!name) return std::unexpected(std::move(name).error()); \
    declaration = std::move(*name)

/// `FANTAIL_CHECK(write(x));` returns the error of a Result<void>.
#define FANTAIL_CHECK(expression) \
    if (auto check_result = (expression); !check_result) return std::unexpected(std::move(check_result).error())

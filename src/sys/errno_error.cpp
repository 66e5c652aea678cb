// SPDX-License-Identifier: Apache-2.0
//! The mapping of errno to error codes.
#include "sys/errno_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace fantail::sys {

static ErrorCode code_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EMFILE:
        case ENFILE: return ErrorCode::no_space;
        case ENOENT: return ErrorCode::not_found;
        case EROFS:
        case EACCES:
        case EPERM:
        case EADDRINUSE:
        case EADDRNOTAVAIL:
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case ENOTCONN:
        case EPIPE:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH: return ErrorCode::unavailable;
        default: return ErrorCode::io;  // errno is an open set: no compiler can list it
    }
}

Error errno_error(int error, std::string_view what) {
    return {code_of(error), std::string(what) + ": " + std::generic_category().message(error)};
}

}  // namespace fantail::sys

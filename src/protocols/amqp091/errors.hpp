// SPDX-License-Identifier: Apache-2.0
//! AMQP 0-9-1 reply codes, what each of them closes, and the texts that go with them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace fantail::amqp091 {

/// Reply codes of basic.return, channel.close and connection.close (spec 1.2, constants).
enum class ReplyCode : std::uint16_t {
    reply_success = 200,
    content_too_large = 311,
    no_route = 312,
    no_consumers = 313,
    connection_forced = 320,
    invalid_path = 402,
    access_refused = 403,
    not_found = 404,
    resource_locked = 405,
    precondition_failed = 406,
    frame_error = 501,
    syntax_error = 502,
    command_invalid = 503,
    channel_error = 504,
    unexpected_frame = 505,
    resource_error = 506,
    not_allowed = 530,
    not_implemented = 540,
    internal_error = 541,
};

/// What an error ends: nothing (success, returned messages), the channel (soft) or the connection (hard).
enum class Severity : std::uint8_t { none, closes_channel, closes_connection };

/// "NOT_FOUND".
[[nodiscard]] std::string_view name_of(ReplyCode code);
[[nodiscard]] Severity severity_of(ReplyCode code);

/// A reply code and its text, "NAME - what happened", which fits a shortstr.
struct ReplyError {
    ReplyCode code = ReplyCode::internal_error;
    std::string text;
};

/// "NAME - detail", clipped to what a shortstr holds.
[[nodiscard]] ReplyError reply_error(ReplyCode code, std::string_view detail);
/// With the code's own detail: "FRAME_ERROR - the bytes are not a valid frame".
[[nodiscard]] ReplyError reply_error(ReplyCode code);

/// The reply code for what the broker or the method decoder answered. Framing errors are 501 whatever their ErrorCode.
[[nodiscard]] ReplyCode reply_code_of(ErrorCode code);
/// The same with the error's message as the detail. Texts of internal, io, corrupt and fenced errors stay inside.
[[nodiscard]] ReplyError reply_error(const Error& error);

/// A thing with a name in a virtual host: `kind` is "queue" or "exchange".
struct NamedThing {
    std::string_view kind;
    std::string_view name;
    std::string_view vhost;
};
/// An argument of a declaration that differs from the thing's own.
struct InequivalentArgument {
    std::string_view name;
    std::string_view received;
    std::string_view current;
};

// The texts that clients are known to look at; the words that they match on are RabbitMQ's.
[[nodiscard]] ReplyError not_found(const NamedThing& thing);  ///< 404 no queue 'q' in vhost '/'
[[nodiscard]] ReplyError queue_locked(std::string_view queue,
                                      std::string_view vhost);  ///< 405, exclusive to another connection
[[nodiscard]] ReplyError inequivalent(const NamedThing& thing,
                                      const InequivalentArgument& what);  ///< 406 inequivalent arg 'durable' for …
[[nodiscard]] ReplyError in_use(const NamedThing& thing);                 ///< 406 queue 'q' in vhost '/' in use
[[nodiscard]] ReplyError not_empty(const NamedThing& thing);              ///< 406 queue 'q' in vhost '/' is not empty
[[nodiscard]] ReplyError unknown_delivery_tag(std::uint64_t tag);         ///< 406 unknown delivery tag 7
[[nodiscard]] ReplyError reserved_name(const NamedThing& thing);          ///< 403 … contains reserved prefix 'amq.*'
[[nodiscard]] ReplyError default_exchange_refused();                 ///< 403, the default exchange cannot be changed
[[nodiscard]] ReplyError login_refused(std::string_view mechanism);  ///< 403
[[nodiscard]] ReplyError no_vhost(std::string_view vhost);           ///< 530 vhost v not found
[[nodiscard]] ReplyError consumer_tag_in_use(std::string_view tag);  ///< 530

}  // namespace fantail::amqp091

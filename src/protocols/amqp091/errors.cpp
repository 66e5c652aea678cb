// SPDX-License-Identifier: Apache-2.0
//! Names, severities and texts of AMQP 0-9-1 reply codes.
#include "protocols/amqp091/errors.hpp"

#include "protocols/amqp091/codec_fields.hpp"

namespace fantail::amqp091 {
namespace {

struct CodeInfo {
    std::string_view name;
    Severity severity;
    std::string_view detail;
};

CodeInfo info_of(ReplyCode code) {
    using enum ReplyCode;
    constexpr auto soft = Severity::closes_channel;
    constexpr auto hard = Severity::closes_connection;
    switch (code) {
        case reply_success: return {"REPLY_SUCCESS", Severity::none, "done"};
        case content_too_large: return {"CONTENT_TOO_LARGE", soft, "the message is larger than is accepted now"};
        case no_route: return {"NO_ROUTE", soft, "no queue takes the message"};
        case no_consumers: return {"NO_CONSUMERS", soft, "no consumer is ready for the message"};
        case connection_forced: return {"CONNECTION_FORCED", hard, "the broker closes the connection"};
        case invalid_path: return {"INVALID_PATH", hard, "the virtual host's name is not valid"};
        case access_refused: return {"ACCESS_REFUSED", soft, "the user may not do this"};
        case not_found: return {"NOT_FOUND", soft, "the named thing does not exist"};
        case resource_locked: return {"RESOURCE_LOCKED", soft, "another connection holds it exclusively"};
        case precondition_failed: return {"PRECONDITION_FAILED", soft, "the request does not fit the present state"};
        case frame_error: return {"FRAME_ERROR", hard, "the bytes are not a valid frame"};
        case syntax_error: return {"SYNTAX_ERROR", hard, "a field holds an illegal value"};
        case command_invalid: return {"COMMAND_INVALID", hard, "the method is not valid at this point"};
        case channel_error: return {"CHANNEL_ERROR", hard, "the channel is not open, or open already"};
        case unexpected_frame: return {"UNEXPECTED_FRAME", hard, "a frame of another kind is due here"};
        case resource_error: return {"RESOURCE_ERROR", hard, "the broker has run out of a resource"};
        case not_allowed: return {"NOT_ALLOWED", hard, "a rule or limit of the broker forbids this"};
        case not_implemented: return {"NOT_IMPLEMENTED", hard, "the broker does not offer this"};
        case internal_error: return {"INTERNAL_ERROR", hard, "the broker failed; its log says more"};
    }
    return {"UNKNOWN", hard, "unknown"};
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string describe(const NamedThing& thing) {
    return std::string(thing.kind) + " " + quoted(thing.name) + " in vhost " + quoted(thing.vhost);
}

}  // namespace

std::string_view name_of(ReplyCode code) { return info_of(code).name; }
Severity severity_of(ReplyCode code) { return info_of(code).severity; }

ReplyError reply_error(ReplyCode code, std::string_view detail) {
    std::string text(name_of(code));
    text.append(" - ").append(detail);
    text.resize(clip_shortstr(text).size());
    return {code, std::move(text)};
}
ReplyError reply_error(ReplyCode code) { return reply_error(code, info_of(code).detail); }

ReplyCode reply_code_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::malformed: return ReplyCode::syntax_error;
        case ErrorCode::too_large: return ReplyCode::precondition_failed;
        case ErrorCode::unsupported: return ReplyCode::not_implemented;
        case ErrorCode::not_found: return ReplyCode::not_found;
        case ErrorCode::already_exists: return ReplyCode::precondition_failed;
        case ErrorCode::precondition_failed: return ReplyCode::precondition_failed;
        case ErrorCode::access_refused: return ReplyCode::access_refused;
        case ErrorCode::not_authenticated: return ReplyCode::access_refused;
        case ErrorCode::locked: return ReplyCode::resource_locked;
        case ErrorCode::not_allowed: return ReplyCode::not_allowed;
        case ErrorCode::no_space: return ReplyCode::resource_error;
        case ErrorCode::unavailable: return ReplyCode::internal_error;
        case ErrorCode::io: return ReplyCode::internal_error;
        case ErrorCode::corrupt: return ReplyCode::internal_error;
        case ErrorCode::fenced: return ReplyCode::internal_error;
        case ErrorCode::internal: return ReplyCode::internal_error;
    }
    return ReplyCode::internal_error;
}

ReplyError reply_error(const Error& error) {
    const bool inside = error.code == ErrorCode::internal || error.code == ErrorCode::io ||
                        error.code == ErrorCode::corrupt || error.code == ErrorCode::fenced;
    const ReplyCode code = reply_code_of(error.code);
    return inside || error.message.empty() ? reply_error(code) : reply_error(code, error.message);
}

ReplyError not_found(const NamedThing& thing) { return reply_error(ReplyCode::not_found, "no " + describe(thing)); }

ReplyError queue_locked(std::string_view queue, std::string_view vhost) {
    return reply_error(ReplyCode::resource_locked, "cannot obtain exclusive access to locked " +
                                                       describe({"queue", queue, vhost}) +
                                                       ": it belongs to another connection");
}

ReplyError inequivalent(const NamedThing& thing, const InequivalentArgument& what) {
    return reply_error(ReplyCode::precondition_failed, "inequivalent arg " + quoted(what.name) + " for " +
                                                           describe(thing) + ": received " + quoted(what.received) +
                                                           " but current is " + quoted(what.current));
}

ReplyError in_use(const NamedThing& thing) {
    return reply_error(ReplyCode::precondition_failed, describe(thing) + " in use");
}

ReplyError not_empty(const NamedThing& thing) {
    return reply_error(ReplyCode::precondition_failed, describe(thing) + " is not empty");
}

ReplyError unknown_delivery_tag(std::uint64_t tag) {
    return reply_error(ReplyCode::precondition_failed, "unknown delivery tag " + std::to_string(tag));
}

ReplyError reserved_name(const NamedThing& thing) {
    return reply_error(ReplyCode::access_refused,
                       std::string(thing.kind) + " name " + quoted(thing.name) + " contains reserved prefix 'amq.*'");
}

ReplyError default_exchange_refused() {
    return reply_error(ReplyCode::access_refused, "operation not permitted on the default exchange");
}

ReplyError login_refused(std::string_view mechanism) {
    return reply_error(ReplyCode::access_refused,
                       "login refused: authentication with " + std::string(mechanism) + " failed");
}

ReplyError no_vhost(std::string_view vhost) {
    return reply_error(ReplyCode::not_allowed, "vhost " + std::string(vhost) + " not found");
}

ReplyError consumer_tag_in_use(std::string_view tag) {
    return reply_error(ReplyCode::not_allowed, "attempt to reuse consumer tag " + quoted(tag));
}

}  // namespace fantail::amqp091

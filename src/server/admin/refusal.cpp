// SPDX-License-Identifier: Apache-2.0
//! Error codes as statuses.
#include "server/admin/refusal.hpp"

#include <boost/json.hpp>

#include "server/admin/json_text.hpp"

namespace fantail::server {

Refusal not_authorised(std::string reason) { return {401, "not_authorised", std::move(reason)}; }

Refusal refusal_of(const Error& error) {
    switch (error.code) {
        // A name, body or state that does not fit is a bad request, as in RabbitMQ.
        case ErrorCode::malformed:
        case ErrorCode::unsupported:
        case ErrorCode::already_exists:
        case ErrorCode::precondition_failed:
        case ErrorCode::locked:
        case ErrorCode::too_large:
        case ErrorCode::not_allowed: return {400, "bad_request", error.message};
        case ErrorCode::not_authenticated:
        case ErrorCode::access_refused: return not_authorised(error.message);
        case ErrorCode::not_found: return {404, "Object Not Found", error.message};
        case ErrorCode::no_space:
        case ErrorCode::unavailable: return {503, "unavailable", error.message};
        case ErrorCode::io:
        case ErrorCode::corrupt:
        case ErrorCode::fenced:
        case ErrorCode::internal: return {500, "internal_server_error", error.message};
    }
    return {500, "internal_server_error", error.message};
}

Error error_of(const amqp091::ReplyError& error) {
    using amqp091::ReplyCode;
    const std::size_t dash = error.text.find(" - ");
    std::string reason = dash == std::string::npos ? error.text : error.text.substr(dash + 3);
    if (error.code == ReplyCode::access_refused) return {ErrorCode::access_refused, std::move(reason)};
    if (error.code == ReplyCode::not_found) return {ErrorCode::not_found, std::move(reason)};
    if (error.code == ReplyCode::internal_error) return {ErrorCode::internal, std::move(reason)};
    return {ErrorCode::precondition_failed, std::move(reason)};
}

Refusal refusal_of(const amqp091::ReplyError& error) { return refusal_of(error_of(error)); }

http::Response response_of(const Refusal& refusal) {
    return {.status = refusal.status,
            .body = boost::json::serialize(
                boost::json::object{{"error", refusal.error}, {"reason", utf8(refusal.reason)}})};
}

}  // namespace fantail::server

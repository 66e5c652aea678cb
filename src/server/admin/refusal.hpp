// SPDX-License-Identifier: Apache-2.0
//! How refusals look over HTTP: {"error": a word, "reason": what is wrong}, with RabbitMQ's words and statuses.
#pragma once

#include <string>

#include "base/result.hpp"
#include "protocols/amqp091/errors.hpp"
#include "protocols/http/http_request.hpp"

namespace fantail::server {

struct Refusal {
    int status = 400;
    std::string error = "bad_request";
    std::string reason;
};

[[nodiscard]] Refusal refusal_of(const Error& error);
/// An AMQP refusal without its "NAME - ".
[[nodiscard]] Refusal refusal_of(const amqp091::ReplyError& error);
/// What AMQP would refuse, as an Error with the same meaning.
[[nodiscard]] Error error_of(const amqp091::ReplyError& error);
/// 401, RabbitMQ's answer to whoever is known and may not.
[[nodiscard]] Refusal not_authorised(std::string reason);
[[nodiscard]] http::Response response_of(const Refusal& refusal);

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! Topology commands, made and checked by AMQP's own code.
#pragma once

#include "protocols/amqp091/topology.hpp"
#include "server/admin/admin_api.hpp"

namespace fantail::server {

template <class Command>
void AdminApi::change_topology(std::shared_ptr<amqp091::Link> link, Command command, bool makes_new) {
    auto sent = std::make_shared<const Command>(command);
    send(std::move(command), [this, link = std::move(link), sent, makes_new](const broker::AdminReply& reply) {
        if (reply.outcome) return answer("", makes_new ? 201 : http::no_content);
        refuse(refusal_of(amqp091::explain(*link, *sent, reply.outcome.error())));
    });
}

/// In paths the default exchange goes by the name that permissions know it by.
[[nodiscard]] inline std::string exchange_name(const std::string& segment) {
    return segment == "amq.default" ? std::string() : segment;
}

/// What AMQP refused, as this interface refuses.
template <class T>
[[nodiscard]] Result<T> as_result(amqp091::Replied<T> replied) {
    if (replied) return std::move(*replied);
    return std::unexpected(error_of(replied.error()));
}

}  // namespace fantail::server

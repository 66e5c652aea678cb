// SPDX-License-Identifier: Apache-2.0
//! Publishes by AMQP's own publisher.
#include "server/admin/publishing.hpp"

#include "server/admin/refusal.hpp"

namespace fantail::server {

void Publishing::begin(const OutgoingBody& message) {
    const auto fate = publisher_.publish({.from = {.channel = 0, .serial = 0, .sequence = 1},
                                          .exchange = message.exchange,
                                          .routing_key = message.routing_key,
                                          .properties = message.properties,
                                          .body = as_bytes(message.body)});
    if (!fate) {
        outcome_ = std::unexpected(error_of(fate.error()));
        return;
    }
    routed_ = *fate == amqp091::Fate::queued || *fate == amqp091::Fate::handed_over;
    if (*fate == amqp091::Fate::no_route || *fate == amqp091::Fate::handed_over) outcome_ = routed_;
    publisher_.flush();
}

bool Publishing::takes(const broker::Event& event) {
    const auto* appended = std::get_if<broker::Appended>(&event);
    if (appended == nullptr) return false;
    std::vector<amqp091::PublishAnswer> answers;
    publisher_.on_appended(*appended, answers);
    if (answers.empty()) return true;
    if (answers.front().range.accepted) outcome_ = routed_;
    else outcome_ = fail(ErrorCode::precondition_failed, "a queue refused the message");
    return true;
}

std::string json_of_routed(bool routed) { return routed ? R"({"routed":true})" : R"({"routed":false})"; }

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! How commands and events are moved, destroyed and looked into: here, once, instead of in every file that hands one on.
#include "broker/api/commands.hpp"
#include "broker/api/events.hpp"

namespace fantail::broker {

ShardCommand::ShardCommand(ShardCommand&& other) noexcept = default;
ShardCommand& ShardCommand::operator=(ShardCommand&& other) noexcept = default;
ShardCommand::~ShardCommand() = default;

AdminCommand::AdminCommand(AdminCommand&& other) noexcept = default;
AdminCommand& AdminCommand::operator=(AdminCommand&& other) noexcept = default;
AdminCommand::~AdminCommand() = default;

Event::Event(Event&& other) noexcept = default;
Event& Event::operator=(Event&& other) noexcept = default;
Event::~Event() = default;

RequestId request_of(const Event& event) {
    return std::visit(
        [](const auto& e) {
            if constexpr (requires { e.request; }) return e.request;
            else return RequestId();
        },
        event);
}

}  // namespace fantail::broker

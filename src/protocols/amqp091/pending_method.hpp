// SPDX-License-Identifier: Apache-2.0
//! A synchronous method that waits for the broker's answer.
#pragma once

#include <optional>
#include <variant>

#include "broker/api.hpp"
#include "protocols/amqp091/methods.hpp"

namespace fantail::amqp091 {

/// queue.bind and the other three. `unbind`: what is not there counts as removed.
struct BindingChange {
    broker::BindingDefinition binding;
    bool unbind = false;
};
/// A passive declaration of this queue.
struct PassiveDeclare {
    std::string queue;
};
struct PurgeQueue {
    std::string queue;
};
struct StartConsumer {
    ConsumerId consumer;
    std::string queue;
};
struct StopConsumer {
    ConsumerId consumer;
};
struct GetMessage {
    std::string queue;
    QueueId id;
    broker::QueueKind kind = broker::QueueKind::classic;
    bool no_ack = false;
};
/// tx.commit: answered by the channel's own confirms.
struct CommitTransaction {};

/// One method of a channel. Replies go out in the order of the methods.
struct PendingMethod {
    RequestId request{};
    MethodId method{};
    bool no_wait = false;
    /// Later topology methods may be sent before this one is answered.
    bool pipelined = false;
    std::variant<broker::DeclareQueue, broker::DeclareExchange, broker::DeleteQueue, broker::DeleteExchange,
                 BindingChange, PassiveDeclare, PurgeQueue, StartConsumer, StopConsumer, GetMessage, CommitTransaction>
        what{};
    std::optional<broker::Event> answer{};
};

}  // namespace fantail::amqp091

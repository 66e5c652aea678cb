// SPDX-License-Identifier: Apache-2.0
//! What cores say to each other.
#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "base/bytes.hpp"
#include "broker/api.hpp"
#include "broker/catalog_change.hpp"

namespace fantail::runtime {

class Core;

/// Something to run on a core's thread; takes it as `Core&`. (A plain reference to an incomplete type breaks g++ 12's
/// move_only_function.)
using CoreTask = std::move_only_function<void(std::reference_wrapper<Core>)>;

/// A command of a connection for a shard of the receiving core.
struct ShardMessage {
    ShardId shard;
    broker::Origin origin;
    broker::ShardCommand command;
};

/// A command for the controller (core 0).
struct AdminMessage {
    broker::Origin origin;
    broker::AdminCommand command;
};

/// An event for a connection of the receiving core.
struct EventMessage {
    ConnectionId to;
    broker::Event event;
};

/// A catalog change for the replica of the receiving core; answered by BarrierMessage.
struct CatalogMessage {
    std::shared_ptr<const broker::CatalogChange> change;
    RequestId barrier;
};

/// To core 0: `barrier` was reached here.
struct BarrierMessage {
    RequestId barrier;
};

/// To core 0: a queue nobody uses any more.
struct QueueUnusedMessage {
    QueueId queue;
};

/// From a shard's core: its log cannot take more (on), or can again (off).
struct PressureMessage {
    ShardId shard;
    bool on = false;
};

/// From the dead letterer of one core to the source shard on another.
struct DeadLetteredMessage {
    QueueId queue;
    std::uint8_t level = 0;
    Offset offset;
    bool safe = false;
};

/// Anything rare: runs on the receiving core.
struct TaskMessage {
    CoreTask run;
};

using Message = std::variant<ShardMessage, AdminMessage, EventMessage, CatalogMessage, BarrierMessage,
                             QueueUnusedMessage, PressureMessage, DeadLetteredMessage, TaskMessage>;

}  // namespace fantail::runtime

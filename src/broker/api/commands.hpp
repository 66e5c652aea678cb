// SPDX-License-Identifier: Apache-2.0
//! What sessions ask of shards (messages) and of the controller (topology): two closed sets of commands.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "broker/api/definitions.hpp"
#include "broker/api/group_commands.hpp"
#include "broker/api/log_commands.hpp"
#include "broker/api/transaction_commands.hpp"
#include "record/batch.hpp"

namespace fantail::broker {

/// Who sent a command and where its answers go.
struct Origin {
    ConnectionId connection;
    RequestId request;  ///< echoed in the answer; 0 where none is expected
};

// ---------------------------------------------------------------- to a shard

/// What a shard must look at inside the records of a batch; also kept in the batch (record/batch.hpp, attribute bits).
struct BatchTraits {
    bool transient = false;       ///< lost at restart
    bool has_expiration = false;  ///< some record has its own time to live
    bool has_due_time = false;    ///< some record must be held until later
    bool has_deduplication = false;
};

/// The attribute bits that the header of a batch with these traits must have.
[[nodiscard]] constexpr std::uint16_t attribute_bits(const BatchTraits& traits) {
    namespace bit = record::batch_attribute;
    return static_cast<std::uint16_t>((traits.has_expiration ? bit::has_expiration : 0) |
                                      (traits.has_due_time ? bit::has_due_time : 0) |
                                      (traits.has_deduplication ? bit::has_deduplication : 0));
}

struct AppendTarget {
    QueueId queue;
    std::uint8_t level = 0;
};

/// Stores one batch of records in every target (all in one shard), in order, all or nothing per target. Answered by
/// Appended when `confirm` is set: after it is as durable as the queues ask. Where a queue may refuse messages one by one
/// (overflow reject-publish, deduplication), send batches of one record.
struct Append {
    std::vector<AppendTarget> targets;
    SharedBytes batch;  ///< record batch v2; base offset undefined
    std::uint32_t count = 0;
    std::uint64_t body_bytes = 0;  ///< sum of the records' values
    BatchTraits traits;
    bool confirm = false;
};

/// An append of one record through an exchange that lets no duplicate pass, sent to the shard of the exchange: it hands the
/// append on to the shards of the targets, unless a message with the id went through within the window, or is on its way.
/// Answered as Append: when the message is stored and its id remembered; a duplicate, as the message that it repeats.
struct AppendOnce {
    ExchangeId exchange;
    bool durable = true;  ///< what the exchange remembers survives a restart
    std::int64_t window_ms = 0;
    Bytes id;       ///< empty: the message has none, and is only kept in order with the others
    Append append;  ///< its targets may be in several shards; those of one are neighbours
};

/// For an exchange with a history, besides the appends: it remembers a message that passed through it, whether or not any
/// queue got it. Answered by Appended where the origin expects it.
struct Remember {
    ExchangeId exchange;
    SharedBytes batch;  ///< one record
    std::uint64_t body_bytes = 0;
    BatchTraits traits;
    std::uint8_t priority = 0;
    std::uint64_t routed_at = 0;  ///< CatalogView::version() by which it was routed
    bool alone = false;           ///< no queue got it: this is all that becomes of it
    bool confirm = false;
};

/// Appends to a queue what an exchange remembers of the time before `until`; answered by Appended when all is stored.
struct Recall {
    ExchangeId exchange;
    QueueId queue;
    std::uint8_t highest_level = 0;  ///< of the queue
    std::uint64_t until = 0;         ///< CatalogView::version(): later messages were routed to the queue
};

enum class StreamStart : std::uint8_t { next, first, last, offset, timestamp };

struct AddConsumer {
    QueueId queue;
    ConsumerId consumer;
    std::uint32_t prefetch = 0;        ///< unsettled messages it may hold; 0: no limit
    bool settled_on_delivery = false;  ///< no acks: delivered means settled
    bool exclusive = false;
    std::int32_t priority = 0;
    bool flow_on = true;  ///< false: starts paused
    // Streams only.
    StreamStart start = StreamStart::next;
    Offset start_offset;
    WallTime start_time;
    std::vector<std::string> filters;  ///< wanted filter values; empty: all
    bool match_unfiltered = false;
    std::optional<std::int64_t> timeout_ms;
    std::string tag;  ///< for display
};

/// The consumer gets nothing more; what it holds stays leased to the connection until settled or detached.
struct RemoveConsumer {
    QueueId queue;
    ConsumerId consumer;
};

/// Pauses or resumes deliveries (slow reader, channel flow) or changes the prefetch window.
struct SetFlow {
    QueueId queue;
    ConsumerId consumer;
    bool on = true;
    std::optional<std::uint32_t> prefetch;
};

enum class Outcome : std::uint8_t {
    accept,   ///< done with it: removed
    reject,   ///< not wanted: dead-lettered or dropped
    requeue,  ///< back to its place; counts as a failed delivery (reject, crash)
    release,  ///< back to its place; does not count (nack)
    unseen,  ///< the client was not shown it: as if it had never left its place, or released if it would be out of order
};

struct OffsetRange {
    Offset first;
    Offset end;  ///< one past the last
    std::uint8_t level = 0;
};

/// Settles leased messages of one queue held by one consumer. Unknown offsets are ignored (already returned by a timeout).
struct Settle {
    QueueId queue;
    ConsumerId consumer;
    Outcome outcome = Outcome::accept;
    std::vector<OffsetRange> ranges;
};

/// Takes one ready message, answered by GetResult. `consumer` names the lease for a later Settle.
struct Get {
    QueueId queue;
    ConsumerId consumer;
    bool settled_on_delivery = false;
};

/// Removes all ready messages; answered by QueueCounts with the number removed.
struct Purge {
    QueueId queue;
};

/// Answered by QueueCounts.
struct Inspect {
    QueueId queue;
    bool counts_as_use = false;  ///< an unused queue's time begins anew
};

/// Closes a queue that is to be deleted, if it is as asked: decided and done at once, so that nothing comes in between. From
/// then on nothing gets into it or out of it, as if it were gone. Answered by QueueCounts.
struct CloseQueue {
    QueueId queue;
    bool if_unused = false;     ///< no consumers
    bool if_empty = false;      ///< no ready messages
    bool if_abandoned = false;  ///< still so as ShardHost::queue_unused reported it
};

/// The connection (or one of its channels: consumers in [first, end)) is gone: consumers are removed and all they hold
/// is returned in order, marked redelivered.
struct Detach {
    ConsumerId first;
    ConsumerId end;
};

struct ShardCommand
    : std::variant<Append, AppendOnce, AddConsumer, RemoveConsumer, SetFlow, Settle, Get, Purge, Inspect, CloseQueue,
                   Detach, AppendLog, ReadLogs, EndWait, FindOffset, TrimLog, DescribeLog, GroupCommand, ListGroups,
                   Remember, Recall, TransactionCommand, ListTransactions, EnlistInLog, EndInLog> {
    using variant::variant;
    ShardCommand(ShardCommand&& other) noexcept;
    ShardCommand& operator=(ShardCommand&& other) noexcept;
    ~ShardCommand();
};

// ---------------------------------------------------------------- to the controller

struct DeclareQueue {
    VhostId vhost;
    std::string name;  ///< empty: the controller makes one with `name_prefix`
    std::string name_prefix;
    QueueKind kind = QueueKind::classic;
    bool durable = true;
    bool auto_delete = false;
    bool exclusive = false;  ///< owned by the origin's connection
    Bytes arguments;
    QueueOptions options;  ///< the arguments, understood by the session
    CoreId near;           ///< where its traffic is expected: decides its shard
};

struct DeleteQueue {
    VhostId vhost;
    std::string name;
    bool if_unused = false;
    bool if_empty = false;
};

struct DeclareExchange {
    ExchangeDefinition definition;  ///< id ignored
};

struct DeleteExchange {
    VhostId vhost;
    std::string name;
    bool if_unused = false;
};

/// Makes a topic with its partitions; refused with exists if it is there, or a queue has a partition's name.
struct CreateTopic {
    TopicDefinition definition;  ///< id and partitions ignored
    std::uint32_t partition_count = 1;
    bool only_check = false;  ///< answers as if it had been made
};
struct DeleteTopic {
    TopicId topic;
};
/// Refused with invalid if it would not be more than before.
struct AddPartitions {
    TopicId topic;
    std::uint32_t partition_count = 0;  ///< in all
    bool only_check = false;
};
/// Replaces options and settings.
struct AlterTopic {
    TopicId topic;
    QueueOptions options;
    std::vector<std::pair<std::string, std::string>> settings;
};

struct Bind {
    BindingDefinition binding;
};
struct Unbind {
    BindingDefinition binding;
};

/// Announces a connection to count against limits (refused with not_allowed) and, by ConnectionClosed, removes its
/// exclusive queues.
struct ConnectionOpened {
    std::string user;
    VhostId vhost;
};
struct ConnectionClosed {};

struct PutVhost {
    VhostDefinition definition;  ///< by name; id ignored
};
struct RemoveVhost {
    std::string name;
};
struct PutUser {
    UserDefinition definition;
    bool keep_password = false;
};
struct RemoveUser {
    std::string name;
};
struct PutPermission {
    PermissionDefinition definition;
};
struct RemovePermission {
    std::string user;
    VhostId vhost;
};
struct PutTopicPermission {
    TopicPermissionDefinition definition;
};
struct RemoveTopicPermission {
    std::string user;
    VhostId vhost;
    std::string exchange;
};
struct PutPolicy {
    PolicyDefinition definition;
};
struct RemovePolicy {
    VhostId vhost;
    std::string name;
    bool is_operator = false;
};

/// Answered by AdminReply, after the change is durable (where what it changes is) and every core has seen it.
struct AdminCommand : std::variant<DeclareQueue, DeleteQueue, DeclareExchange, DeleteExchange, Bind, Unbind,
                                   ConnectionOpened, ConnectionClosed, PutVhost, RemoveVhost, PutUser, RemoveUser,
                                   PutPermission, RemovePermission, PutTopicPermission, RemoveTopicPermission,
                                   PutPolicy, RemovePolicy, CreateTopic, DeleteTopic, AddPartitions, AlterTopic> {
    using variant::variant;
    AdminCommand(AdminCommand&& other) noexcept;
    AdminCommand& operator=(AdminCommand&& other) noexcept;
    ~AdminCommand();
};

}  // namespace fantail::broker

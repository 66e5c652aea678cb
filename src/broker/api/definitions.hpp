// SPDX-License-Identifier: Apache-2.0
//! What can be declared: vhosts, exchanges, queues, bindings, policies, users; values without behaviour.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/rare_text.hpp"
#include "base/time.hpp"

namespace fantail::broker {

enum class QueueKind : std::uint8_t {
    classic,  ///< competing consumers; transient messages do not survive a restart
    quorum,   ///< competing consumers; every message is durable, deliveries are counted and limited
    stream,   ///< a log: consumers read at offsets, nothing is removed by settling
};

enum class Overflow : std::uint8_t {
    drop_head,           ///< the oldest messages go (dead-lettered as maxlen)
    reject_publish,      ///< new messages are refused (negative confirm)
    reject_publish_dlx,  ///< refused and dead-lettered
};

enum class DeadLetterStrategy : std::uint8_t { at_most_once, at_least_once };
enum class DelayedRetry : std::uint8_t { disabled, all, failed, returned };

/// Of quorum queues for which neither declaration nor policy states one.
inline constexpr std::int64_t delivery_limit_default = 20;

/// The highest level of quorum queues for which no priorities are declared.
inline constexpr std::uint8_t quorum_priority_max = 31;

/// Of streams: what producers may append and what becomes of old records. Absent = the broker's default.
struct LogOptions {
    std::optional<std::uint32_t> batch_bytes_max;  ///< larger batches are refused
    std::optional<std::int64_t> older_max_ms;      ///< how far a record's time may lie in the past; refused beyond
    std::optional<std::int64_t> newer_max_ms;      ///< how far in the future
    bool append_time = false;                      ///< records get the time of their append instead of their producer's
    bool compact = false;                          ///< of records with equal keys only the newest is kept
    bool keep_all = false;                         ///< neither age nor size remove anything
    std::optional<std::int64_t> compact_after_ms;  ///< younger records are not compacted
    std::optional<std::int64_t> tombstone_ms;      ///< how long a null value stays after compaction
    bool operator==(const LogOptions&) const = default;
};

/// How a queue behaves: its arguments with the policies that apply laid over them. Absent = no such rule.
struct QueueOptions {
    std::optional<std::int64_t> message_ttl_ms;  ///< >= 0
    std::optional<std::int64_t> expires_ms;      ///< > 0; deleted when unused for so long
    std::optional<std::string> dead_letter_exchange;
    std::optional<std::string> dead_letter_routing_key;
    DeadLetterStrategy dead_letter_strategy = DeadLetterStrategy::at_most_once;
    std::optional<std::uint64_t> length_max;        ///< ready messages
    std::optional<std::uint64_t> length_bytes_max;  ///< bytes of ready bodies
    Overflow overflow = Overflow::drop_head;
    std::uint8_t priority_max = 0;  ///< 0: not declared; n: levels 0..n, one stream each
    bool single_active_consumer = false;
    /// Returns after which a message is dead-lettered. In force: absent = none. Declared and in policies: negative = none,
    /// absent = not stated; the controller then gives quorum queues delivery_limit_default.
    std::optional<std::int64_t> delivery_limit;
    DelayedRetry delayed_retry = DelayedRetry::disabled;
    std::int64_t delayed_retry_min_ms = 0;
    std::int64_t delayed_retry_max_ms = 0;
    std::optional<std::int64_t> consumer_timeout_ms;
    std::int64_t deduplication_window_ms = 0;  ///< 0: off
    std::optional<std::int64_t> retention_ms;  ///< streams: age
    LogOptions log;                            ///< streams
    bool operator==(const QueueOptions&) const = default;
};

/// Immutable options, shared: most queues have the same few. Reads like a pointer, is made from a value, costs nothing when
/// all is default. The catalog sees to it that equal ones are one object.
class OptionsRef {
public:
    OptionsRef() = default;
    OptionsRef(QueueOptions options)  // NOLINT(google-explicit-constructor): a value stands for its handle
        : shared_(options == defaults() ? nullptr : std::make_shared<const QueueOptions>(std::move(options))) {}
    [[nodiscard]] const QueueOptions& operator*() const { return shared_ ? *shared_ : defaults(); }
    [[nodiscard]] const QueueOptions* operator->() const { return &**this; }
    operator const QueueOptions&() const { return **this; }  // NOLINT(google-explicit-constructor)
    [[nodiscard]] bool is_default() const { return shared_ == nullptr; }
    /// How many handles share the object; 0 for the default.
    [[nodiscard]] long holders() const { return shared_.use_count(); }
    [[nodiscard]] bool operator==(const OptionsRef& other) const {
        return shared_ == other.shared_ || **this == *other;
    }

private:
    static const QueueOptions& defaults() {
        static const QueueOptions all_absent;
        return all_absent;
    }
    std::shared_ptr<const QueueOptions> shared_;
};

/// A declared queue. Immutable once in the catalog; a changed one (policy) replaces it whole.
struct QueueDefinition {
    QueueId id;
    VhostId vhost;
    std::string name;
    QueueKind kind = QueueKind::classic;
    bool durable = true;
    bool auto_delete = false;
    std::optional<ConnectionId> exclusive_owner;
    Bytes arguments;      ///< as declared (record/field_table.hpp), for comparison and display
    OptionsRef declared;  ///< from the arguments alone
    OptionsRef options;   ///< what is in force (arguments and policies)
    RareText policy;      ///< name of the policy in force, or empty
    RareText operator_policy;
    TopicId topic;  ///< the topic of which it is a partition; 0: none
    /// Level i's messages stand in this stream: the queue's own id space, see level_stream().
    [[nodiscard]] std::uint8_t highest_level() const {
        return kind == QueueKind::quorum && declared->priority_max == 0 ? quorum_priority_max : declared->priority_max;
    }
};

/// One object for all cores' catalogs.
using QueueDefinitionRef = std::shared_ptr<const QueueDefinition>;

/// The stream of a queue's priority level (0..255). Stream ids are derived, so that they need no table: counter * 256 + level.
[[nodiscard]] constexpr StreamId level_stream(QueueId queue, std::uint8_t level) {
    const std::uint64_t counter = queue.value & 0xFFFF'FFFF'FFFFull;
    return make_id<StreamId>(static_cast<std::uint16_t>(queue.value >> 48), (counter << 8) | level);
}
[[nodiscard]] constexpr QueueId queue_of(StreamId stream) {
    return make_id<QueueId>(static_cast<std::uint16_t>(stream.value >> 48), (stream.value & 0xFFFF'FFFF'FFFFull) >> 8);
}
[[nodiscard]] constexpr std::uint8_t level_of(StreamId stream) {
    return static_cast<std::uint8_t>(stream.value & 0xFF);
}

enum class ExchangeType : std::uint8_t {
    direct,
    fanout,
    topic,
    headers,
    consistent_hash,  ///< binding keys are weights
    modulus_hash,
    random,
    local_random,
    recent_history,
};

struct ExchangeDefinition {
    ExchangeId id;
    VhostId vhost;
    std::string name;  ///< empty: the default exchange
    ExchangeType type = ExchangeType::direct;
    bool durable = true;
    bool auto_delete = false;
    bool internal = false;
    bool delayed = false;   ///< declared for messages with a delay, which any queue honours: for display
    std::string type_name;  ///< as declared, for comparison and display
    Bytes arguments;
    std::string alternate;           ///< name, or empty (policies laid over)
    std::string declared_alternate;  ///< from the arguments alone; set by the controller
    std::string hash_header;         ///< consistent_hash: header to hash instead of the routing key
    std::string hash_property;       ///< or property: message_id, correlation_id, timestamp
    std::int64_t deduplication_window_ms = 0;
    std::uint32_t history_length = 0;  ///< recent_history
    std::string policy;
};

/// A named set of streams, its partitions: queues of kind stream, named after it ("orders-0", "orders-1" …).
struct TopicDefinition {
    TopicId id;
    VhostId vhost;
    std::string name;
    bool internal = false;  ///< not for applications
    std::vector<QueueId> partitions;
    QueueOptions options;                                       ///< of every partition
    std::vector<std::pair<std::string, std::string>> settings;  ///< as set (name, text), for display and comparison
};
using TopicDefinitionRef = std::shared_ptr<const TopicDefinition>;

/// From an exchange to a queue or another exchange.
struct BindingDefinition {
    VhostId vhost;
    std::string source;
    std::string destination;
    bool to_exchange = false;
    std::string routing_key;
    Bytes arguments;  ///< field table; headers exchanges match against it
    bool operator==(const BindingDefinition&) const = default;
};

struct VhostDefinition {
    VhostId id;
    std::string name;
    std::string description;
    std::optional<QueueKind> default_queue_kind;
    std::optional<std::uint32_t> connections_max;
    std::optional<std::uint32_t> queues_max;
};

struct UserDefinition {
    std::string name;
    Bytes
        password_hash;  ///< opaque to the broker: made and checked by the server's authenticator; empty = no password login
    std::vector<std::string> tags;
    std::optional<std::uint32_t> connections_max;
    std::optional<std::uint32_t> channels_max;
};

/// Regular expressions over resource names; empty matches nothing but is allowed ("^$").
struct PermissionDefinition {
    std::string user;
    VhostId vhost;
    std::string configure;
    std::string write;
    std::string read;
};

/// For one topic exchange: regular expressions over routing keys (write) and binding keys (read). In them {username} and
/// {vhost} stand for the user's and the vhost's name.
struct TopicPermissionDefinition {
    std::string user;
    VhostId vhost;
    std::string exchange;
    std::string write;
    std::string read;
};

enum class PolicyTarget : std::uint8_t { all, queues, classic_queues, quorum_queues, streams, exchanges };

struct PolicyDefinition {
    VhostId vhost;
    std::string name;
    std::string pattern;
    PolicyTarget apply_to = PolicyTarget::all;
    std::int32_t priority = 0;
    bool is_operator = false;
    QueueOptions options;  ///< only the present fields count; enums count if in `keys`
    std::string alternate_exchange;
    std::vector<std::pair<std::string, std::string>> keys;  ///< as set (name, JSON text), for display
};

}  // namespace fantail::broker

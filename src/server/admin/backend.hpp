// SPDX-License-Identifier: Apache-2.0
//! What the administration interface needs of the broker process: an interface, so that it is tested without one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/catalog.hpp"
#include "broker/queue.hpp"
#include "protocols/session.hpp"
#include "storage/engine.hpp"
#include "sys/tls.hpp"

namespace fantail::server {

/// Who asks: a connection and the core it lives on.
struct Asker {
    CoreId core;
    ConnectionId connection;
};

struct ConnectionRow {
    ConnectionId id;
    std::string peer;
    std::string local;
    bool tls = false;
    protocols::SessionInfo session;
    protocols::SessionDetails details;  ///< if asked for
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

struct ExchangeRow {
    broker::ExchangeDefinition definition;
    std::size_t bindings = 0;  ///< that start here
};

/// One shard's log.
struct LogReport {
    ShardId shard;
    storage::LogFigures figures;
    storage::LogState state = storage::LogState::ok;
};

/// Sums over queues.
struct QueueTotals {
    std::uint64_t queues = 0;
    std::uint64_t ready = 0;
    std::uint64_t unsettled = 0;
    std::uint64_t body_bytes = 0;
    std::uint64_t consumers = 0;
    std::uint64_t published = 0;
    std::uint64_t delivered = 0;
    std::uint64_t redelivered = 0;
    std::uint64_t settled = 0;
    void add(const broker::QueueFigures& figures);
    void add(const QueueTotals& other);
};

/// One core, as it is now.
struct CoreReport {
    CoreId core;
    std::uint32_t connections = 0;
    std::uint32_t busy_permille = 0;
    std::uint64_t cached_bytes = 0;  ///< message bytes in memory
    std::vector<LogReport> logs;
    QueueTotals totals;
    std::vector<broker::QueueFigures> queues;  ///< those with most messages
};

/// What a report says of queues.
struct ReportScope {
    bool totals = false;
    std::size_t queues_max = 0;  ///< that each core names; only with totals
};

/// What does not change while the process runs.
struct NodeFacts {
    std::string name;  ///< "fantail@host"
    std::string cluster;
    std::string rabbitmq_version;     ///< whose interfaces these are, as clients are told
    std::uint64_t memory_max = 0;     ///< resident bytes above which publishers are held back; 0: no limit
    std::uint64_t disk_free_min = 0;  ///< bytes; 0: no limit
    std::uint64_t descriptors_max = 0;
    std::uint64_t process_id = 0;
    std::size_t cores = 0;
};

/// A listener as it ended up.
struct ListenerRow {
    std::string name;  ///< of the setting: "amqp", "amqps", "http" …
    std::string host;
    std::uint16_t port = 0;
    sys::TlsExpiry expiry;  ///< of the certificates in use; empty without TLS
};

/// The process as a whole.
struct ProcessReport {
    bool ready = false;  ///< all listeners accept, and no stop has begun
    std::string alarm;   ///< why publishers are held back, or empty
    bool memory_alarm = false;
    bool disk_alarm = false;
    std::uint64_t disk_free = 0;  ///< bytes, where the data is
    std::int64_t uptime_ms = 0;
    std::int64_t started_unix_ms = 0;
    std::uint64_t resident_bytes = 0;
    std::int64_t cpu_ns = 0;
};

/// Methods are called on the asker's core. Answers come there in a later turn; none comes if the asker has gone by then.
class AdminBackend {
public:
    virtual ~AdminBackend() = default;
    /// The asker's core's replica.
    [[nodiscard]] virtual const broker::Catalog& catalog(CoreId core) const = 0;
    [[nodiscard]] virtual ProcessReport process() const = 0;
    [[nodiscard]] virtual const NodeFacts& facts() const = 0;
    [[nodiscard]] virtual std::vector<ListenerRow> listeners() const = 0;

    // What the catalog knows, of one vhost or of all; in any order. Taken in pieces over many turns, so that the core is not
    // held up: what comes or goes meanwhile may be in it or not.
    virtual void list_queues(Asker asker, std::optional<VhostId> vhost,
                             std::function<void(std::vector<broker::QueueDefinitionRef>)> done) = 0;
    virtual void list_exchanges(Asker asker, std::optional<VhostId> vhost,
                                std::function<void(std::vector<ExchangeRow>)> done) = 0;
    virtual void list_bindings(Asker asker, std::optional<VhostId> vhost,
                               std::function<void(std::vector<broker::BindingDefinition>)> done) = 0;

    using Wanted = std::shared_ptr<const std::vector<QueueId>>;
    /// The figures of the queues named, in any order; of those that exist.
    virtual void gather_queues(Asker asker, Wanted wanted,
                               std::function<void(std::vector<broker::QueueFigures>)> done) = 0;
    virtual void gather_connections(Asker asker, bool with_details,
                                    std::function<void(std::vector<ConnectionRow>)> done) = 0;
    virtual void gather_reports(Asker asker, ReportScope scope, std::function<void(std::vector<CoreReport>)> done) = 0;
    /// Runs `work`, which is long, beside the core, and then `done`.
    virtual void calculate(Asker asker, std::move_only_function<void()> work, std::function<void()> done) = 0;
    /// Asks a connection to close. `done` gets whether there is such a connection.
    virtual void close_connection(Asker asker, ConnectionId id, std::string reason, std::function<void(bool)> done) = 0;
};

}  // namespace fantail::server

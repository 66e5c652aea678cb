// SPDX-License-Identifier: Apache-2.0
//! Asks cores and brings their answers home.
#include "server/node_backend.hpp"

#include <algorithm>

#include "runtime/core.hpp"
#include "runtime/node.hpp"
#include "server/gather.hpp"
#include "server/watch/machine.hpp"
#include "sys/clock.hpp"
#include "sys/process.hpp"

namespace fantail::server {

namespace {

using broker::QueueFigures;
using Progress = BucketWalk::Progress;

/// Of a list, in one turn of a core: well under a millisecond.
constexpr std::size_t items_a_turn = 1000;

/// Calls `done` if the asker is still there, in a way that lets it answer.
template <class... T>
void hand_over(runtime::Core& home, ConnectionId asker, const std::function<void(T...)>& done,
               std::type_identity_t<T>... answer) {
    runtime::Connection* connection = home.connection(asker);
    if (connection == nullptr || connection->finished()) return;
    home.touch(*connection);
    done(std::move(answer)...);
}

template <class T>
std::vector<T> joined(std::vector<std::vector<T>> parts) {
    std::vector<T> all = std::move(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i)
        all.insert(all.end(), std::make_move_iterator(parts[i].begin()), std::make_move_iterator(parts[i].end()));
    return all;
}

ConnectionRow row_of(const runtime::Connection& connection, bool with_details) {
    return {.id = connection.id(),
            .peer = connection.peer().address,
            .local = connection.peer().local_address,
            .tls = connection.peer().tls,
            .session = connection.info(),
            .details = with_details ? connection.details() : protocols::SessionDetails(),
            .bytes_in = connection.bytes_in(),
            .bytes_out = connection.bytes_out()};
}

/// The report of a core, its queues in pieces.
class ReportWalk {
public:
    explicit ReportWalk(ReportScope scope) : scope_(scope) {}

    /// True: the report is complete.
    bool operator()(runtime::Core& core, CoreReport& report) {
        if (scope_.totals && shard_ < core.shards().size()) {
            take_some(core.shards()[shard_]->shard(), report);
            return false;
        }
        report.core = core.id();
        report.connections = core.connection_count();
        report.busy_permille = core.busy_permille();
        for (const auto& slot : core.shards()) {
            report.cached_bytes += slot->shard().cached_bytes();
            report.logs.push_back({slot->id(), slot->log().figures(), slot->log().state()});
        }
        keep_fullest(report.queues);
        return true;
    }

private:
    void take_some(const broker::Shard& shard, CoreReport& report) {
        const Progress progress = shard.list_some(walk_, items_a_turn, [this](const QueueFigures& each) {
            totals_.add(each);
            if (scope_.queues_max > 0) fullest_.push_back(each);
        });
        if (fullest_.size() > 2 * scope_.queues_max) keep_fullest(fullest_);
        if (progress == Progress::more) return;
        if (progress == Progress::done) {
            ++shard_;
            report.totals.add(totals_);
            report.queues.insert(report.queues.end(), fullest_.begin(), fullest_.end());
        }
        totals_ = {};
        fullest_.clear();
        walk_ = {};
    }
    void keep_fullest(std::vector<QueueFigures>& queues) const {
        if (queues.size() <= scope_.queues_max) return;
        const auto fuller = [](const QueueFigures& a, const QueueFigures& b) {
            return a.ready + a.unsettled > b.ready + b.unsettled;
        };
        const auto end = queues.begin() + static_cast<std::ptrdiff_t>(scope_.queues_max);
        std::nth_element(queues.begin(), end, queues.end(), fuller);
        queues.erase(end, queues.end());
    }

    ReportScope scope_;
    std::size_t shard_ = 0;  ///< of the core's, the one being walked
    BucketWalk walk_;
    QueueTotals totals_;                 ///< of that shard
    std::vector<QueueFigures> fullest_;  ///< of that shard
};

/// The figures of the wanted queues that live on `core`.
std::vector<QueueFigures> figures_of(const runtime::Core& core, runtime::NodeLayout layout,
                                     const std::vector<QueueId>& wanted) {
    std::vector<QueueFigures> found;
    for (const QueueId each : wanted) {
        const ShardId shard = shard_of(each);
        if (layout.core_of(shard) != core.id()) continue;
        if (const auto figures = core.shards()[shard.value / layout.cores]->shard().figures(each))
            found.push_back(*figures);
    }
    return found;
}

}  // namespace

const broker::Catalog& NodeBackend::catalog(CoreId core) const { return node_->core(core).catalog(); }

ProcessReport NodeBackend::process() const {
    const Now now = sys::SystemClock().now();
    return {.ready = state_.ready.load(),
            .alarm = state_.alarm(),
            .memory_alarm = state_.memory_alarm.load(),
            .disk_alarm = state_.disk_alarm.load(),
            .disk_free = disk_free(state_.data_dir),
            .uptime_ms = (now.mono.ns - state_.started.mono.ns) / 1'000'000,
            .started_unix_ms = state_.started.wall.ms,
            .resident_bytes = sys::resident_bytes(),
            .cpu_ns = sys::cpu_time_ns()};
}

std::vector<ListenerRow> NodeBackend::listeners() const {
    std::vector<ListenerRow> rows;
    for (const runtime::BoundListener& each : node_->listeners()) {
        ListenerRow& row = rows.emplace_back(each.name, each.host, each.port);
        if (state_.tls && each.name == "amqps") row.expiry = state_.tls->context.load()->expiry();
    }
    return rows;
}

/// Gathers rows of the asker's own catalog by walks, one after the other: each is called as `walk(catalog, at, rows)`.
template <class Row, class... Walks>
void list_rows(runtime::Core& home, ConnectionId asker, std::function<void(std::vector<Row>)> done, Walks... walks) {
    using Walk = std::function<Progress(const broker::Catalog&, BucketWalk&, std::vector<Row>&)>;
    auto step = [todo = std::vector<Walk>{std::move(walks)...}, asker, done = std::move(done), current = std::size_t{0},
                 at = BucketWalk(), rows = std::vector<Row>(), begun = std::size_t{0}](runtime::Core& core) mutable {
        const Progress progress = todo[current](core.catalog(), at, rows);
        if (progress == Progress::begins_anew) rows.resize(begun);
        if (progress != Progress::done) return false;
        begun = rows.size();
        at = {};
        if (++current < todo.size()) return false;
        hand_over(core, asker, done, std::move(rows));
        return true;
    };
    in_pieces(home, std::move(step));
}

void NodeBackend::list_queues(Asker asker, std::optional<VhostId> vhost,
                              std::function<void(std::vector<broker::QueueDefinitionRef>)> done) {
    using Rows = std::vector<broker::QueueDefinitionRef>;
    auto walk = [vhost](const broker::Catalog& catalog, BucketWalk& at, Rows& rows) {
        return catalog.some_queues(at, items_a_turn, [&](const broker::QueueDefinitionRef& queue) {
            if (!vhost || queue->vhost == *vhost) rows.push_back(queue);
        });
    };
    list_rows(node_->core(asker.core), asker.connection, std::move(done), std::move(walk));
}

void NodeBackend::list_exchanges(Asker asker, std::optional<VhostId> vhost,
                                 std::function<void(std::vector<ExchangeRow>)> done) {
    auto walk = [vhost](const broker::Catalog& catalog, BucketWalk& at, std::vector<ExchangeRow>& rows) {
        return catalog.some_exchanges(at, items_a_turn, [&](const broker::ExchangeDefinition& exchange) {
            if (!vhost || exchange.vhost == *vhost) rows.push_back({exchange, catalog.binding_count(exchange)});
        });
    };
    list_rows(node_->core(asker.core), asker.connection, std::move(done), std::move(walk));
}

void NodeBackend::list_bindings(Asker asker, std::optional<VhostId> vhost,
                                std::function<void(std::vector<broker::BindingDefinition>)> done) {
    using Rows = std::vector<broker::BindingDefinition>;
    const auto into = [vhost](Rows& rows) {
        return [vhost, &rows](const broker::BindingDefinition& binding) {
            if (!vhost || binding.vhost == *vhost) rows.push_back(binding);
        };
    };
    auto to_queues = [into](const broker::Catalog& catalog, BucketWalk& at, Rows& rows) {
        return catalog.some_queue_bindings(at, items_a_turn, into(rows));
    };
    auto to_exchanges = [into](const broker::Catalog& catalog, BucketWalk& at, Rows& rows) {
        return catalog.some_exchange_bindings(at, items_a_turn, into(rows));
    };
    list_rows(node_->core(asker.core), asker.connection, std::move(done), std::move(to_queues),
              std::move(to_exchanges));
}

void NodeBackend::gather_queues(Asker asker, Wanted wanted, std::function<void(std::vector<QueueFigures>)> done) {
    runtime::Core& home = node_->core(asker.core);
    auto ask = [wanted = std::move(wanted), layout = node_->layout()](runtime::Core& core) {
        return figures_of(core, layout, *wanted);
    };
    gather<std::vector<QueueFigures>>(home, std::move(ask), [&home, asker, done = std::move(done)](auto parts) {
        hand_over(home, asker.connection, done, joined(std::move(parts)));
    });
}

void NodeBackend::gather_connections(Asker asker, bool with_details,
                                     std::function<void(std::vector<ConnectionRow>)> done) {
    runtime::Core& home = node_->core(asker.core);
    auto ask = [with_details, at = BucketWalk()](runtime::Core& core, std::vector<ConnectionRow>& rows) mutable {
        const Progress progress = at.next(core.connections(), items_a_turn, [&](const auto& each) {
            if (!each.second->finished()) rows.push_back(row_of(*each.second, with_details));
        });
        if (progress == Progress::begins_anew) rows.clear();
        return progress == Progress::done;
    };
    gather_in_pieces<std::vector<ConnectionRow>>(home, ask, [&home, asker, done = std::move(done)](auto parts) {
        hand_over(home, asker.connection, done, joined(std::move(parts)));
    });
}

void NodeBackend::gather_reports(Asker asker, ReportScope scope, std::function<void(std::vector<CoreReport>)> done) {
    runtime::Core& home = node_->core(asker.core);
    gather_in_pieces<CoreReport>(home, ReportWalk(scope),
                                 [&home, asker, done = std::move(done)](std::vector<CoreReport> reports) {
                                     hand_over(home, asker.connection, done, std::move(reports));
                                 });
}

void NodeBackend::calculate(Asker asker, std::move_only_function<void()> work, std::function<void()> done) {
    runtime::Core& home = node_->core(asker.core);
    home.calculate(std::move(work),
                   [&home, asker, done = std::move(done)] { hand_over(home, asker.connection, done); });
}

void NodeBackend::close_connection(Asker asker, ConnectionId id, std::string reason, std::function<void(bool)> done) {
    runtime::Core& home = node_->core(asker.core);
    auto ask = [id, reason = std::move(reason)](runtime::Core& core) {
        const runtime::Connection* target = core.connection(id);
        if (target == nullptr || target->finished()) return false;
        core.emit(id, broker::CloseRequested{reason});
        return true;
    };
    gather<char>(home, std::move(ask), [&home, asker, done = std::move(done)](const std::vector<char>& found) {
        hand_over(home, asker.connection, done, std::ranges::any_of(found, [](char each) { return each != 0; }));
    });
}

}  // namespace fantail::server

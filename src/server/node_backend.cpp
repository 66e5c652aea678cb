// SPDX-License-Identifier: Apache-2.0
//! Asks cores and brings their answers home.
#include "server/node_backend.hpp"

#include <algorithm>

#include "runtime/core.hpp"
#include "runtime/node.hpp"
#include "server/gather.hpp"
#include "sys/clock.hpp"
#include "sys/process.hpp"

namespace fantail::server {

namespace {

using broker::QueueFigures;

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

/// The figures of all queues of one core.
std::vector<QueueFigures> figures_of(runtime::Core& core) {
    std::vector<QueueFigures> all;
    for (const auto& slot : core.shards()) slot->shard().list(all);
    return all;
}

ConnectionRow row_of(const runtime::Connection& connection) {
    return {.id = connection.id(),
            .peer = connection.peer().address,
            .tls = connection.peer().tls,
            .session = connection.info(),
            .bytes_in = connection.bytes_in(),
            .bytes_out = connection.bytes_out()};
}

CoreReport report_of(runtime::Core& core, std::size_t queues_max) {
    CoreReport report{.core = core.id(), .connections = core.connection_count(), .busy_permille = core.busy_permille()};
    for (const auto& slot : core.shards()) {
        report.cached_bytes += slot->shard().cached_bytes();
        report.logs.push_back({slot->id(), slot->log().figures(), slot->log().state()});
    }
    std::vector<QueueFigures> queues = figures_of(core);
    for (const QueueFigures& each : queues) report.totals.add(each);
    const auto fuller = [](const QueueFigures& a, const QueueFigures& b) {
        return a.ready + a.unsettled > b.ready + b.unsettled;
    };
    if (queues.size() > queues_max) {
        std::nth_element(queues.begin(), queues.begin() + static_cast<std::ptrdiff_t>(queues_max), queues.end(),
                         fuller);
        queues.resize(queues_max);
    }
    report.queues = std::move(queues);
    return report;
}

}  // namespace

const broker::Catalog& NodeBackend::catalog(CoreId core) const { return node_->core(core).catalog(); }

ProcessReport NodeBackend::process() const {
    const Now now = sys::SystemClock().now();
    return {.ready = state_.ready.load(),
            .alarm = state_.alarm(),
            .uptime_ms = (now.mono.ns - state_.started.mono.ns) / 1'000'000,
            .started_unix_ms = state_.started.wall.ms,
            .resident_bytes = sys::resident_bytes(),
            .cpu_ns = sys::cpu_time_ns()};
}

void NodeBackend::gather_queues(Asker asker, Wanted wanted, std::function<void(std::vector<QueueFigures>)> done) {
    runtime::Core& home = node_->core(asker.core);
    auto ask = [wanted = std::move(wanted)](runtime::Core& core) {
        std::vector<QueueFigures> all = figures_of(core);
        std::erase_if(all, [&](const QueueFigures& each) { return !wanted->contains(each.queue); });
        return all;
    };
    gather<std::vector<QueueFigures>>(home, std::move(ask), [&home, asker, done = std::move(done)](auto parts) {
        hand_over(home, asker.connection, done, joined(std::move(parts)));
    });
}

void NodeBackend::gather_connections(Asker asker, std::function<void(std::vector<ConnectionRow>)> done) {
    runtime::Core& home = node_->core(asker.core);
    auto ask = [](runtime::Core& core) {
        std::vector<ConnectionRow> rows;
        for (const auto& [id, connection] : core.connections())
            if (!connection->finished()) rows.push_back(row_of(*connection));
        return rows;
    };
    gather<std::vector<ConnectionRow>>(home, ask, [&home, asker, done = std::move(done)](auto parts) {
        hand_over(home, asker.connection, done, joined(std::move(parts)));
    });
}

void NodeBackend::gather_reports(Asker asker, std::size_t queues_max,
                                 std::function<void(std::vector<CoreReport>)> done) {
    runtime::Core& home = node_->core(asker.core);
    gather<CoreReport>(
        home, [queues_max](runtime::Core& core) { return report_of(core, queues_max); },
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

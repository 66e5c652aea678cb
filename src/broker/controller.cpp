// SPDX-License-Identifier: Apache-2.0
//! The life of an operation: begun in order, decided, shown to all, durable, answered in order.
#include "broker/controller.hpp"

#include <algorithm>

namespace fantail::broker {

Controller::Controller(Catalog& catalog, ControllerHost& host, ControllerOptions options)
    : catalog_(catalog), host_(host), options_(std::move(options)) {
    FANTAIL_ASSERT(options_.shard_count > 0);
}

void Controller::handle(Origin origin, AdminCommand&& command, const Now&) {
    Client& client = clients_[origin.connection];
    Operation& added = client.operations.emplace_back();
    added.origin = origin;
    added.command = std::move(command);
    added.reply.request = origin.request;
    if (client.next == client.operations.end()) client.next = std::prev(client.operations.end());
    begin_next(origin.connection);
}

void Controller::connection_closed(ConnectionId connection) {
    if (clients_.contains(connection)) handle({connection, {}}, ConnectionClosed{}, {});
}

void Controller::begin_next(ConnectionId connection) {
    Client& client = clients_.at(connection);
    while (!client.inspecting && client.next != client.operations.end()) {
        Operation& operation = *client.next++;
        if (begin(operation) == Step::inspects) client.inspecting = true;
        else decided(operation);
    }
    answer(connection);
}

Controller::Step Controller::begin(Operation& operation) {
    return std::visit(
        [&](auto& command) {
            if constexpr (std::is_same_v<decltype(on(operation, command)), Step>) {
                return on(operation, command);
            } else {
                operation.reply.outcome = on(operation, command);
                return Step::decided;
            }
        },
        operation.command);
}

/// From here on only barrier and log are waited for. Refusals wait for the barrier too: what they refer to may be as fresh.
/// They do not wait for the log, nor does what concerns nothing durable: a log that is stuck must not stop consumers.
void Controller::decided(Operation& operation) {
    operation.decided = true;
    operation.barrier = last_barrier_;
    operation.lsn = operation.durable && operation.reply.outcome ? last_lsn_ : Lsn();
    if (operation.barrier > barrier_reached_) barrier_waits_.push_back(&operation);
    if (operation.lsn > durable_) durable_waits_.push_back(&operation);
}

bool Controller::is_ready(const Operation& operation) const {
    return operation.decided && !operation.recall && !operation.recalling && operation.barrier <= barrier_reached_ &&
           operation.lsn <= durable_;
}

/// Answers what is ready at the head of the connection's list.
void Controller::answer(ConnectionId connection) {
    const auto at = clients_.find(connection);
    if (at == clients_.end()) return;
    Operations& operations = at->second.operations;
    while (!operations.empty() && is_ready(operations.front())) {
        Operation& done = operations.front();
        if (done.origin.request != RequestId()) host_.emit(connection, std::move(done.reply));
        operations.pop_front();
    }
    drop_if_idle(connection);
}

void Controller::drop_if_idle(ConnectionId connection) {
    const auto at = clients_.find(connection);
    const Client& client = at->second;
    if (client.operations.empty() && !client.announced && client.exclusive.empty()) clients_.erase(at);
}

void Controller::answer_all(const std::vector<ConnectionId>& connections) {
    for (const ConnectionId each : connections) answer(each);
}

void Controller::on_durable(Lsn lsn) {
    durable_ = std::max(durable_, lsn);
    std::vector<ConnectionId> ready;
    for (; !durable_waits_.empty() && durable_waits_.front()->lsn <= durable_; durable_waits_.pop_front())
        ready.push_back(durable_waits_.front()->origin.connection);
    answer_all(ready);
}

void Controller::on_barrier(RequestId barrier) {
    barrier_reached_ = std::max(barrier_reached_, barrier);
    std::vector<ConnectionId> ready;
    for (; !barrier_waits_.empty() && barrier_waits_.front()->barrier <= barrier_reached_; barrier_waits_.pop_front()) {
        Operation& operation = *barrier_waits_.front();
        if (operation.recall) recall(operation);
        ready.push_back(operation.origin.connection);
    }
    answer_all(ready);
}

/// Logs (if durable) and shows a change; core 0's catalog has it when this returns.
void Controller::publish(CatalogChange change, bool durable) {
    if (durable) {
        Bytes encoded;
        encode_change(change, encoded);
        last_lsn_ = host_.log_change(encoded);
    }
    last_barrier_ = last_barrier_.plus(1);
    host_.broadcast(std::make_shared<const CatalogChange>(std::move(change)), last_barrier_);
}

// ------------------------------------------------------------------------------------------------ questions to shards

void Controller::ask(Operation& operation, const QueueDefinition& queue, ShardCommand question) {
    operation.inspected = queue.id;
    last_question_ = last_question_.plus(1);
    inspections_.emplace(last_question_, &operation);
    host_.send(shard_of(queue.id), last_question_, std::move(question));
}

void Controller::queue_unused(QueueId queue) {
    if (catalog_.queue(queue) == nullptr || !unused_asked_.insert(queue).second) return;
    last_question_ = last_question_.plus(1);
    unused_.emplace(last_question_, queue);
    host_.send(shard_of(queue), last_question_, CloseQueue{.queue = queue, .if_abandoned = true});
}

void Controller::on_event(Event&& event) {
    if (const auto* counts = std::get_if<QueueCounts>(&event)) on_counts(*counts);
    else if (const auto* recalled = std::get_if<Appended>(&event)) on_recalled(recalled->request);
}

/// Only now: a core that has not seen the queue would take what is sent to it for lost.
void Controller::recall(Operation& operation) {
    const ExchangeId exchange = operation.recall->exchange;
    last_question_ = last_question_.plus(1);
    recalls_.emplace(last_question_, &operation);
    operation.recalling = true;
    host_.send(shard_of(exchange), last_question_, *std::exchange(operation.recall, std::nullopt));
}

void Controller::on_recalled(RequestId question) {
    const auto recalled = recalls_.extract(question);
    if (!recalled) return;
    recalled.mapped()->recalling = false;
    answer(recalled.mapped()->origin.connection);
}

void Controller::on_counts(const QueueCounts& counts) {
    if (const auto unused = unused_.extract(counts.request)) {
        unused_asked_.erase(unused.mapped());
        if (counts.closed) remove_queue(unused.mapped());
        return;
    }
    const auto question = inspections_.extract(counts.request);
    if (!question) return;
    Operation& operation = *question.mapped();
    if (finish_inspected(operation, counts) == Step::inspects) return;
    decided(operation);
    const ConnectionId connection = operation.origin.connection;
    clients_.at(connection).inspecting = false;
    begin_next(connection);
}

Controller::Step Controller::finish_inspected(Operation& operation, const QueueCounts& counts) {
    if (const auto* command = std::get_if<DeleteQueue>(&operation.command)) {
        operation.reply.outcome = delete_closed(operation, *command, counts);
        return Step::decided;
    }
    // Somebody may have deleted it meanwhile, and even made another of its name: from the start, then.
    if (catalog_.queue(operation.inspected) == nullptr) return on(operation, std::get<DeclareQueue>(operation.command));
    operation.reply.messages = counts.ready;
    operation.reply.consumers = counts.consumers;
    return Step::decided;
}

}  // namespace fantail::broker

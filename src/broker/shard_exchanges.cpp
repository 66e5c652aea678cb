// SPDX-License-Identifier: Apache-2.0
//! Exchanges of this shard that remember: those that let no duplicate pass, and those with a history.
#include <algorithm>

#include "broker/shard.hpp"

namespace fantail::broker {

void Shard::carry_out(const Origin& origin, AppendOnce& command) {
    FANTAIL_ASSERT(command.append.count == 1 && !command.append.targets.empty());
    switch (exchanges_.look_up(origin, command, context_.now.wall.ms)) {
        case ExchangeMemory::Verdict::passes: return pass(origin, command);
        case ExchangeMemory::Verdict::seen:
            if (command.append.confirm) confirm(origin, {}, Lsn());
            return;
        case ExchangeMemory::Verdict::under_way: return;
    }
}

/// Sends one append to each shard that has targets; the answers of all carry the same request.
void Shard::pass(const Origin& origin, AppendOnce& command) {
    const RequestId request = make_id<RequestId>(id_.value, ++asked_);
    Passage& passage = exchanges_.begin(request, origin, command);
    const std::vector<AppendTarget> targets = std::exchange(command.append.targets, {});
    command.append.confirm = true;
    const auto elsewhere = [](const AppendTarget& a, const AppendTarget& b) {
        return shard_of(a.queue) != shard_of(b.queue);
    };
    for (auto first = targets.begin(); first != targets.end();) {
        auto end = std::adjacent_find(first, targets.end(), elsewhere);
        if (end != targets.end()) ++end;
        ++passage.answers_left;
        Append part = command.append;
        part.targets.assign(first, end);
        const ShardId shard = shard_of(first->queue);
        // An answer never comes from inside: it is an event.
        if (shard == id_) carry_out({context_.host.own_id(), request}, part);
        else context_.host.send(shard, request, std::move(part));
        first = end;
    }
}

void Shard::on_event(Event&& event, const Now& now) {
    context_.now = now;
    if (const auto* marked = std::get_if<LogMarked>(&event)) {
        transactions_.answered(marked->request, TransactionOutcome::ok, now);
        return;
    }
    if (const auto* group = std::get_if<GroupAnswered>(&event)) return on_group_answer(*group);
    const auto* answer = std::get_if<Appended>(&event);
    if (answer == nullptr) return;
    const auto done = exchanges_.answered(*answer);
    if (!done) return;
    const bool stored = done->accepted && !done->missed;
    const bool counts = stored && !done->id.empty() && exchanges_.knows(done->exchange);
    const Lsn remembered = counts ? remember(*done) : Lsn();
    for (const Origin& each : done->awaited_by) {
        confirm(each, {.accepted = done->accepted, .missed = done->missed}, remembered);
    }
}

/// Gives what confirms must wait for.
Lsn Shard::remember(const Passage& passage) {
    const PassedChange change{passage.exchange, context_.now.wall.ms, passage.window_ms, passage.id};
    exchanges_.apply(change);
    if (!passage.durable) return {};
    encode_passed(change_, change);
    return context_.host.log_change(change_, false);
}

void Shard::exchange_put(const ExchangeDefinition& definition) {
    exchanges_.confirm(definition.id);
    if (definition.type == ExchangeType::recent_history)
        exchanges_.keep_history(definition.id, definition.history_length);
}

void Shard::carry_out(const Origin& origin, Remember& command) {
    const bool confirms = command.confirm;
    const bool alone = command.alone;
    if (ExchangeHistory* history = exchanges_.history(command.exchange)) history->add(std::move(command));
    if (confirms) confirm(origin, {.missed = !alone}, Lsn());
}

/// The answers of one shard come in order: the last one stands for all.
void Shard::carry_out(const Origin& origin, Recall& command) {
    const ExchangeHistory* history = exchanges_.history(command.exchange);
    std::vector<Append> appends;
    if (history != nullptr) appends = history->recall(command);
    if (appends.empty()) return confirm(origin, {}, Lsn());
    appends.back().confirm = true;
    const RequestId request = make_id<RequestId>(id_.value, ++asked_);
    exchanges_.begin(request, origin, command.exchange).answers_left = 1;
    const ShardId shard = shard_of(command.queue);
    for (Append& each : appends) {
        if (shard == id_) carry_out({context_.host.own_id(), request}, each);
        else context_.host.send(shard, request, std::move(each));
    }
}

void Shard::exchange_removed(ExchangeId id) {
    exchanges_.forget_history(id);
    if (!exchanges_.knows(id)) return;
    exchanges_.forget(id);
    encode_forgotten(change_, id);
    context_.host.log_change(change_, true);
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! The steps of transactions: written, told, answered; and what time and recovery do to them.
#include "broker/transactions/transaction_table.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace fantail::broker {

namespace {

TransactionAnswer refusal(const TransactionAction& action, TransactionOutcome why) {
    struct {
        TransactionOutcome why;
        TransactionAnswer operator()(const OpenProducer&) const { return ProducerOpened{why, {}}; }
        TransactionAnswer operator()(const AddToTransaction&) const { return TransactionDone{why}; }
        TransactionAnswer operator()(const EndTransaction&) const { return TransactionEnded{why, {}}; }
        TransactionAnswer operator()(const DescribeTransaction&) const { return TransactionDescribed{.outcome = why}; }
    } refused{why};
    return std::visit(refused, action);
}

}  // namespace

void TransactionTable::handle(const Origin& origin, TransactionCommand&& command, const Now& now) {
    FANTAIL_ASSERT(command.action != nullptr);
    now_ = now;
    const TransactionAction& action = *command.action;
    const auto refuse = [&](TransactionOutcome why) { host_.answer(origin, refusal(action, why)); };
    if (command.name.empty() || command.name.size() > limits::group_text_size_max)
        return refuse(TransactionOutcome::invalid_name);
    Place at = producers_.find(command.name);
    if (at == producers_.end()) {
        if (!std::holds_alternative<OpenProducer>(action)) return refuse(TransactionOutcome::unknown_producer);
        if (producers_.size() >= limits::named_producers_max) return refuse(TransactionOutcome::full);
        if (next_sweep_ == MonoTime::never()) next_sweep_ = now.mono.plus_ms(limits::producer_sweep_ms);
        at = producers_.try_emplace(command.name).first;
    }
    if (auto* describe = std::get_if<DescribeTransaction>(command.action.get()))
        return carry_out(at, origin, *describe);
    if (at->second.waiting.size() >= limits::transaction_actions_waiting_max)
        return refuse(TransactionOutcome::concurrent);
    at->second.waiting.push_back({origin, std::move(*command.action)});
    work(at);
}

/// Takes steps until one must be waited for.
void TransactionTable::work(Place at) {
    Producer& producer = at->second;
    while (!producer.busy()) {
        if (producer.times_out <= now_.mono) {
            begin_end(at, std::nullopt, false, true);
        } else if (!producer.waiting.empty()) {
            Waiting next = std::move(producer.waiting.front());
            producer.waiting.pop_front();
            std::visit([&](auto& action) { carry_out(at, next.origin, action); }, next.action);
        } else {
            return;
        }
    }
}

Lsn TransactionTable::write(const TransactionChange& change, bool lazy) {
    encode_transaction_change(change, change_);
    FANTAIL_ASSERT(change_.size() <= limits::change_size_max);
    const Lsn lsn = host_.persist(change_, lazy);
    store_.apply(change);
    return lsn;
}

/// The step goes on when `after` is safe.
void TransactionTable::begin(Place at, Step step, Lsn after) {
    at->second.step = std::move(step);
    if (after <= durable_) on_written(at);
    else writing_.push_back({after, at});
}

void TransactionTable::on_durable(Lsn lsn) {
    durable_ = std::max(durable_, lsn);
    while (!writing_.empty() && writing_.front().lsn <= durable_) {
        const Place at = writing_.front().at;
        writing_.pop_front();
        on_written(at);
        work(at);
    }
}

/// The step's change is safe: whom it concerns may know.
void TransactionTable::on_written(Place at) {
    const Step& step = at->second.step;
    if (step.what == Step::What::adding) {
        tell(at, step.logs, step.groups);
    } else if (step.what == Step::What::ending) {
        const KeptProducer& kept = *store_.find(at->first);
        std::vector<TransactionGroup> groups;
        for (const auto& [name, shard] : kept.groups) groups.push_back({name, shard});
        tell(at, {kept.logs.begin(), kept.logs.end()}, groups);
    }
    if (step.answers_left == 0) complete(at);
}

void TransactionTable::tell(Place at, const std::vector<QueueId>& logs, const std::vector<TransactionGroup>& groups) {
    const KeptProducer& kept = *store_.find(at->first);
    const bool ends = at->second.step.what == Step::What::ending;
    const bool commit = kept.state == TransactionState::prepare_commit;
    const auto ask = [&](ShardId shard, ShardCommand command) {
        asked_.emplace(host_.ask(shard, std::move(command)), at);
        ++at->second.step.answers_left;
    };
    for (const QueueId log : logs) {
        if (ends) ask(shard_of(log), EndInLog{log, kept.producer, commit});
        else ask(shard_of(log), EnlistInLog{log, kept.producer});
    }
    for (const TransactionGroup& group : groups) {
        GroupAction action = EnlistInGroup{kept.producer};
        if (ends) action = EndInGroup{kept.producer, commit};
        ask(group.shard, GroupCommand{group.name, std::make_unique<GroupAction>(std::move(action))});
    }
}

bool TransactionTable::answered(RequestId request, TransactionOutcome outcome, const Now& now) {
    const auto node = asked_.extract(request);
    if (!node) return false;
    now_ = now;
    const Place at = node.mapped();
    Step& step = at->second.step;
    if (outcome != TransactionOutcome::ok) step.outcome = outcome;
    if (--step.answers_left > 0) return true;
    complete(at);
    work(at);
    return true;
}

void TransactionTable::complete(Place at) {
    const Step step = std::exchange(at->second.step, {});
    if (step.what == Step::What::ending) return complete_end(at, step);
    if (!step.asker) return;
    const KeptProducer& kept = *store_.find(at->first);
    if (step.what == Step::What::opening) host_.answer(*step.asker, ProducerOpened{step.outcome, kept.producer});
    else if (step.what == Step::What::renewing)
        host_.answer(*step.asker, TransactionEnded{step.outcome, kept.producer});
    else host_.answer(*step.asker, TransactionDone{step.outcome});
}

// --------------------------------------------------------------------------------------------------- time and recovery

void TransactionTable::arm(Place at, MonoTime time) {
    Producer& producer = at->second;
    if (producer.times_out != MonoTime::never()) timers_.erase({producer.times_out, at->first});
    producer.times_out = time;
    if (time != MonoTime::never()) timers_.emplace(time, at->first);
}

void TransactionTable::on_tick(const Now& now) {
    now_ = now;
    for (const Place at : std::exchange(resumed_, {})) {
        on_written(at);
        work(at);
    }
    // A producer whose step is under way looks at its time when that is done.
    while (!timers_.empty() && timers_.begin()->first <= now.mono) {
        const Place at = producers_.find(timers_.begin()->second);
        timers_.erase(timers_.begin());
        work(at);
    }
    if (next_sweep_ <= now.mono) sweep();
}

MonoTime TransactionTable::deadline() const {
    if (!resumed_.empty()) return {};
    return timers_.empty() ? next_sweep_ : std::min(next_sweep_, timers_.begin()->first);
}

/// Forgets producers that were not used for long.
void TransactionTable::sweep() {
    const std::int64_t before_ms = now_.wall.ms - limits_.idle_max_ms;
    for (Place at = producers_.begin(); at != producers_.end();) {
        const Place each = at++;
        if (each->second.busy()) continue;
        const KeptProducer* kept = store_.find(each->first);
        if (kept != nullptr && (kept->open() || kept->updated.ms > before_ms)) continue;
        if (kept != nullptr) write(ProducerGoneChange{each->first}, true);
        producers_.erase(each);
    }
    next_sweep_ = producers_.empty() ? MonoTime::never() : now_.mono.plus_ms(limits::producer_sweep_ms);
}

Result<void> TransactionTable::apply(ByteView bytes) {
    FANTAIL_TRY(const TransactionChange change, decode_transaction_change(bytes));
    store_.apply(change);
    return {};
}

/// What is under way goes on as if its change had just become safe. Logs and groups have forgotten who was enlisted, but
/// where they hold something of the transaction.
void TransactionTable::recovered(const Now& now) {
    now_ = now;
    for (const auto& [name, kept] : store_.producers()) {
        const Place at = producers_.try_emplace(name).first;
        if (kept.open()) {
            const std::int64_t age_ms = std::max<std::int64_t>(0, now.wall.ms - kept.started.ms);
            arm(at, now.mono.plus_ms(std::max<std::int64_t>(0, kept.timeout_ms - age_ms)));
            at->second.step = {.what = Step::What::adding, .asker = {}, .logs = {kept.logs.begin(), kept.logs.end()}};
            for (const auto& [group, shard] : kept.groups) at->second.step.groups.push_back({group, shard});
            resumed_.push_back(at);
        } else if (kept.ending()) {
            at->second.step = {.what = Step::What::ending, .asker = {}};
            resumed_.push_back(at);
        }
    }
    if (!producers_.empty()) next_sweep_ = now.mono.plus_ms(limits::producer_sweep_ms);
}

void TransactionTable::list(std::vector<TransactionListing>& out) const {
    for (const auto& [name, kept] : store_.producers()) {
        TransactionListing& listing = out.emplace_back(name, kept.producer.id, kept.state, std::nullopt);
        if (kept.open() || kept.ending()) listing.started = kept.started;
    }
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! What producers ask for: ids and epochs, taking part, and the end.
#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "broker/transactions/transaction_table.hpp"

namespace fantail::broker {

namespace {

/// The last epoch is kept for markers that fence.
constexpr std::int16_t last_epoch_of_markers = std::numeric_limits<std::int16_t>::max();

/// Whether a producer needs another id for its next epoch.
bool is_used_up(std::int16_t epoch) { return epoch >= last_epoch_of_markers - 1; }

ProducerEpoch fencing(ProducerEpoch producer) {
    if (producer.epoch < last_epoch_of_markers) ++producer.epoch;
    return producer;
}

/// Whether `former` asked for what the producer is by now, and does not know it.
bool is_repeated(const KeptProducer& kept, ProducerEpoch former) {
    const bool same_id = former.id == kept.producer.id && former.epoch == kept.last_epoch;
    return same_id || (former.id == kept.previous_id && is_used_up(former.epoch));
}

}  // namespace

std::int64_t TransactionTable::new_id() {
    // Nobody else has it: of 2^62 numbers one drawn twice within a producer's life is not to be expected.
    constexpr std::uint64_t mask = (std::uint64_t{1} << 62) - 1;
    return static_cast<std::int64_t>(host_.random() & mask);
}

TransactionOutcome TransactionTable::check(const KeptProducer& kept, ProducerEpoch producer) const {
    if (kept.producer.id != producer.id) return TransactionOutcome::unknown_producer;
    return kept.producer.epoch == producer.epoch ? TransactionOutcome::ok : TransactionOutcome::fenced;
}

// -------------------------------------------------------------------------------------------------------------- opening

void TransactionTable::carry_out(Place at, const Origin& origin, OpenProducer& command) {
    const KeptProducer* kept = store_.find(at->first);
    if (kept == nullptr) return open_new(at, origin, command.timeout_ms);
    const bool current = !command.expected || *command.expected == kept->producer;
    if (!current && !kept->open() && is_repeated(*kept, *command.expected)) {
        host_.answer(origin, ProducerOpened{TransactionOutcome::ok, kept->producer});
    } else if (!current) {
        host_.answer(origin, ProducerOpened{TransactionOutcome::fenced, {}});
    } else if (kept->open()) {
        at->second.waiting.push_front({origin, OpenProducer{command.timeout_ms, std::nullopt}});
        begin_end(at, std::nullopt, false, true);
    } else {
        renew(at, origin, command.timeout_ms, command.expected.has_value(), Step::What::opening);
    }
}

void TransactionTable::open_new(Place at, const Origin& origin, std::int32_t timeout_ms) {
    const Lsn lsn = write(ProducerOpenedChange{at->first, {new_id(), 0}, -1, -1, timeout_ms, now_.wall});
    begin(at, {.what = Step::What::opening, .asker = origin}, lsn);
}

/// \param expected the producer said what it was, and may repeat that
void TransactionTable::renew(Place at, const Origin& origin, std::int32_t timeout_ms, bool expected, Step::What what) {
    const KeptProducer& kept = *store_.find(at->first);
    ProducerOpenedChange change{at->first, fencing(kept.producer), -1, -1, timeout_ms, now_.wall};
    if (is_used_up(kept.producer.epoch)) {
        change.producer = {new_id(), 0};
        change.previous_id = kept.producer.id;
    } else if (expected) {
        change.last_epoch = kept.producer.epoch;
    }
    const Lsn lsn = write(change);
    begin(at, {.what = what, .asker = origin}, lsn);
}

// -------------------------------------------------------------------------------------------------------------- adding

void TransactionTable::carry_out(Place at, const Origin& origin, AddToTransaction& command) {
    const KeptProducer* kept = store_.find(at->first);
    const auto answer = [&](TransactionOutcome outcome) { host_.answer(origin, TransactionDone{outcome}); };
    if (kept == nullptr) return answer(TransactionOutcome::unknown_producer);
    if (const auto outcome = check(*kept, command.producer); outcome != TransactionOutcome::ok) return answer(outcome);
    Step step{.what = Step::What::adding, .asker = origin};
    std::set<QueueId> logs(command.logs.begin(), command.logs.end());
    for (const QueueId log : logs)
        if (!kept->logs.contains(log)) step.logs.push_back(log);
    for (TransactionGroup& group : command.groups)
        if (!kept->groups.contains(group.name)) step.groups.push_back(std::move(group));
    if (step.logs.empty() && step.groups.empty()) return answer(TransactionOutcome::ok);
    if (kept->logs.size() + step.logs.size() > limits::transaction_logs_max ||
        kept->groups.size() + step.groups.size() > limits::transaction_groups_max)
        return answer(TransactionOutcome::full);
    const bool begins = !kept->open();
    const Lsn lsn = write_grown(at->first, step);
    if (begins) arm(at, now_.mono.plus_ms(kept->timeout_ms));
    begin(at, std::move(step), lsn);
}

/// In parts that fit into a change each.
Lsn TransactionTable::write_grown(const std::string& name, const Step& step) {
    Lsn lsn;
    auto log = step.logs.begin();
    auto group = step.groups.begin();
    while (log != step.logs.end() || group != step.groups.end()) {
        const auto logs_end = log + std::min<std::ptrdiff_t>(change_logs_max, step.logs.end() - log);
        const auto groups_end = group + std::min<std::ptrdiff_t>(change_groups_max, step.groups.end() - group);
        lsn = write(TransactionGrownChange{name, now_.wall, {log, logs_end}, {group, groups_end}});
        log = logs_end;
        group = groups_end;
    }
    return lsn;
}

// -------------------------------------------------------------------------------------------------------------- ending

void TransactionTable::carry_out(Place at, const Origin& origin, EndTransaction& command) {
    const KeptProducer* kept = store_.find(at->first);
    const auto answer = [&](TransactionOutcome outcome) {
        host_.answer(origin, TransactionEnded{outcome, kept == nullptr ? ProducerEpoch{} : kept->producer});
    };
    if (kept == nullptr) return answer(TransactionOutcome::unknown_producer);
    const auto done = command.commit ? TransactionState::complete_commit : TransactionState::complete_abort;
    const bool repeated = command.next_epoch && kept->state == done &&
                          (fencing(command.producer) == kept->producer ||
                           (command.producer.id == kept->previous_id && is_used_up(command.producer.epoch)));
    if (repeated) return answer(TransactionOutcome::ok);
    if (const auto outcome = check(*kept, command.producer); outcome != TransactionOutcome::ok) return answer(outcome);
    if (kept->open()) return begin_end(at, origin, command.commit, command.next_epoch);
    // Nothing was added: to go on with the next epoch is all there is to an abort.
    if (command.next_epoch && !command.commit) return renew(at, origin, kept->timeout_ms, false, Step::What::renewing);
    answer(!command.next_epoch && kept->state == done ? TransactionOutcome::ok : TransactionOutcome::invalid_state);
}

void TransactionTable::begin_end(Place at, std::optional<Origin> asker, bool commit, bool next_epoch) {
    const ProducerEpoch producer = store_.find(at->first)->producer;
    arm(at, MonoTime::never());
    const Lsn lsn =
        write(TransactionEndingChange{at->first, commit, next_epoch ? fencing(producer) : producer, now_.wall});
    begin(at, {.what = Step::What::ending, .asker = asker}, lsn);
}

/// Everybody knows. Should this be lost, recovery tells everybody once more, before the producer can begin anything.
void TransactionTable::complete_end(Place at, const Step& step) {
    const KeptProducer& kept = *store_.find(at->first);
    TransactionEndedChange change{at->first, kept.producer, kept.previous_id, now_.wall};
    if (kept.producer.epoch == last_epoch_of_markers) {
        change.previous_id = kept.producer.id;
        change.producer = {new_id(), 0};
    }
    write(change, true);
    if (step.asker) host_.answer(*step.asker, TransactionEnded{TransactionOutcome::ok, kept.producer});
}

void TransactionTable::carry_out(Place at, const Origin& origin, DescribeTransaction&) {
    const KeptProducer* kept = store_.find(at->first);
    TransactionDescribed answer;
    if (kept == nullptr) {
        answer.outcome = TransactionOutcome::unknown_producer;
    } else {
        answer.state = kept->state;
        answer.producer = kept->producer;
        answer.timeout_ms = kept->timeout_ms;
        if (kept->open() || kept->ending()) answer.started = kept->started;
        answer.logs.assign(kept->logs.begin(), kept->logs.end());
    }
    host_.answer(origin, std::move(answer));
}

}  // namespace fantail::broker

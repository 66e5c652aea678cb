// SPDX-License-Identifier: Apache-2.0
//! Judges transactions.
#include "sim/transaction_model.hpp"

#include <algorithm>

namespace fantail::sim {

namespace {

/// Transactions that are over for so long hold up nobody any more.
constexpr std::int64_t remembered = 30 * second;

const char* name_of(Transaction::End end) {
    return end == Transaction::End::committed ? "committed" : end == Transaction::End::aborted ? "aborted" : "open";
}

}  // namespace

std::string TransactionModel::text(const Transaction& transaction) {
    return "transaction " + std::to_string(transaction.number) + " of " + transaction.life->name + ", epoch " +
           std::to_string(transaction.life->epoch);
}

// ---- producers

std::shared_ptr<ProducerLife> TransactionModel::opened(const std::string& name, std::int64_t id, std::int16_t epoch,
                                                       std::int64_t asked_at) {
    Name& known = names_[name];
    auto life = std::make_shared<ProducerLife>(ProducerLife{name, id, epoch});
    for (const auto& [other, told_at] : known.lives) {
        const bool earlier = other->id != id || other->epoch < epoch;
        if (!earlier && told_at < asked_at)
            world_.fail(name + " is given epoch " + std::to_string(epoch) + ", and had " +
                        std::to_string(other->epoch));
        std::int64_t& fenced_at = earlier ? other->fenced_at : life->fenced_at;
        if (fenced_at < 0) fenced_at = world_.time();
    }
    // Whoever was the producer before, nothing of his is open.
    for (const TransactionPtr& each : known.open) {
        if (each->life->fenced_at < 0) continue;
        over(*each);
        if (!each->commit_asked) settle(*each, Transaction::End::aborted, "its producer was fenced");
    }
    std::erase_if(known.open, [](const TransactionPtr& each) { return each->over_at >= 0; });
    known.lives.emplace_back(life, world_.time());
    return life;
}

void TransactionModel::served(const ProducerLife& life, std::int64_t asked_at, const char* what) {
    if (life.fenced_at >= 0 && life.fenced_at < asked_at)
        world_.fail(life.name + ": " + what + " of epoch " + std::to_string(life.epoch) +
                    " is served though it was fenced");
}

/// An opener who was not answered may have become the producer all the same.
bool TransactionModel::may_be_fenced(const ProducerLife& life) const {
    const Name& known = names_.at(life.name);
    return life.fenced_at >= 0 || known.asked > known.lives.size();
}

bool TransactionModel::may_be_refused(const Transaction& transaction) const {
    return may_be_fenced(*transaction.life) || transaction.restarts != restarts_ ||
           world_.time() - transaction.begun_at >= transaction.timeout_ns;
}

// ---- transactions

TransactionPtr TransactionModel::begin(std::shared_ptr<ProducerLife> life, std::int64_t timeout_ns) {
    auto transaction = std::make_shared<Transaction>();
    transaction->number = ++numbers_;
    transaction->timeout_ns = timeout_ns;
    transaction->begun_at = transaction->touched_at = world_.time();
    transaction->restarts = restarts_;
    transaction->life = std::move(life);
    names_[transaction->life->name].open.push_back(transaction);
    return transaction;
}

void TransactionModel::adds(Transaction& transaction, const PartitionSpec& partition) {
    if (!transaction.starts.emplace(&partition, -1).second) return;
    const auto& open = names_[transaction.life->name].open;
    const auto self = std::ranges::find(open, &transaction, &TransactionPtr::get);
    if (self != open.end()) open_[&partition].push_back(*self);
}

void TransactionModel::settle(Transaction& transaction, Transaction::End end, const std::string& shown_by) {
    if (transaction.end == end) return;
    if (transaction.end != Transaction::End::open)
        return world_.fail(text(transaction) + " is " + name_of(end) + " (" + shown_by + "), and was " +
                           name_of(transaction.end) + " (" + transaction.shown_by + ")");
    if (end == Transaction::End::committed && !transaction.commit_asked)
        return world_.fail(text(transaction) + " is committed (" + shown_by + "), which nobody asked for");
    transaction.end = end;
    transaction.shown_by = shown_by;
    if (end == Transaction::End::committed) ++world_.counts.transactions_committed;
    else ++world_.counts.transactions_aborted;
    world_.note([&] { return text(transaction) + " is " + name_of(end) + ": " + shown_by; });
}

void TransactionModel::over(Transaction& transaction) {
    if (transaction.over_at < 0) transaction.over_at = world_.time();
}

void TransactionModel::ended(Transaction& transaction, bool commit) {
    over(transaction);
    transaction.answered = true;
    settle(transaction, commit ? Transaction::End::committed : Transaction::End::aborted, "its end was answered");
    std::erase_if(names_[transaction.life->name].open, [&](const auto& each) { return each.get() == &transaction; });
    if (transaction.loop == nullptr || !commit) return;
    ++world_.counts.commits;
}

// ---- logs

Transaction* TransactionModel::of(std::uint64_t record) const {
    const auto at = writers_.find(record);
    return at == writers_.end() ? nullptr : at->second.get();
}

void TransactionModel::stands(std::uint64_t record, std::int64_t sent_at, std::int64_t offset,
                              const PartitionSpec& partition) {
    Transaction* transaction = of(record);
    if (transaction == nullptr) return;
    std::int64_t& start = transaction->starts[&partition];
    start = start < 0 ? offset : std::min(start, offset);
    const std::int64_t fenced_at = transaction->life->fenced_at;
    if (fenced_at >= 0 && fenced_at < sent_at)
        world_.fail(partition.queue() + " has message " + std::to_string(record) + " of " + text(*transaction) +
                    ", which was fenced before it was sent");
}

void TransactionModel::shown(std::uint64_t record, bool given, const std::string& reader) {
    Transaction* transaction = of(record);
    const std::string how = reader + " is " + (given ? "given" : "not given") + " message " + std::to_string(record);
    if (transaction != nullptr)
        settle(*transaction, given ? Transaction::End::committed : Transaction::End::aborted, how);
    else if (!given) world_.fail(how + ", which is in no transaction");
}

void TransactionModel::marked(Transaction& transaction, bool commit) {
    settle(transaction, commit ? Transaction::End::committed : Transaction::End::aborted, "a log has its marker");
}

bool TransactionModel::is_committed(std::uint64_t record) const {
    const Transaction* transaction = of(record);
    return transaction == nullptr || transaction->end == Transaction::End::committed;
}

std::int64_t TransactionModel::undecided_until(const PartitionSpec& partition, std::int64_t offset,
                                               std::int64_t calm_since) const {
    std::int64_t until = 0;
    const auto at = open_.find(&partition);
    if (at == open_.end()) return until;
    for (const TransactionPtr& each : at->second) {
        if (each->over_at >= 0 && world_.time() - each->over_at > remembered) continue;
        if (each->starts.at(&partition) > offset) continue;
        const std::int64_t most = std::max(each->touched_at, calm_since) + each->timeout_ns;
        until = std::max(until, each->over_at >= 0 ? std::min(each->over_at, most) : most);
    }
    return until;
}

std::optional<std::int64_t> TransactionModel::open_from(const PartitionSpec& partition) const {
    std::optional<std::int64_t> least;
    const auto at = open_.find(&partition);
    if (at == open_.end()) return least;
    for (const TransactionPtr& each : at->second) {
        if (each->over_at >= 0 || each->end_asked || may_be_refused(*each)) continue;
        const std::int64_t start = each->starts.at(&partition);
        if (start >= 0) least = std::min(start, least.value_or(start));
    }
    return least;
}

// ---- loops

void TransactionModel::fetched(const LoopSpec& loop, std::int64_t offset, std::int64_t asked_at) {
    std::int64_t least = 0;
    bool known = offset <= 0;
    for (const TransactionPtr& each : loops_) {
        if (each->loop != &loop || each->end == Transaction::End::aborted || !each->commit_asked) continue;
        if (each->answered && each->over_at < asked_at) least = std::max(least, each->to);
        known = known || each->to == offset;
    }
    if (!known || std::max<std::int64_t>(offset, 0) < least)
        world_.fail(loop.group + ": offset " + std::to_string(offset) + " is committed for " + loop.input->queue() +
                    (known ? " instead of " + std::to_string(least) : ", which nobody asked for"));
}

void TransactionModel::consumes(const TransactionPtr& transaction, const LoopSpec& loop, std::int64_t from,
                                std::int64_t to) {
    transaction->loop = &loop;
    transaction->from = from;
    transaction->to = to;
    loops_.push_back(transaction);
}

void TransactionModel::looked(const Transaction& transaction, bool stable_only, bool undecided, std::int64_t offset) {
    if (transaction.over_at >= 0 || may_be_refused(transaction)) return;
    const std::string what = text(transaction) + " has not ended, and its group ";
    if (undecided != stable_only) world_.fail(what + (undecided ? "hides" : "tells") + " what it has committed");
    else if (!undecided && std::max<std::int64_t>(offset, 0) != transaction.from)
        world_.fail(what + "is at offset " + std::to_string(offset) + " instead of " +
                    std::to_string(transaction.from));
}

void TransactionModel::judge_loop(const LoopSpec& loop, std::int64_t offset) {
    std::map<std::int64_t, const Transaction*> steps;
    for (const TransactionPtr& each : loops_) {
        if (each->loop != &loop || each->end != Transaction::End::committed) continue;
        const auto [other, fresh] = steps.emplace(each->from, each.get());
        if (!fresh) return world_.fail(text(*each) + " and " + text(*other->second) + " both consumed the same");
    }
    std::int64_t next = 0;
    for (const auto& [from, each] : steps) {
        if (from != next)
            return world_.fail(text(*each) + " consumed from " + std::to_string(from) + " on, and not from " +
                               std::to_string(next));
        next = each->to;
    }
    if (std::max<std::int64_t>(offset, 0) != next)
        world_.fail(loop.group + ": offset " + std::to_string(offset) + " is committed for " + loop.input->queue() +
                    ", and " + std::to_string(next) + " was consumed");
}

}  // namespace fantail::sim

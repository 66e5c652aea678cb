// SPDX-License-Identifier: Apache-2.0
//! The judge of transactions: all that belongs to one has one end, which was asked for and stays, and nobody is served who is fenced.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/log_topology.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

/// A named producer from one InitProducerId to the next.
struct ProducerLife {
    std::string name;
    std::int64_t id = -1;
    std::int16_t epoch = -1;
    std::int64_t fenced_at = -1;  ///< when another was told that it has a later epoch; -1: nobody was
};

struct Transaction {
    enum class End : std::uint8_t { open, committed, aborted };

    std::uint64_t number = 0;
    std::shared_ptr<ProducerLife> life;
    std::int64_t timeout_ns = 0;
    std::int64_t begun_at = 0;
    std::int64_t touched_at = 0;  ///< when something was last added
    std::uint64_t restarts = 0;   ///< of the node, when it began
    bool commit_asked = false;
    bool end_asked = false;
    bool answered = false;      ///< its end was, and how it ended is settled
    std::int64_t over_at = -1;  ///< since when it is known to be open nowhere; -1: it may be open
    End end = End::open;
    std::string shown_by;                                 ///< how its end is known
    std::map<const PartitionSpec*, std::int64_t> starts;  ///< where it has records, the first known offset or -1
    const LoopSpec* loop = nullptr;
    std::int64_t from = 0;  ///< of a loop: what it consumed
    std::int64_t to = 0;
};
using TransactionPtr = std::shared_ptr<Transaction>;

class TransactionModel {
public:
    explicit TransactionModel(World& world) : world_(world) {}

    // Producers.
    /// Somebody asks to be the producer of that name.
    void opening(const std::string& name) { ++names_[name].asked; }
    /// He is, by what was asked at `asked_at`.
    std::shared_ptr<ProducerLife> opened(const std::string& name, std::int64_t id, std::int16_t epoch,
                                         std::int64_t asked_at);
    void not_opened(const std::string& name) { --names_[name].asked; }
    /// The broker did what was asked for at `asked_at`.
    void served(const ProducerLife& life, std::int64_t asked_at, const char* what);
    /// Whether the broker may refuse to go on with it.
    [[nodiscard]] bool may_be_refused(const Transaction& transaction) const;
    [[nodiscard]] bool may_be_fenced(const ProducerLife& life) const;

    // Transactions.
    TransactionPtr begin(std::shared_ptr<ProducerLife> life, std::int64_t timeout_ns);
    void touch(Transaction& transaction) { transaction.touched_at = world_.time(); }
    void adds(Transaction& transaction, const PartitionSpec& partition);
    void wrote(const TransactionPtr& transaction, std::uint64_t record) { writers_[record] = transaction; }
    /// Its end is asked for.
    void ending(Transaction& transaction, bool commit) {
        transaction.end_asked = true;
        transaction.commit_asked |= commit;
    }
    void ended(Transaction& transaction, bool commit);
    /// It will not be committed.
    void refused(Transaction& transaction) { settle(transaction, Transaction::End::aborted, "its end was refused"); }

    // What logs and readers of them show.
    [[nodiscard]] Transaction* of(std::uint64_t record) const;
    /// The record is in the log, sent at `sent_at`.
    void stands(std::uint64_t record, std::int64_t sent_at, std::int64_t offset, const PartitionSpec& partition);
    /// A reader of what is committed is given the record, or not.
    void shown(std::uint64_t record, bool given, const std::string& reader);
    void marked(Transaction& transaction, bool commit);
    /// Whether a reader of what is committed gets it.
    [[nodiscard]] bool is_committed(std::uint64_t record) const;
    /// Until when something may rightly have been undecided below the offset, if nothing was broken since `calm_since`.
    [[nodiscard]] std::int64_t undecided_until(const PartitionSpec& partition, std::int64_t offset,
                                               std::int64_t calm_since) const;

    /// The first record of those that are open for certain.
    [[nodiscard]] std::optional<std::int64_t> open_from(const PartitionSpec& partition) const;

    // Offsets that loops commit in transactions.
    void consumes(const TransactionPtr& transaction, const LoopSpec& loop, std::int64_t from, std::int64_t to);
    /// The group says how far it is; asked at `asked_at`.
    void fetched(const LoopSpec& loop, std::int64_t offset, std::int64_t asked_at);
    /// The group says how far it is while the transaction has an offset for it, and has not been ended.
    /// \param stable_only it was asked to say when something is undecided; \param undecided it says so
    void looked(const Transaction& transaction, bool stable_only, bool undecided, std::int64_t offset);
    /// The end: all that was consumed was consumed once, and the group stands behind it.
    void judge_loop(const LoopSpec& loop, std::int64_t offset);

    // The node.
    void restarted() { ++restarts_; }

private:
    struct Name {
        std::uint64_t asked = 0;
        std::vector<std::pair<std::shared_ptr<ProducerLife>, std::int64_t>> lives;  ///< and when they were told
        std::vector<TransactionPtr> open;                                           ///< that may still be
    };
    void settle(Transaction& transaction, Transaction::End end, const std::string& shown_by);
    void over(Transaction& transaction);
    [[nodiscard]] static std::string text(const Transaction& transaction);

    World& world_;
    std::map<std::string, Name> names_;
    std::map<std::uint64_t, TransactionPtr> writers_;  ///< by record
    std::map<const PartitionSpec*, std::vector<TransactionPtr>> open_;
    std::vector<TransactionPtr> loops_;
    std::uint64_t numbers_ = 0;
    std::uint64_t restarts_ = 0;
};

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! The named producers of one shard, and the coordinator of their transactions.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "broker/transactions/transaction_host.hpp"
#include "broker/transactions/transaction_store.hpp"

namespace fantail::broker {

struct TransactionLimits {
    std::int64_t idle_max_ms = 7LL * 24 * 3'600 * 1'000;  ///< a producer that begins nothing for so long is forgotten
};

/// Pure: commands, times and what is durable come in; answers, changes and questions to logs and groups go out through the
/// TransactionHost.
///
/// A producer takes one step at a time, in the order of its actions: a change is written and durable first, then logs and groups
/// are told and have answered, then the asker is. What was added is durable before any record can stand in a log, and how a
/// transaction ends before the first marker: so recovery knows whom to tell, and telling twice does no harm.
///
/// Invariants: every producer of which something is kept is here; one that is ending has a step under way.
class TransactionTable final {
public:
    /// `host` outlives the table.
    explicit TransactionTable(TransactionHost& host) : host_(host) {}
    TransactionTable(const TransactionTable&) = delete;
    TransactionTable& operator=(const TransactionTable&) = delete;

    void set_limits(const TransactionLimits& limits) { limits_ = limits; }
    /// Carries out a command; it is answered once, now or later.
    void handle(const Origin& origin, TransactionCommand&& command, const Now& now);
    /// Appends all producers, by name.
    void list(std::vector<TransactionListing>& out) const;
    /// A log or group has answered. False: it was not asked from here.
    bool answered(RequestId request, TransactionOutcome outcome, const Now& now);
    /// Everything persisted up to `lsn` is safe.
    void on_durable(Lsn lsn);
    void on_tick(const Now& now);
    /// When on_tick() has something to do though nothing happens; never() if nothing waits for time.
    [[nodiscard]] MonoTime deadline() const;

    // Recovery, in this order: decode() at most once, apply(), recovered(). on_tick() then goes on with what was under way.
    [[nodiscard]] bool decode(Reader& in) { return store_.decode(in); }
    /// A change for which is_transaction_change() is true. Errors: corrupt.
    [[nodiscard]] Result<void> apply(ByteView change);
    void recovered(const Now& now);
    /// All durable state (docs/formats/transactions.md); equal states give equal bytes.
    void encode(Writer& out) const { store_.encode(out); }

private:
    /// What is under way for a producer.
    struct Step {
        enum class What : std::uint8_t { none, opening, renewing, adding, ending };
        What what = What::none;
        std::optional<Origin> asker;
        std::uint32_t answers_left = 0;
        TransactionOutcome outcome = TransactionOutcome::ok;
        std::vector<QueueId> logs;  ///< adding: to be told
        std::vector<TransactionGroup> groups;
    };
    struct Waiting {
        Origin origin;
        TransactionAction action;
    };
    struct Producer {
        Step step;
        std::deque<Waiting> waiting;             ///< for the step
        MonoTime times_out = MonoTime::never();  ///< of an open transaction
        [[nodiscard]] bool busy() const { return step.what != Step::What::none; }
    };
    using Producers = std::map<std::string, Producer, std::less<>>;
    using Place = Producers::iterator;

    void work(Place at);
    void carry_out(Place at, const Origin& origin, OpenProducer& command);
    void carry_out(Place at, const Origin& origin, AddToTransaction& command);
    void carry_out(Place at, const Origin& origin, EndTransaction& command);
    void carry_out(Place at, const Origin& origin, DescribeTransaction& command);
    [[nodiscard]] TransactionOutcome check(const KeptProducer& kept, ProducerEpoch producer) const;
    void open_new(Place at, const Origin& origin, std::int32_t timeout_ms);
    void renew(Place at, const Origin& origin, std::int32_t timeout_ms, bool expected, Step::What what);
    [[nodiscard]] Lsn write_grown(const std::string& name, const Step& step);
    void begin_end(Place at, std::optional<Origin> asker, bool commit, bool next_epoch);
    void begin(Place at, Step step, Lsn after);
    void on_written(Place at);
    void tell(Place at, const std::vector<QueueId>& logs, const std::vector<TransactionGroup>& groups);
    void complete(Place at);
    void complete_end(Place at, const Step& step);
    void arm(Place at, MonoTime time);
    void sweep();
    [[nodiscard]] std::int64_t new_id();
    Lsn write(const TransactionChange& change, bool lazy = false);

    TransactionHost& host_;
    TransactionLimits limits_;
    TransactionStore store_;
    Producers producers_;
    std::set<std::pair<MonoTime, std::string_view>> timers_;  ///< of open transactions
    std::unordered_map<RequestId, Place> asked_;
    struct Writing {
        Lsn lsn;
        Place at;
    };
    std::deque<Writing> writing_;  ///< steps that wait for the disk; lsns do not fall
    std::vector<Place> resumed_;   ///< steps of the former process that are to go on
    MonoTime next_sweep_ = MonoTime::never();
    Now now_;
    Lsn durable_;
    Bytes change_;  ///< scratch
};

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! What one shard remembers for its exchanges: ids for those that let no duplicate pass, messages for those with a history.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/api.hpp"
#include "broker/deduplication.hpp"
#include "broker/exchange_history.hpp"
#include "broker/queue_changes.hpp"

namespace fantail::broker {

/// A message on its way from its exchange to the shards of its queues.
struct Passage {
    ExchangeId exchange;
    bool durable = true;
    std::int64_t window_ms = 0;
    std::string id;                  ///< empty: it has none
    std::uint32_t answers_left = 0;  ///< of shards
    bool accepted = true;
    bool missed = true;
    std::vector<Origin> awaited_by;  ///< its publisher, and those of its duplicates
};

/// An id counts as seen when its message is stored. Until then it is under way: a duplicate that comes meanwhile shares the
/// message's fate, so that neither a refusal nor a crash makes the broker take for stored what is not.
///
/// Invariant: every passage with an id stands in its exchange's `under_way`.
class ExchangeMemory final {
public:
    enum class Verdict : std::uint8_t {
        passes,     ///< begin() it
        seen,       ///< a duplicate of a stored message
        under_way,  ///< a duplicate of one whose fate is open; the origin, if it awaits an answer, will share it
    };
    [[nodiscard]] Verdict look_up(const Origin& origin, const AppendOnce& message, std::int64_t now_ms);
    /// Opens a passage. \param request the first answer to it comes with this; so do the others
    Passage& begin(RequestId request, const Origin& origin, const AppendOnce& message);
    /// The same for what has no id.
    Passage& begin(RequestId request, const Origin& awaited_by, ExchangeId exchange);
    /// Notes an answer. The passage, when it was the last.
    [[nodiscard]] std::optional<Passage> answered(const Appended& answer);
    void apply(const PassedChange& change);
    [[nodiscard]] bool knows(ExchangeId exchange) const { return exchanges_.contains(exchange); }
    void forget(ExchangeId exchange) { exchanges_.erase(exchange); }

    // Histories; lost with the process.
    void keep_history(ExchangeId exchange, std::size_t length_max);
    /// Null if the exchange keeps none, or is gone.
    [[nodiscard]] ExchangeHistory* history(ExchangeId exchange);
    void forget_history(ExchangeId exchange) { histories_.erase(exchange); }

    // Recovery.
    /// The exchange exists: what was recovered of it counts.
    void confirm(ExchangeId exchange);
    /// Forgets the others, and names them.
    [[nodiscard]] std::vector<ExchangeId> drop_unconfirmed();
    /// exchanges uvarint, each: id u64, Deduplication::encode(); ascending ids. Only of durable exchanges.
    void encode(Writer& out) const;
    [[nodiscard]] bool decode(Reader& in);

private:
    struct Remembered {
        bool durable = true;
        bool confirmed = false;
        Deduplication seen;
        std::unordered_map<std::string, RequestId> under_way;
    };
    std::map<ExchangeId, Remembered> exchanges_;
    std::unordered_map<RequestId, Passage> passages_;
    std::unordered_map<ExchangeId, ExchangeHistory> histories_;
};

}  // namespace fantail::broker

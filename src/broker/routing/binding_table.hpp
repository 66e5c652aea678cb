// SPDX-License-Identifier: Apache-2.0
//! The bindings of one exchange, arranged for its way of matching.
#pragma once

#include <memory>
#include <vector>

#include "broker/api/port.hpp"

namespace fantail::broker {

struct QueueNode;
struct ExchangeNode;

/// Where a binding leads: exactly one of the two is set. Nodes belong to the catalog and outlive the bindings to them.
struct Destination {
    QueueNode* queue = nullptr;
    ExchangeNode* exchange = nullptr;
    bool operator==(const Destination&) const = default;
};

/// What a message's match found; the same destination may stand in it twice.
using Matches = std::vector<Destination>;

/// What decides where a message goes.
struct MatchNature {
    bool every_key = false;  ///< further routing keys (CC) are looked up too; else only the first counts
    bool repeatable = true;  ///< nothing but routing keys decides
};

/// One way of matching. Single-threaded; a binding is added at most once and removed only if it was added. Results depend
/// on the set of bindings, not on the order in which they came: every core's replica must choose alike.
class BindingTable {
public:
    virtual ~BindingTable() = default;
    virtual void add(const BindingDefinition& binding, Destination to) = 0;
    virtual void remove(const BindingDefinition& binding, Destination to) = 0;
    /// Appends the destinations for one routing key.
    /// \param draw a number that differs from message to message, for exchanges that choose at random
    virtual void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const = 0;
    [[nodiscard]] virtual MatchNature nature() const = 0;
};

/// The table for an exchange of this definition.
[[nodiscard]] std::unique_ptr<BindingTable> make_binding_table(const ExchangeDefinition& exchange);

/// Whether an exchange of this type takes the binding.
/// Errors: precondition_failed (a weight that is no number, an unknown way of matching headers).
[[nodiscard]] Result<void> check_binding(ExchangeType type, const BindingDefinition& binding);

}  // namespace fantail::broker

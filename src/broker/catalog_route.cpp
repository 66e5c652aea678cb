// SPDX-License-Identifier: Apache-2.0
//! Follows a message through exchanges. Hot: no allocation once the scratch has grown, queues are told apart by a mark.
#include "broker/catalog.hpp"

namespace fantail::broker {

namespace {

/// The finaliser of splitmix64: makes a draw out of a counter.
std::uint64_t draw_of(std::uint64_t n) {
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9ull;
    n = (n ^ (n >> 27)) * 0x94D049BB133111EBull;
    return n ^ (n >> 31);
}

}  // namespace

void Catalog::route(const ExchangeDefinition& exchange, const RoutingFacts& facts, Route& out) const {
    out.queues.clear();
    out.histories.clear();
    out.repeatable = true;
    ++sequence_;
    hops_.clear();
    const ExchangeNode* first = exchange_node(exchange.id);
    if (first == nullptr) return;
    visit(*first);
    // Grows while it is walked; each exchange comes in once, so a cycle ends.
    for (std::size_t i = 0; i < hops_.size(); ++i) route_from(*hops_[i], facts, out);
}

void Catalog::visit(const ExchangeNode& exchange) const {
    if (exchange.mark == sequence_) return;
    exchange.mark = sequence_;
    hops_.push_back(&exchange);
}

void Catalog::reach(const QueueNode& queue, Route& out) const {
    if (queue.mark == sequence_) return;
    queue.mark = sequence_;
    out.queues.push_back(queue.definition.get());
}

void Catalog::route_by_name(const VhostNode& vhost, const RoutingFacts& facts, Route& out) const {
    if (const QueueNode* queue = find_node(vhost.queues, facts.routing_key)) reach(*queue, out);
    for (const std::string_view key : facts.more_keys)
        if (const QueueNode* queue = find_node(vhost.queues, key)) reach(*queue, out);
}

void Catalog::route_from(const ExchangeNode& exchange, const RoutingFacts& facts, Route& out) const {
    if (exchange.definition.name.empty()) return route_by_name(*exchange.vhost, facts, out);
    const MatchNature nature = exchange.table->nature();
    if (!nature.repeatable) out.repeatable = false;
    if (exchange.definition.type == ExchangeType::recent_history) [[unlikely]] {
        out.repeatable = false;
        out.histories.push_back(exchange.definition.id);
    }
    matches_.clear();
    exchange.table->match(facts.routing_key, facts, draw_of(sequence_), matches_);
    if (nature.every_key)
        for (const std::string_view key : facts.more_keys) exchange.table->match(key, facts, 0, matches_);
    for (const Destination& to : matches_) {
        if (to.queue != nullptr) reach(*to.queue, out);
        else visit(*to.exchange);
    }
    if (!matches_.empty() || exchange.definition.alternate.empty()) return;
    if (const ExchangeNode* alternate = find_node(exchange.vhost->exchanges, exchange.definition.alternate))
        visit(*alternate);
}

}  // namespace fantail::broker

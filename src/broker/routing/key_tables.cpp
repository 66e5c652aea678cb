// SPDX-License-Identifier: Apache-2.0
//! Direct and fanout matching, and the choice of a table for an exchange.
#include "broker/routing/key_tables.hpp"

#include <algorithm>

#include "broker/routing/hash_tables.hpp"
#include "broker/routing/headers_table.hpp"
#include "broker/routing/topic_table.hpp"

namespace fantail::broker {

namespace {
void erase_one(std::vector<Destination>& list, Destination to) {
    const auto at = std::find(list.begin(), list.end(), to);
    if (at != list.end()) list.erase(at);
}
}  // namespace

void DirectTable::add(const BindingDefinition& binding, Destination to) { by_key_[binding.routing_key].push_back(to); }

void DirectTable::remove(const BindingDefinition& binding, Destination to) {
    const auto at = by_key_.find(binding.routing_key);
    if (at == by_key_.end()) return;
    erase_one(at->second, to);
    if (at->second.empty()) by_key_.erase(at);
}

void DirectTable::match(std::string_view key, const RoutingFacts&, std::uint64_t, Matches& out) const {
    if (const auto* list = find_in(by_key_, key)) out.insert(out.end(), list->begin(), list->end());
}

void FanoutTable::add(const BindingDefinition&, Destination to) { all_.push_back(to); }
void FanoutTable::remove(const BindingDefinition&, Destination to) { erase_one(all_, to); }

void FanoutTable::match(std::string_view, const RoutingFacts&, std::uint64_t, Matches& out) const {
    out.insert(out.end(), all_.begin(), all_.end());
}

std::unique_ptr<BindingTable> make_binding_table(const ExchangeDefinition& exchange) {
    switch (exchange.type) {
        case ExchangeType::direct: return std::make_unique<DirectTable>();
        case ExchangeType::fanout:
        case ExchangeType::recent_history: return std::make_unique<FanoutTable>();
        case ExchangeType::topic: return std::make_unique<TopicTable>();
        case ExchangeType::headers: return std::make_unique<HeadersTable>();
        case ExchangeType::consistent_hash:
            return std::make_unique<ConsistentHashTable>(exchange.hash_header, exchange.hash_property);
        case ExchangeType::modulus_hash: return std::make_unique<ChoiceTable>(ChoiceTable::By::key_hash);
        case ExchangeType::random:
        case ExchangeType::local_random: return std::make_unique<ChoiceTable>(ChoiceTable::By::draw);
    }
    FANTAIL_ASSERT(!"an exchange type without a table");
    return nullptr;
}

Result<void> check_binding(ExchangeType type, const BindingDefinition& binding) {
    if (type == ExchangeType::consistent_hash && !hash_weight(binding.routing_key))
        return fail(ErrorCode::precondition_failed,
                    "the binding key must be a whole number above 0, not '" + binding.routing_key + "'");
    if (type != ExchangeType::headers) return {};
    const auto mode = record::FieldTableView(binding.arguments).find("x-match");
    if (!mode) return {};
    const std::string_view text = mode->as_text().value_or("");
    if (text == "all" || text == "any" || text == "all-with-x" || text == "any-with-x") return {};
    return fail(ErrorCode::precondition_failed,
                "invalid x-match '" + std::string(text) + "': all, any, all-with-x or any-with-x is expected");
}

}  // namespace fantail::broker

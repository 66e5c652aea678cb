// SPDX-License-Identifier: Apache-2.0
//! Follows bindings from exchange to exchange.
#include "sim/routing.hpp"

#include <algorithm>
#include <set>

namespace fantail::sim {

namespace {

/// Whether a topic's pattern matches: "*" is one word, "#" any number of them.
bool topic_matches(const std::string& pattern, const std::string& key) {
    if (pattern == key) return true;
    const std::size_t dot = pattern.find('.');
    const std::string word = pattern.substr(0, dot);
    const std::size_t key_dot = key.find('.');
    const std::string key_rest = key_dot == std::string::npos ? "" : key.substr(key_dot + 1);
    if (dot == std::string::npos) return word == "#" || (word == "*" && !key.empty() && key_rest.empty());
    const std::string rest = pattern.substr(dot + 1);
    if (word == "#") return topic_matches(rest, key) || (!key.empty() && topic_matches(pattern, key_rest));
    if (key.empty() || (word != "*" && word != key.substr(0, key_dot))) return false;
    return topic_matches(rest, key_rest);
}

bool headers_match(const BindingSpec& binding, const HeaderList& headers) {
    const auto is_there = [&](const auto& wanted) { return std::ranges::find(headers, wanted) != headers.end(); };
    if (binding.any) return std::ranges::any_of(binding.headers, is_there);
    return std::ranges::all_of(binding.headers, is_there);
}

bool matches(ExchangeKind kind, const BindingSpec& binding, const Address& address) {
    switch (kind) {
        case ExchangeKind::direct: return binding.key == address.key;
        case ExchangeKind::fanout: return true;
        case ExchangeKind::topic: return topic_matches(binding.key, address.key);
        case ExchangeKind::headers: return headers_match(binding, address.headers);
    }
    return false;
}

}  // namespace

std::vector<const QueueSpec*> route(const Topology& topology, const Address& address) {
    std::set<std::string> reached;
    std::vector<std::string> ways{address.exchange};
    for (std::size_t i = 0; i < ways.size(); ++i) {
        const auto exchange = std::ranges::find(topology.exchanges, ways[i], &ExchangeSpec::name);
        if (exchange == topology.exchanges.end()) continue;
        std::vector<std::string> next;
        bool any = false;
        for (const BindingSpec& binding : exchange->bindings) {
            if (!matches(exchange->kind, binding, address)) continue;
            any = true;
            if (binding.to_exchange) next.push_back(binding.to);
            else reached.insert(binding.to);
        }
        if (!any && !exchange->alternate.empty()) next.push_back(exchange->alternate);
        for (const std::string& way : next)
            if (std::ranges::find(ways, way) == ways.end()) ways.push_back(way);
    }
    if (address.exchange.empty()) reached.insert(address.key);
    std::vector<const QueueSpec*> queues;
    for (const QueueSpec& queue : topology.queues)
        if (reached.contains(queue.name)) queues.push_back(&queue);
    return queues;
}

}  // namespace fantail::sim

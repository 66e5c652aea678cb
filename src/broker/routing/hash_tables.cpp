// SPDX-License-Identifier: Apache-2.0
//! Hashing of keys onto bindings. The hashes are our own choice and stable across restarts, not across versions.
#include "broker/routing/hash_tables.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace fantail::broker {

namespace {

/// The finaliser of splitmix64: every bit of the input changes half of the output's.
std::uint64_t mix(std::uint64_t h) {
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ull;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBull;
    return h ^ (h >> 31);
}

/// FNV-1a with a final mix, so that short keys differ in every bit.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0) {
    std::uint64_t h = 0xCBF29CE484222325ull ^ seed;
    for (const char c : text) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ull;
    return mix(h);
}

/// Stands for the binding in every replica, whatever the order in which bindings came.
std::uint64_t name_hash(const BindingDefinition& binding) {
    const std::uint64_t to = hash_text(binding.destination, binding.to_exchange ? 1 : 0);
    return hash_text(as_text(binding.arguments), hash_text(binding.routing_key, to));
}

template <class Entries, class Projection>
auto place_of(Entries& entries, std::uint64_t value, Projection projection) {
    return std::ranges::lower_bound(entries, value, {}, projection);
}

}  // namespace

std::optional<unsigned> hash_weight(std::string_view key) {
    unsigned weight = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), weight);
    if (end != key.data() + key.size() || key.empty()) return std::nullopt;
    if (error == std::errc::result_out_of_range) return hash_weight_max;
    if (error != std::errc() || weight == 0) return std::nullopt;
    return std::min(weight, hash_weight_max);
}

void ConsistentHashTable::add(const BindingDefinition& binding, Destination to) {
    const Entry entry{name_hash(binding), static_cast<double>(hash_weight(binding.routing_key).value_or(1)), to};
    entries_.insert(place_of(entries_, entry.seed, &Entry::seed), entry);
    equal_weights_ =
        std::ranges::all_of(entries_, [&](const Entry& each) { return each.weight == entries_.front().weight; });
}

void ConsistentHashTable::remove(const BindingDefinition& binding, Destination to) {
    const std::uint64_t seed = name_hash(binding);
    const auto at =
        std::ranges::find_if(entries_, [&](const Entry& each) { return each.seed == seed && each.to == to; });
    if (at != entries_.end()) entries_.erase(at);
    equal_weights_ =
        std::ranges::all_of(entries_, [&](const Entry& each) { return each.weight == entries_.front().weight; });
}

std::uint64_t ConsistentHashTable::hash_of(std::string_view key, const RoutingFacts& facts) const {
    if (!header_.empty()) {
        const auto value = facts.headers != nullptr ? facts.headers->find(header_) : std::nullopt;
        return value ? hash_text(as_text(value->payload())) : 0;
    }
    if (property_ == "message_id") return hash_text(facts.message_id);
    if (property_ == "correlation_id") return hash_text(facts.correlation_id);
    if (property_ == "timestamp") return mix(static_cast<std::uint64_t>(facts.timestamp) + 1);
    return hash_text(key);
}

const ConsistentHashTable::Entry& ConsistentHashTable::best_of_equals(std::uint64_t hash) const {
    const Entry* best = &entries_.front();
    std::uint64_t highest = mix(hash ^ best->seed);
    for (const Entry& each : entries_) {
        const std::uint64_t drawn = mix(hash ^ each.seed);
        if (drawn <= highest) continue;
        highest = drawn;
        best = &each;
    }
    return *best;
}

/// -ln(u) / weight is exponentially distributed with rate `weight`: the least one is `each` in proportion to the weights.
const ConsistentHashTable::Entry& ConsistentHashTable::best_by_weight(std::uint64_t hash) const {
    const Entry* best = nullptr;
    double least = 0;
    for (const Entry& each : entries_) {
        const double u = (static_cast<double>(mix(hash ^ each.seed) >> 11) + 0.5) * 0x1.0p-53;
        const double score = -std::log(u) / each.weight;
        if (best != nullptr && score >= least) continue;
        least = score;
        best = &each;
    }
    return *best;
}

void ConsistentHashTable::match(std::string_view key, const RoutingFacts& facts, std::uint64_t, Matches& out) const {
    if (entries_.empty()) return;
    const std::uint64_t hash = hash_of(key, facts);
    out.push_back((equal_weights_ ? best_of_equals(hash) : best_by_weight(hash)).to);
}

void ChoiceTable::add(const BindingDefinition& binding, Destination to) {
    const std::uint64_t place = name_hash(binding);
    all_.insert(place_of(all_, place, &Entry::place), {place, to});
}

void ChoiceTable::remove(const BindingDefinition& binding, Destination to) {
    const std::uint64_t place = name_hash(binding);
    const auto at = std::ranges::find_if(all_, [&](const Entry& each) { return each.place == place && each.to == to; });
    if (at != all_.end()) all_.erase(at);
}

void ChoiceTable::match(std::string_view key, const RoutingFacts&, std::uint64_t draw, Matches& out) const {
    if (all_.empty()) return;
    const std::uint64_t number = by_ == By::key_hash ? hash_text(key) : draw;
    out.push_back(all_[number % all_.size()].to);
}

}  // namespace fantail::broker

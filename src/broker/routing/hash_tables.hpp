// SPDX-License-Identifier: Apache-2.0
//! Exchanges that choose one of their bindings: by consistent hash, by hash, at random.
#pragma once

#include <optional>
#include <string>

#include "broker/routing/binding_table.hpp"

namespace fantail::broker {

/// Spreads messages over destinations by their weight (the binding's key, a number), so that equal keys go to the same
/// place and a change of bindings moves no key that it need not: weighted rendezvous hashing. Every binding draws a number
/// from the key and its own name, and the best one wins; so the choice depends on nothing but the set of bindings.
/// A destination bound with several weights counts with each.
class ConsistentHashTable final : public BindingTable {
public:
    /// \param header what to hash instead of the routing key, or empty
    /// \param property `message_id`, `correlation_id` or `timestamp`, or empty
    ConsistentHashTable(std::string header, std::string property)
        : header_(std::move(header)), property_(std::move(property)) {}
    void add(const BindingDefinition& binding, Destination to) override;
    void remove(const BindingDefinition& binding, Destination to) override;
    void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const override;
    [[nodiscard]] MatchNature nature() const override { return {false, header_.empty() && property_.empty()}; }

private:
    struct Entry {
        std::uint64_t seed = 0;  ///< from the binding's name
        double weight = 1;
        Destination to;
    };
    [[nodiscard]] std::uint64_t hash_of(std::string_view key, const RoutingFacts& facts) const;
    [[nodiscard]] const Entry& best_of_equals(std::uint64_t hash) const;
    [[nodiscard]] const Entry& best_by_weight(std::uint64_t hash) const;

    std::string header_;
    std::string property_;
    std::vector<Entry> entries_;  ///< by seed
    bool equal_weights_ = true;
};

/// Chooses one of all bindings evenly.
class ChoiceTable final : public BindingTable {
public:
    enum class By : std::uint8_t { key_hash, draw };
    explicit ChoiceTable(By by) : by_(by) {}
    void add(const BindingDefinition& binding, Destination to) override;
    void remove(const BindingDefinition& binding, Destination to) override;
    void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const override;
    [[nodiscard]] MatchNature nature() const override { return {false, by_ == By::key_hash}; }

private:
    struct Entry {
        std::uint64_t place = 0;  ///< from the binding's name: the order is the same in every replica
        Destination to;
    };
    By by_;
    std::vector<Entry> all_;
};

/// The largest weight of a consistent-hash binding; more counts as this.
inline constexpr unsigned hash_weight_max = 1000;

/// The weight that a binding key states; nothing if it is no positive number.
[[nodiscard]] std::optional<unsigned> hash_weight(std::string_view key);

}  // namespace fantail::broker

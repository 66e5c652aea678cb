// SPDX-License-Identifier: Apache-2.0
//! Direct and fanout exchanges.
#pragma once

#include <vector>

#include "broker/routing/binding_table.hpp"
#include "broker/text_map.hpp"

namespace fantail::broker {

/// A message goes to the bindings whose key is its routing key.
class DirectTable final : public BindingTable {
public:
    void add(const BindingDefinition& binding, Destination to) override;
    void remove(const BindingDefinition& binding, Destination to) override;
    void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const override;
    [[nodiscard]] MatchNature nature() const override { return {true, true}; }

private:
    TextMap<std::vector<Destination>> by_key_;
};

/// A message goes everywhere. One destination bound with several keys counts once a key.
class FanoutTable final : public BindingTable {
public:
    void add(const BindingDefinition& binding, Destination to) override;
    void remove(const BindingDefinition& binding, Destination to) override;
    void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const override;
    [[nodiscard]] MatchNature nature() const override { return {false, true}; }

private:
    std::vector<Destination> all_;
};

}  // namespace fantail::broker

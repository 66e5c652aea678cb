// SPDX-License-Identifier: Apache-2.0
//! Headers exchanges: bindings are tables that a message's headers must match.
#pragma once

#include "broker/routing/binding_table.hpp"

namespace fantail::broker {

/// The argument `x-match` says how: `all` (default) or `any`, with `-with-x` to compare names that start with "x-" too.
/// An entry without a value matches any value of that name.
class HeadersTable final : public BindingTable {
public:
    void add(const BindingDefinition& binding, Destination to) override;
    void remove(const BindingDefinition& binding, Destination to) override;
    void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const override;
    [[nodiscard]] MatchNature nature() const override { return {false, false}; }

private:
    struct Entry {
        Bytes arguments;
        Destination to;
        bool any = false;
        bool with_x = false;
    };
    static bool matches(const Entry& entry, const record::FieldTableView& headers);

    std::vector<Entry> entries_;
};

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Compares a message's headers with the tables of bindings.
#include "broker/routing/headers_table.hpp"

#include <algorithm>

namespace fantail::broker {

void HeadersTable::add(const BindingDefinition& binding, Destination to) {
    Entry entry{binding.arguments, to};
    const auto mode = record::FieldTableView(binding.arguments).find("x-match");
    const std::string_view text = mode ? mode->as_text().value_or("all") : "all";
    entry.any = text.starts_with("any");
    entry.with_x = text.ends_with("-with-x");
    entries_.push_back(std::move(entry));
}

void HeadersTable::remove(const BindingDefinition& binding, Destination to) {
    std::erase_if(entries_, [&](const Entry& each) { return each.to == to && each.arguments == binding.arguments; });
}

void HeadersTable::match(std::string_view, const RoutingFacts& facts, std::uint64_t, Matches& out) const {
    static const record::FieldTableView none;
    const record::FieldTableView& headers = facts.headers != nullptr ? *facts.headers : none;
    for (const Entry& entry : entries_)
        if (matches(entry, headers)) out.push_back(entry.to);
}

bool HeadersTable::matches(const Entry& entry, const record::FieldTableView& headers) {
    auto cursor = record::FieldTableView(entry.arguments).entries();
    record::FieldEntry wanted;
    while (cursor.next(wanted)) {
        if (wanted.name == "x-match" || (!entry.with_x && wanted.name.starts_with("x-"))) continue;
        const auto found = headers.find(wanted.name);
        const bool same = found && (wanted.value.is_nothing() || wanted.value.equals(*found));
        if (same == entry.any) return entry.any;  // `any` is decided by the first hit, `all` by the first miss
    }
    return !entry.any;
}

}  // namespace fantail::broker

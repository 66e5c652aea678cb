// SPDX-License-Identifier: Apache-2.0
//! A regular expression over resource names, as permissions and policies use them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace fantail::broker {

/// A topic permission's pattern with {username} and {vhost} replaced by these names, which stand for themselves whatever their
/// characters. So does {client_id}: no protocol so far has such a thing.
[[nodiscard]] std::string fill_in_names(std::string_view pattern, std::string_view user, std::string_view vhost);

/// Perl's syntax, as RabbitMQ's, matched anywhere in the name unless anchored. The empty pattern means "^$": nothing but the empty name.
/// Immutable; copies share the compiled form.
class NamePattern {
public:
    /// Matches nothing but the empty name.
    NamePattern() = default;
    /// Errors: malformed (not a regular expression, or longer than 1024 bytes).
    [[nodiscard]] static Result<NamePattern> compile(std::string_view pattern);
    /// Takes a few milliseconds at most, whatever the pattern: a match that needs more steps is none.
    [[nodiscard]] bool matches(std::string_view name) const;

private:
    enum class Kind : std::uint8_t { only_empty, all, regex };
    struct Compiled;
    Kind kind_ = Kind::only_empty;
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Compiles and matches by PCRE2, whose work for one match is bounded.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "broker/name_pattern.hpp"

#include <pcre2.h>

#include <algorithm>
#include <string>

#include "base/assert.hpp"

namespace fantail::broker {

namespace {

constexpr std::size_t pattern_size_max = 1024;
/// Steps of backtracking in one match: a few milliseconds at most. Patterns in use need some dozens.
constexpr std::uint32_t steps_max = 20'000;

template <auto Free>
struct FreeBy {
    template <class T>
    void operator()(T* what) const {
        Free(what);
    }
};
using Code = std::unique_ptr<pcre2_code, FreeBy<pcre2_code_free>>;
using Limits = std::unique_ptr<pcre2_match_context, FreeBy<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, FreeBy<pcre2_match_data_free>>;

std::string message_of(int error) {
    char text[256] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
    return text;
}

}  // namespace

/// Read by every core, changed by none: what a match writes is its own.
struct NamePattern::Compiled {
    Code code;
    Limits limits;
};

Result<NamePattern> NamePattern::compile(std::string_view pattern) {
    NamePattern made;
    if (pattern.empty() || pattern == "^$") return made;
    made.kind_ = Kind::all;
    if (pattern == ".*" || pattern == "^.*" || pattern == "^.*$" || pattern == ".*$") return made;
    if (pattern.size() > pattern_size_max)
        return fail(ErrorCode::malformed, "a pattern has at most " + std::to_string(pattern_size_max) + " bytes");
    made.kind_ = Kind::regex;
    int error = 0;
    PCRE2_SIZE at = 0;
    const auto* const text = reinterpret_cast<PCRE2_SPTR>(pattern.data());
    Code code(pcre2_compile(text, pattern.size(), PCRE2_NEVER_UTF, &error, &at, nullptr));
    if (code == nullptr)
        return fail(ErrorCode::malformed, "'" + std::string(pattern) + "' is not a regular expression: " +
                                              message_of(error) + " at character " + std::to_string(at + 1));
    Limits bounds(pcre2_match_context_create(nullptr));
    FANTAIL_ASSERT(bounds != nullptr);
    pcre2_set_match_limit(bounds.get(), steps_max);
    pcre2_set_depth_limit(bounds.get(), steps_max);
    made.compiled_ = std::make_shared<const Compiled>(Compiled{std::move(code), std::move(bounds)});
    return made;
}

namespace {

/// A regular expression that matches `text` alone.
std::string literal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("^$\\.*+?()[]{}|").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

std::string fill_in_names(std::string_view pattern, std::string_view user, std::string_view vhost) {
    constexpr std::string_view client_id = "{client_id}";
    const std::pair<std::string_view, std::string_view> names[] = {
        {"{username}", user}, {"{vhost}", vhost}, {client_id, client_id}};
    std::string out;
    while (!pattern.empty()) {
        const auto* found =
            std::ranges::find_if(names, [&](const auto& each) { return pattern.starts_with(each.first); });
        const bool is_name = found != std::end(names);
        if (is_name) out += literal(found->second);
        else out += pattern.front();
        pattern.remove_prefix(is_name ? found->first.size() : 1);
    }
    return out;
}

bool NamePattern::matches(std::string_view name) const {
    if (kind_ == Kind::only_empty) return name.empty();
    if (kind_ == Kind::all) return true;
    const MatchData found(pcre2_match_data_create(1, nullptr));
    FANTAIL_ASSERT(found != nullptr);
    const auto* const text = reinterpret_cast<PCRE2_SPTR>(name.data());
    return pcre2_match(compiled_->code.get(), text, name.size(), 0, 0, found.get(), compiled_->limits.get()) >= 0;
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Compiles and matches by std::regex, whose exceptions end here.
#include "broker/name_pattern.hpp"

#include <algorithm>
#include <exception>
#include <regex>
#include <string>

namespace fantail::broker {

namespace {
/// std::regex compiles and matches by recursion: what a name pattern needs is far below this.
constexpr std::size_t pattern_size_max = 1024;
}  // namespace

struct NamePattern::Compiled {
    std::regex regex;
};

Result<NamePattern> NamePattern::compile(std::string_view pattern) {
    NamePattern made;
    if (pattern.empty() || pattern == "^$") return made;
    made.kind_ = Kind::all;
    if (pattern == ".*" || pattern == "^.*" || pattern == "^.*$" || pattern == ".*$") return made;
    if (pattern.size() > pattern_size_max)
        return fail(ErrorCode::malformed, "a pattern has at most " + std::to_string(pattern_size_max) + " bytes");
    made.kind_ = Kind::regex;
    try {
        auto regex = std::regex(pattern.begin(), pattern.end(), std::regex::ECMAScript | std::regex::optimize);
        made.compiled_ = std::make_shared<const Compiled>(Compiled{std::move(regex)});
    } catch (const std::exception& e) {
        return fail(ErrorCode::malformed, "'" + std::string(pattern) + "' is not a regular expression: " + e.what());
    }
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
    try {
        return std::regex_search(name.begin(), name.end(), compiled_->regex);
    } catch (const std::exception&) {
        return false;
    }
}

}  // namespace fantail::broker

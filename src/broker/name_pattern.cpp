// SPDX-License-Identifier: Apache-2.0
//! Compiles and matches by std::regex, whose exceptions end here.
#include "broker/name_pattern.hpp"

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

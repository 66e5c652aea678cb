// SPDX-License-Identifier: Apache-2.0
//! Compiles and matches by RE2.
#include "broker/groups/topic_pattern.hpp"

#include <re2/re2.h>

#include <string>

#include "base/limits.hpp"

namespace fantail::broker {

namespace {

constexpr std::int64_t memory_max = 256 << 10;  ///< of one pattern, compiled and at work
/// RE2's measure of a pattern. A match may take the product of it and the name's length: with this one some tenths of a millisecond at
/// the worst, and all topics of a vhost are matched while the shard does nothing else.
constexpr int program_size_max = 256;

re2::StringPiece piece_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct TopicPattern::Compiled {
    explicit Compiled(std::string_view pattern) : expression(piece_of(pattern), options()) {}
    static RE2::Options options() {
        RE2::Options options(RE2::Quiet);
        options.set_max_mem(memory_max);
        options.set_encoding(RE2::Options::EncodingLatin1);  // a topic's name has no other characters than ASCII's
        return options;
    }
    RE2 expression;
};

Result<TopicPattern> TopicPattern::compile(std::string_view pattern) {
    if (pattern.size() > limits::group_pattern_size_max)
        return fail(ErrorCode::malformed,
                    "a pattern has at most " + std::to_string(limits::group_pattern_size_max) + " bytes");
    TopicPattern made;
    auto compiled = std::make_shared<const Compiled>(pattern);
    if (!compiled->expression.ok()) return fail(ErrorCode::malformed, compiled->expression.error());
    if (compiled->expression.ProgramSize() > program_size_max)
        return fail(ErrorCode::malformed, "the pattern is too complicated");
    made.compiled_ = std::move(compiled);
    return made;
}

bool TopicPattern::matches(std::string_view name) const {
    return RE2::FullMatch(piece_of(name), compiled_->expression);
}

}  // namespace fantail::broker

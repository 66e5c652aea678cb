// SPDX-License-Identifier: Apache-2.0
//! Standard input, line by line, knowing when it would have to wait.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::cli {

/// Lines end with LF, which is not part of them; the last one may lack it.
class LineReader {
public:
    static constexpr std::size_t line_size_max = 64u << 20;

    /// \param before_wait called before each read, which may block: send what you have gathered
    LineReader(int fd, std::function<Result<void>()> before_wait) : fd_(fd), before_wait_(std::move(before_wait)) {}

    /// The next line, a view until the next call; nothing at the end. Errors: io, too_large, those of before_wait.
    [[nodiscard]] Result<std::optional<std::string_view>> next();

private:
    Result<bool> fill();

    int fd_;
    std::function<Result<void>()> before_wait_;
    Bytes buffer_;
    std::size_t at_ = 0;
    std::size_t searched_ = 0;  ///< no LF before it
    bool ended_ = false;
};

}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! A file that names peers, one address a line, and may change at any time.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "sys/small_file.hpp"

namespace fantail::lib {

/// Remembers what it said. A line that begins with # is none, nor is an empty one; blanks around an address do not count.
class PeerFile {
public:
    static constexpr std::int64_t look_interval_ms = 1000;
    static constexpr std::size_t size_max = 1 << 20;  ///< bytes

    /// \param text as it was written: file:///etc/workers
    PeerFile(std::string text, std::string path) : text_(std::move(text)), path_(std::move(path)) {}

    /// What has changed since the last look.
    struct News {
        std::vector<std::string> come;
        std::vector<std::string> gone;
    };
    /// Errors: not_found, unavailable, too_large, io: nothing has changed, and the same error is not told again.
    [[nodiscard]] Result<News> look();

    [[nodiscard]] const std::string& text() const { return text_; }
    /// Addresses in the file when it was last read.
    [[nodiscard]] const std::set<std::string>& peers() const { return peers_; }
    /// When to look again.
    MonoTime next_look = MonoTime::never();

private:
    [[nodiscard]] Result<News> compare(std::set<std::string> now);

    std::string text_;
    std::string path_;
    sys::FileStamp stamp_;
    std::set<std::string> peers_;
    std::string trouble_;
};

/// The addresses of such a text.
[[nodiscard]] std::set<std::string> addresses_in(std::string_view text);

}  // namespace fantail::lib

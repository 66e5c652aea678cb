// SPDX-License-Identifier: Apache-2.0
//! Reading of peer files, and what became of their lines.
#include "lib/peer_file.hpp"

#include <algorithm>
#include <iterator>

namespace fantail::lib {

static std::string_view trimmed(std::string_view line) {
    static constexpr std::string_view blanks = " \t\r";
    const std::size_t from = line.find_first_not_of(blanks);
    if (from == std::string_view::npos) return {};
    return line.substr(from, line.find_last_not_of(blanks) + 1 - from);
}

std::set<std::string> addresses_in(std::string_view text) {
    std::set<std::string> out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        if (!line.empty() && line[0] != '#') out.emplace(line);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return out;
}

Result<PeerFile::News> PeerFile::compare(std::set<std::string> now) {
    News news;
    std::ranges::set_difference(now, peers_, std::back_inserter(news.come));
    std::ranges::set_difference(peers_, now, std::back_inserter(news.gone));
    peers_ = std::move(now);
    trouble_.clear();
    return news;
}

Result<PeerFile::News> PeerFile::look() {
    const auto stamp = sys::file_stamp(path_);
    if (stamp && *stamp == stamp_ && trouble_.empty()) return News{};
    const auto read = stamp ? sys::read_small_file(path_, size_max) : std::unexpected(stamp.error());
    if (read) {
        stamp_ = *stamp;
        return compare(addresses_in(*read));
    }
    if (trouble_ == read.error().message) return News{};
    trouble_ = read.error().message;
    return std::unexpected(read.error());
}

}  // namespace fantail::lib

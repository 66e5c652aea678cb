// SPDX-License-Identifier: Apache-2.0
//! Reads large pieces and cuts lines from them.
#include "cli/line_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fantail::cli {

Result<std::optional<std::string_view>> LineReader::next() {
    for (;;) {
        const std::string_view all = as_text(buffer_);
        const std::size_t end = all.find('\n', searched_);
        if (end != std::string_view::npos) {
            const std::string_view line = all.substr(at_, end - at_);
            at_ = searched_ = end + 1;
            return line;
        }
        searched_ = all.size();
        if (ended_) {
            const std::string_view rest = all.substr(at_);
            at_ = all.size();
            if (rest.empty()) return std::nullopt;
            return rest;
        }
        FANTAIL_TRY(const bool more, fill());
        ended_ = !more;
    }
}

Result<bool> LineReader::fill() {
    constexpr std::size_t read_size = 256u << 10;
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
    searched_ -= at_;
    at_ = 0;
    if (buffer_.size() > line_size_max) return fail(ErrorCode::too_large, "a line longer than 64 MiB");
    FANTAIL_CHECK(before_wait_());
    const std::size_t before = buffer_.size();
    buffer_.resize(before + read_size);
    ssize_t got = 0;
    do got = ::read(fd_, buffer_.data() + before, read_size);
    while (got < 0 && errno == EINTR);
    const int error = errno;
    buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return fail(ErrorCode::io, "cannot read the input: " + std::generic_category().message(error));
    return got > 0;
}

}  // namespace fantail::cli

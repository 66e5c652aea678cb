// SPDX-License-Identifier: Apache-2.0
//! Feeds arbitrary bytes to the HTTP parser, whole and in pieces: both must see the same requests.
#include <cstdlib>
#include <string>
#include <vector>

#include "protocols/http/http_request.hpp"

namespace {

using namespace fantail;

/// Everything that was understood before the end or the first error, as text.
std::string understand(ByteView input, std::size_t step) {
    http::RequestParser parser;
    std::string seen;
    std::size_t begin = 0;
    std::size_t end = 0;
    while (end < input.size()) {
        end = std::min(input.size(), end + step);
        bool moved = true;
        while (moved && begin < end) {
            const auto used = parser.feed(input.subspan(begin, end - begin));
            if (!used) return seen + "!";
            if (*used > end - begin) std::abort();
            begin += *used;
            moved = *used > 0;
            if (!parser.complete()) continue;
            const http::Request request = parser.take();
            seen += request.method + ' ' + request.path + ' ' + request.body + (request.keep_alive ? "+\n" : "-\n");
            (void)http::basic_credentials(request.authorization);
        }
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = std::size_t{data[0]} % 16 + 1;
    const ByteView input(data + 1, size - 1);
    const std::string whole = understand(input, input.size() + 1);
    const std::string pieces = understand(input, step);
    // In pieces an error may show earlier or later, but what both understood is the same.
    const std::size_t common = std::min(whole.size(), pieces.size());
    const std::size_t compared =
        common > 0 && (whole[common - 1] == '!' || pieces[common - 1] == '!') ? common - 1 : common;
    if (whole.compare(0, compared, pieces, 0, compared) != 0) std::abort();
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! HTTP by Boost.Beast's parser over a blocking socket.
#include "cli/http_client.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "cli/blocking_socket.hpp"
#include "protocols/http/http_request.hpp"

namespace fantail::cli {

namespace {

namespace beast = boost::beast::http;

constexpr int timeout_ms = 30'000;
constexpr std::uint64_t reply_size_max = 64u << 20;

std::string request_text(const AdminUrl& broker, const HttpCall& call) {
    std::string text = call.method + " " + call.target + " HTTP/1.1\r\n";
    text += "Host: " + broker.host + ":" + std::to_string(broker.port) + "\r\n";
    text += "Authorization: " + http::basic_authorization(broker.user, broker.password) + "\r\n";
    text += "Connection: close\r\n";
    if (!call.body.empty()) text += "Content-Type: application/json\r\n";
    text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n\r\n";
    return text + call.body;
}

}  // namespace

Result<HttpReply> http_call(const AdminUrl& broker, const HttpCall& call) {
    FANTAIL_TRY(BlockingSocket socket, BlockingSocket::connect(broker.host, broker.port, timeout_ms));
    FANTAIL_CHECK(socket.send(as_bytes(request_text(broker, call))));
    beast::response_parser<beast::string_body> parser;
    parser.body_limit(reply_size_max);
    parser.eager(true);
    Bytes kept;
    while (!parser.is_done()) {
        FANTAIL_TRY(const std::size_t got, socket.receive(kept, timeout_ms));
        if (got == 0) return fail(ErrorCode::unavailable, "no answer from " + broker.host + " in time");
        boost::system::error_code error;
        const std::size_t used = parser.put(boost::asio::buffer(kept.data(), kept.size()), error);
        kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(used));
        if (error == beast::error::body_limit) return fail(ErrorCode::too_large, "the answer is larger than 64 MiB");
        if (error && error != beast::error::need_more)
            return fail(ErrorCode::malformed, "this is no HTTP: " + error.message());
    }
    return HttpReply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace fantail::cli

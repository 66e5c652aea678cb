// SPDX-License-Identifier: Apache-2.0
//! HTTP/1.1 requests cut out of a byte stream, and responses written to one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::http {

inline constexpr std::size_t header_size_max = 16u << 10;  ///< bytes of the request line and headers
inline constexpr std::size_t body_size_max = 1u << 20;     ///< bytes of a body

/// A whole request. Owned values: requests are rare and small here.
struct Request {
    std::string method;                 ///< "GET" …
    std::string path;                   ///< decoded, without query
    std::vector<std::string> segments;  ///< of the path, each decoded by itself ("%2F" stays inside one)
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded
    std::string
        target_fault;  ///< what is wrong with path or query (a bad escape, an empty segment), to be answered 400
    bool trailing_slash = false;  ///< of the path, before it was decoded
    std::string authorization;
    std::string body;
    bool keep_alive = true;

    /// The value of a query parameter, or empty.
    [[nodiscard]] std::string_view parameter(std::string_view name) const;
};

/// A path whose requests may have a larger body than others.
struct LargeBody {
    std::string_view path;  ///< as it is sent, without query
    std::size_t size_max;   ///< bytes, at least body_size_max
};

/// Parses one request after another. Not thread-safe; keeps no bytes of its own between requests.
class RequestParser {
public:
    /// \param large its path outlives the parser
    explicit RequestParser(LargeBody large = {"", body_size_max});
    ~RequestParser();
    RequestParser(RequestParser&&) noexcept;
    RequestParser& operator=(RequestParser&&) noexcept;

    /// Takes bytes from the front of `in`. \return how many were used.
    /// Errors: malformed, too_large (header_size_max, body_size_max or the large one), unsupported (a transfer coding other than
    /// chunked): answer 400, 413 or 501 and close.
    [[nodiscard]] Result<std::size_t> feed(ByteView in);
    /// True when a request is complete: take() it before feeding on.
    [[nodiscard]] bool complete() const;
    [[nodiscard]] Request take();
    /// True once, when the header has come and its sender waits for leave to send the body (RFC 9110 §10.1.1):
    /// answer with continue_line.
    [[nodiscard]] bool wants_continue();

private:
    struct State;
    std::unique_ptr<State> state_;
};

inline constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

inline constexpr int no_content = 204;

/// What is sent back. No body with no_content.
struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;  ///< besides Content-Type, Content-Length and Connection
};

/// Appends the response. \param head_only for HEAD: the headers as for GET, no body
void write_response(Bytes& out, const Response& response, bool keep_alive, bool head_only = false);

/// The two halves of a Basic authorization header (RFC 7617); nothing if it is none.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> basic_credentials(std::string_view authorization);
/// Their inverse: a whole header value.
[[nodiscard]] std::string basic_authorization(std::string_view user, std::string_view password);

/// RFC 4648 §4, with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Its inverse; the padding may be left out. Nothing if a character is no digit.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

/// Percent-encodes all but RFC 3986's unreserved characters: for one segment of a path, or a query's key or value.
[[nodiscard]] std::string encode_percent(std::string_view text);

}  // namespace fantail::http

// SPDX-License-Identifier: Apache-2.0
//! HTTP parsing by Boost.Beast, which does no I/O of its own here.
#include "protocols/http/http_request.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <charconv>

namespace fantail::http {

namespace beast = boost::beast::http;

namespace {

/// The number that two hex digits say, or -1.
int hex_byte(std::string_view digits) {
    unsigned value = 0;
    const char* end = digits.data() + digits.size();
    return digits.size() == 2 && std::from_chars(digits.data(), end, value, 16).ptr == end ? static_cast<int>(value)
                                                                                           : -1;
}

/// Percent-decoding (RFC 3986 §2.1). \param fault gets what is wrong with an escape, which then stays as it is
std::string decode_percent(std::string_view text, bool plus_is_space, std::string& fault) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
            continue;
        }
        const int value = hex_byte(text.substr(i + 1, 2));
        if (value < 0) {
            fault = "a percent sign in the address needs two hex digits behind it";
            out.push_back('%');
            continue;
        }
        out.push_back(static_cast<char>(value));
        i += 2;
    }
    return out;
}

/// Calls `each` for every piece between separators.
template <class Each>
void split(std::string_view text, char separator, Each each) {
    while (!text.empty()) {
        const std::size_t at = text.find(separator);
        each(text.substr(0, at));
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
    }
}

void parse_path(std::string_view path, Request& out) {
    out.path = decode_percent(path, false, out.target_fault);
    out.trailing_slash = path.size() > 1 && path.ends_with('/');
    if (path.starts_with('/')) path.remove_prefix(1);
    if (path.ends_with('/')) path.remove_suffix(1);
    split(path, '/', [&out](std::string_view piece) {
        if (piece.empty()) out.target_fault = "a name in the path is empty";
        out.segments.push_back(decode_percent(piece, false, out.target_fault));
    });
}

void parse_target(std::string_view target, Request& out) {
    const std::size_t mark = target.find('?');
    parse_path(target.substr(0, mark), out);
    if (mark == std::string_view::npos) return;
    split(target.substr(mark + 1), '&', [&out](std::string_view piece) {
        if (piece.empty()) return;
        const std::size_t equals = piece.find('=');
        const std::string_view value = equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
        out.query.emplace_back(decode_percent(piece.substr(0, equals), true, out.target_fault),
                               decode_percent(value, true, out.target_fault));
    });
}

/// The six bits that a base64 digit stands for (RFC 4648 §4), or -1.
int base64_value(char digit) {
    if (digit >= 'A' && digit <= 'Z') return digit - 'A';
    if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9') return digit - '0' + 52;
    if (digit == '+') return 62;
    return digit == '/' ? 63 : -1;
}

}  // namespace

struct RequestParser::State {
    beast::request_parser<beast::string_body> parser;
    LargeBody large;
    bool continue_told = false;
    explicit State(LargeBody large_body) : large(large_body) {
        parser.header_limit(header_size_max);
        parser.body_limit(large.size_max);  // is_within_limit() looks closer, when the path is known
    }
    [[nodiscard]] bool is_within_limit() const {
        if (!parser.is_header_done()) return true;
        const auto target = parser.get().target();
        const std::string_view path = std::string_view(target.data(), target.size()).substr(0, target.find('?'));
        const bool below = path.starts_with(large.path) && path.substr(large.path.size()).starts_with('/');
        const std::size_t limit = path == large.path || below ? large.size_max : body_size_max;
        return parser.content_length().value_or(0) <= limit && parser.get().body().size() <= limit;
    }
    /// Beast takes the body of any other coding for none (RFC 9112, 6.1: answer 501).
    [[nodiscard]] bool has_unknown_coding() const {
        if (!parser.is_header_done()) return false;
        const auto coding = parser.get()[beast::field::transfer_encoding];
        constexpr std::string_view known = "chunked";  // whatever the case
        return !coding.empty() && (coding.size() != known.size() || !beast::token_list(coding).exists(known));
    }
};

RequestParser::RequestParser(LargeBody large) : state_(std::make_unique<State>(large)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

Result<std::size_t> RequestParser::feed(ByteView in) {
    boost::system::error_code error;
    std::size_t used = 0;
    // Beast returns after the header: go on with the body in the same call.
    while (used < in.size() && !state_->parser.is_done()) {
        const std::size_t step = state_->parser.put(boost::asio::buffer(in.data() + used, in.size() - used), error);
        used += step;
        if (error == beast::error::need_more) break;
        if (error == beast::error::header_limit || error == beast::error::body_limit ||
            error == beast::error::buffer_overflow)
            return fail(ErrorCode::too_large, "request too large");
        if (error) return fail(ErrorCode::malformed, "bad request: " + error.message());
        if (state_->has_unknown_coding())
            return fail(ErrorCode::unsupported, "of the transfer codings, chunked alone is offered");
        if (!state_->is_within_limit()) return fail(ErrorCode::too_large, "request too large");
        if (step == 0) break;
    }
    return used;
}

bool RequestParser::complete() const { return state_->parser.is_done(); }

bool RequestParser::wants_continue() {
    if (state_->continue_told || complete() || !state_->parser.is_header_done()) return false;
    state_->continue_told = true;
    return beast::token_list(state_->parser.get()[beast::field::expect]).exists("100-continue");
}

Request RequestParser::take() {
    FANTAIL_ASSERT(complete());
    auto message = state_->parser.release();
    state_ = std::make_unique<State>(state_->large);
    Request request;
    request.method = std::string(message.method_string());
    request.authorization = std::string(message[beast::field::authorization]);
    request.keep_alive = message.keep_alive();
    request.body = std::move(message.body());
    parse_target(std::string_view(message.target().data(), message.target().size()), request);
    return request;
}

std::string_view Request::parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return {};
}

void write_response(Bytes& out, const Response& response, bool keep_alive, bool head_only) {
    const auto reason = beast::obsolete_reason(beast::int_to_status(static_cast<unsigned>(response.status)));
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) + "\r\n";
    if (response.status != no_content) {  // has neither (RFC 9110 §8.6)
        head += "Content-Type: " + response.content_type + "\r\n";
        head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    }
    head += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
    head += "\r\n";
    append(out, as_bytes(head));
    if (!head_only) append(out, as_bytes(response.body));
}

std::optional<std::pair<std::string, std::string>> basic_credentials(std::string_view authorization) {
    constexpr std::string_view scheme = "basic ";
    if (authorization.size() < scheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        const char c = authorization[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != scheme[i]) return std::nullopt;
    }
    const auto text = decode_base64(authorization.substr(scheme.size()));
    if (!text) return std::nullopt;
    const std::size_t colon = text->find(':');
    if (colon == std::string::npos) return std::nullopt;
    return std::pair(text->substr(0, colon), text->substr(colon + 1));
}

std::optional<std::string> decode_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string out;
    std::uint32_t bits = 0;
    int kept = 0;
    for (const char digit : text) {
        const int value = base64_value(digit);
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        kept += 6;
        if (kept < 8) continue;
        kept -= 8;
        out.push_back(static_cast<char>(bits >> kept & 0xFF));
    }
    return out;
}

std::string encode_base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8 | (j < have ? static_cast<std::uint8_t>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j) out.push_back(j <= have ? digits[bits >> (18 - 6 * j) & 63] : '=');
    }
    return out;
}

std::string basic_authorization(std::string_view user, std::string_view password) {
    return "Basic " + encode_base64(std::string(user) + ":" + std::string(password));
}

std::string encode_percent(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view unreserved = "-._~";
    std::string out;
    for (const char c : text) {
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || unreserved.contains(c);
        if (plain) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<std::uint8_t>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

}  // namespace fantail::http

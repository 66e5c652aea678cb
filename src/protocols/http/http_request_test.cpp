// SPDX-License-Identifier: Apache-2.0
//! What the HTTP parser understands, however the bytes come, and where it refuses.
#include "protocols/http/http_request.hpp"

#include <gtest/gtest.h>

namespace fantail::http {
namespace {

constexpr std::string_view put_user =
    "PUT /api/users/al%2Fice?x=1+2&y HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view put_chunked =
    "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";

/// Feeds `text`, showing it again what was left, as a connection does: first `first` bytes, then all.
std::vector<Request> parse_in_two(std::string_view text, std::size_t first) {
    RequestParser parser;
    std::vector<Request> requests;
    std::size_t used = 0;
    for (const std::size_t until : {first, text.size()}) {
        bool moved = true;
        while (moved && used < until) {
            const auto step = parser.feed(as_bytes(text).subspan(used, until - used));
            EXPECT_TRUE(step.has_value());
            if (!step) return requests;
            used += *step;
            moved = *step > 0;
            if (parser.complete()) requests.push_back(parser.take());
        }
    }
    EXPECT_EQ(used, text.size());
    return requests;
}

/// The code of the first error, if any.
std::optional<ErrorCode> refusal(std::string_view text) {
    RequestParser parser;
    std::size_t used = 0;
    while (used < text.size()) {
        const auto step = parser.feed(as_bytes(text).subspan(used));
        if (!step) return step.error().code;
        used += *step;
        if (parser.complete()) (void)parser.take();
        else if (*step == 0) break;
    }
    return std::nullopt;
}

TEST(HttpRequest, UnderstandsMethodPathQueryAndBody) {
    const auto requests = parse_in_two(put_user, 0);
    ASSERT_EQ(requests.size(), 1u);
    const Request& r = requests.front();
    EXPECT_EQ(r.method, "PUT");
    EXPECT_EQ(r.segments, (std::vector<std::string>{"api", "users", "al/ice"}));
    EXPECT_EQ(r.parameter("x"), "1 2");
    EXPECT_EQ(r.parameter("y"), "");
    EXPECT_EQ(r.parameter("z"), "");
    EXPECT_EQ(r.body, "{\"a\":1}");
    EXPECT_TRUE(r.keep_alive);
}

TEST(HttpRequest, IsTheSameHoweverTheBytesAreSplit) {
    for (const std::string_view text : {put_user, get_root, put_chunked}) {
        const auto whole = parse_in_two(text, 0);
        ASSERT_EQ(whole.size(), 1u);
        for (std::size_t at = 1; at < text.size(); ++at) {
            const auto split = parse_in_two(text, at);
            ASSERT_EQ(split.size(), 1u) << "split at " << at;
            EXPECT_EQ(split.front().path, whole.front().path) << "split at " << at;
            EXPECT_EQ(split.front().body, whole.front().body) << "split at " << at;
        }
    }
}

TEST(HttpRequest, ChunkedBodiesAreJoined_RFC9112_7_1) {
    EXPECT_EQ(parse_in_two(put_chunked, 0).front().body, "abcdefg");
}

TEST(HttpRequest, PipelinedRequestsComeOneAfterAnother) {
    const std::string three = std::string(put_user) + std::string(get_root) + std::string(put_chunked);
    for (std::size_t at = 0; at < three.size(); ++at) {
        const auto requests = parse_in_two(three, at);
        ASSERT_EQ(requests.size(), 3u) << "split at " << at;
        EXPECT_EQ(requests[0].body, "{\"a\":1}");
        EXPECT_EQ(requests[1].path, "/");
        EXPECT_EQ(requests[2].body, "abcdefg");
    }
}

TEST(HttpRequest, AHeaderOverTheLimitIsTooLarge) {
    const std::string text = "GET / HTTP/1.1\r\nX: " + std::string(header_size_max, 'x') + "\r\n\r\n";
    EXPECT_EQ(refusal(text), ErrorCode::too_large);
}

TEST(HttpRequest, ABodyOverTheLimitIsTooLargeAsSoonAsItIsAnnounced) {
    const std::string text = "PUT / HTTP/1.1\r\nContent-Length: " + std::to_string(body_size_max + 1) + "\r\n\r\nx";
    EXPECT_EQ(refusal(text), ErrorCode::too_large);
    const std::string allowed = "PUT / HTTP/1.1\r\nContent-Length: " + std::to_string(body_size_max) + "\r\n\r\n" +
                                std::string(body_size_max, 'x');
    EXPECT_EQ(parse_in_two(allowed, 0).at(0).body.size(), body_size_max);
}

TEST(HttpRequest, OnePathMayHaveLargerBodies) {
    constexpr std::size_t size_max = 3 * body_size_max;
    const auto outcome = [](const std::string& head, std::size_t size) {
        RequestParser parser(LargeBody{"/all", size_max});
        const std::string text = head + "\r\n\r\n" + std::string(size, 'x');
        const auto fed = parser.feed(as_bytes(text));
        if (!fed) return fed.error().code == ErrorCode::too_large ? "too large" : "malformed";
        return parser.complete() ? "complete" : "more";
    };
    const auto announced = [](std::size_t size) { return "\r\nContent-Length: " + std::to_string(size); };
    EXPECT_STREQ(outcome("PUT /all?x=y HTTP/1.1" + announced(size_max), size_max), "complete");
    EXPECT_STREQ(outcome("PUT /all HTTP/1.1" + announced(size_max + 1), 0), "too large");
    EXPECT_STREQ(outcome("PUT /all/of HTTP/1.1" + announced(size_max), size_max), "complete");
    EXPECT_STREQ(outcome("PUT /allx HTTP/1.1" + announced(size_max), 0), "too large");
    const std::string chunk = "PUT /any HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n200000";
    // Of the empty line, one half ends the size of the chunk and the other is in it.
    EXPECT_STREQ(outcome(chunk, body_size_max - 2), "more");
    EXPECT_STREQ(outcome(chunk, body_size_max - 1), "too large");
}

TEST(HttpRequest, ATransferCodingOtherThanChunkedIsUnsupported_RFC9112_6_1) {
    for (const char* coding : {"gzip", "gzip, chunked", "identity"})
        EXPECT_EQ(refusal("PUT /x HTTP/1.1\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n"),
                  ErrorCode::unsupported)
            << coding;
}

TEST(HttpRequest, WhatIsNoHttpIsMalformed) {
    EXPECT_EQ(refusal("AMQP\x01\x02 hello\r\n\r\n"), ErrorCode::malformed);
    EXPECT_EQ(refusal("GET / HTTP/9.9\r\n\r\n"), ErrorCode::malformed);
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n"), ErrorCode::malformed);
}

TEST(HttpRequest, ConnectionCloseEndsTheConversation_RFC9112_9_6) {
    EXPECT_FALSE(parse_in_two("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 0).at(0).keep_alive);
    EXPECT_FALSE(parse_in_two("GET / HTTP/1.0\r\n\r\n", 0).at(0).keep_alive);
}

TEST(HttpRequest, ExpectContinueIsSeenOnce_RFC9110_10_1_1) {
    RequestParser parser;
    const std::string_view header = "PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    EXPECT_FALSE(parser.wants_continue());
    ASSERT_EQ(parser.feed(as_bytes(header)).value(), header.size());
    EXPECT_TRUE(parser.wants_continue());
    EXPECT_FALSE(parser.wants_continue());
    ASSERT_EQ(parser.feed(as_bytes("ok")).value(), 2u);
    EXPECT_EQ(parser.take().body, "ok");
}

TEST(HttpRequest, ABadEscapeIsAFaultAndStaysAsItIs) {
    const Request bad = parse_in_two("GET /50%/a%zz%4 HTTP/1.1\r\n\r\n", 0).at(0);
    EXPECT_EQ(bad.path, "/50%/a%zz%4");
    EXPECT_NE(bad.target_fault, "");
    EXPECT_NE(parse_in_two("GET /a?b=%q HTTP/1.1\r\n\r\n", 0).at(0).target_fault, "");
    EXPECT_EQ(parse_in_two("GET /a%2Fb?c=%25 HTTP/1.1\r\n\r\n", 0).at(0).target_fault, "");
}

TEST(HttpRequest, AnEmptySegmentIsAFaultButForATrailingSlash) {
    EXPECT_NE(parse_in_two("GET /a//b HTTP/1.1\r\n\r\n", 0).at(0).target_fault, "");
    const Request trailing = parse_in_two("GET /a/ HTTP/1.1\r\n\r\n", 0).at(0);
    EXPECT_EQ(trailing.target_fault, "");
    EXPECT_TRUE(trailing.trailing_slash);
    EXPECT_EQ(trailing.segments, std::vector<std::string>{"a"});
    EXPECT_FALSE(parse_in_two("GET /%2F HTTP/1.1\r\n\r\n", 0).at(0).trailing_slash);
}

TEST(HttpResponse, CarriesLengthAndConnection) {
    Bytes out;
    write_response(out, {.status = 404, .body = "{}", .headers = {{"X-A", "b"}}}, false);
    EXPECT_EQ(as_text(out),
              "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
              "Connection: close\r\nX-A: b\r\n\r\n{}");
    out.clear();
    write_response(out, {.body = "{}"}, true, true);
    EXPECT_TRUE(as_text(out).ends_with("Content-Length: 2\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(HttpResponse, HasNeitherTypeNorLengthWithoutContent_RFC9110_8_6) {
    Bytes out;
    write_response(out, {.status = no_content}, true);
    EXPECT_EQ(as_text(out), "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(BasicCredentials, AreSplitAtTheFirstColon_RFC7617) {
    EXPECT_EQ(basic_credentials("Basic Z3Vlc3Q6YTpi"), std::pair(std::string("guest"), std::string("a:b")));
    EXPECT_EQ(basic_credentials("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
              std::pair(std::string("Aladdin"), std::string("open sesame")));
    EXPECT_FALSE(basic_credentials("Bearer Z3Vlc3Q6YTpi"));
    EXPECT_FALSE(basic_credentials("Basic Z3Vlc3Q"));
    EXPECT_FALSE(basic_credentials("Basic ????"));
    EXPECT_FALSE(basic_credentials(""));
}

TEST(BasicCredentials, RoundTripAtEveryLength) {
    std::string password;
    for (int size = 0; size < 40; ++size) {
        password.push_back(static_cast<char>(size * 37 + 128));
        EXPECT_EQ(basic_credentials(basic_authorization("user", password)), std::pair(std::string("user"), password));
    }
}

TEST(EncodePercent, KeepsASegmentOne) {
    EXPECT_EQ(encode_percent("/"), "%2F");
    EXPECT_EQ(encode_percent("a b~ä?"), "a%20b~%C3%A4%3F");
}

}  // namespace
}  // namespace fantail::http

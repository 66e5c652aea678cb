// SPDX-License-Identifier: Apache-2.0
//! HTTP around the administration interface: authentication, order, keep-alive.
#include "server/admin_session.hpp"

#include <algorithm>

namespace fantail::server {

namespace {
constexpr std::int64_t idle_timeout_ms = 60'000;

bool open_to_all(const http::Request& request) {
    return request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
}

bool is_administrator(const broker::UserDefinition& user) {
    return std::find(user.tags.begin(), user.tags.end(), "administrator") != user.tags.end();
}
}  // namespace

AdminSession::AdminSession(protocols::SessionHost& host, AdminContext& context)
    : host_(host), context_(context), api_(host, context, [this](http::Response response) { respond(std::move(response)); }),
      deadline_(host.now().mono.plus_ms(idle_timeout_ms)) {}

std::size_t AdminSession::on_bytes(ByteView bytes) {
    std::size_t used = 0;
    deadline_ = host_.now().mono.plus_ms(idle_timeout_ms);
    while (!busy_ && used < bytes.size()) {
        const auto fed = parser_.feed(bytes.subspan(used));
        if (!fed) {
            keep_alive_ = false;
            respond({.status = fed.error().code == ErrorCode::too_large ? 413 : 400, .body = api_.error_body(fed.error().message)});
            return bytes.size();
        }
        used += *fed;
        if (parser_.complete()) handle(parser_.take());
        else if (*fed == 0) break;
    }
    return used;
}

void AdminSession::handle(http::Request request) {
    busy_ = true;
    keep_alive_ = request.keep_alive;
    head_only_ = request.method == "HEAD";
    if (!open_to_all(request) && !authorized(request)) {
        respond({.status = 401,
                 .body = api_.error_body("log in as a user with the tag administrator"),
                 .headers = {{"WWW-Authenticate", "Basic realm=\"fantail\""}}});
        return;
    }
    api_.handle(std::move(request));
}

bool AdminSession::authorized(const http::Request& request) {
    const auto credentials = http::basic_credentials(request.authorization);
    if (!credentials || !host_.broker().authenticate(credentials->first, credentials->second)) return false;
    const broker::UserDefinition* user = host_.broker().catalog().user(credentials->first);
    user_ = credentials->first;
    return user != nullptr && is_administrator(*user);
}

void AdminSession::respond(http::Response response) {
    http::write_response(host_.out(), response, keep_alive_, head_only_);
    busy_ = false;
    if (keep_alive_) host_.resume_input();  // a pipelined request may be waiting
    else host_.close();
}

void AdminSession::on_event(broker::Event& event) { api_.on_event(event); }

protocols::SessionInfo AdminSession::info() const {
    return {.protocol = "http", .client_name = "", .user = user_, .vhost = "", .state = busy_ ? "busy" : "idle"};
}

protocols::Protocol AdminSession::protocol(AdminContext& context) {
    auto sniff = [](ByteView first) {
        constexpr std::string_view methods[] = {"GET ", "PUT ", "POST ", "HEAD ", "DELETE ", "OPTIONS "};
        for (const std::string_view method : methods) {
            const std::string_view have = as_text(first.subspan(0, std::min(first.size(), method.size())));
            if (!method.starts_with(have)) continue;
            return have.size() == method.size() ? protocols::Protocol::Sniff::yes : protocols::Protocol::Sniff::maybe;
        }
        return protocols::Protocol::Sniff::no;
    };
    return {"http", sniff, [&context](protocols::SessionHost& host) { return std::make_unique<AdminSession>(host, context); }};
}

}  // namespace fantail::server

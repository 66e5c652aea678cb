// SPDX-License-Identifier: Apache-2.0
//! HTTP around the administration interface: authentication, order, keep-alive.
#include "server/admin/admin_session.hpp"

#include <algorithm>

namespace fantail::server {

namespace {

/// Time for a request to come in whole and be answered, and for an idle connection to say something.
constexpr std::int64_t request_timeout_ms = 60'000;
constexpr std::int64_t refused_login_delay_ms = 1000;

protocols::Protocol::Sniff sniff_http(ByteView first) {
    using Sniff = protocols::Protocol::Sniff;
    constexpr std::string_view methods[] = {"GET ", "PUT ", "POST ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH "};
    for (const std::string_view method : methods) {
        const std::string_view have = as_text(first.first(std::min(first.size(), method.size())));
        if (method.starts_with(have)) return have.size() == method.size() ? Sniff::yes : Sniff::maybe;
    }
    return Sniff::no;
}

/// What the parser did not take.
Refusal refusal_of_bytes(const Error& error) {
    switch (error.code) {
        case ErrorCode::too_large: return {413, "too_large", error.message};
        case ErrorCode::unsupported: return {501, "not_implemented", error.message};
        default: return {400, "bad_request", error.message};
    }
}

}  // namespace

AdminSession::AdminSession(protocols::SessionHost& host, AdminBackend& backend)
    : host_(host),
      api_(host, backend, [this](http::Response response) { respond(std::move(response)); }),
      deadline_(host.now().mono.plus_ms(request_timeout_ms)) {}

std::size_t AdminSession::on_bytes(ByteView bytes) {
    std::size_t used = 0;
    parsing_ = true;
    while (!busy_ && writable_ && keep_alive_ && used < bytes.size() && parse_one(bytes, used)) {}
    parsing_ = false;
    return keep_alive_ ? used : bytes.size();
}

/// False: more bytes are needed, or none will be taken any more.
bool AdminSession::parse_one(ByteView bytes, std::size_t& used) {
    const auto fed = parser_.feed(bytes.subspan(used));
    if (!fed) {
        keep_alive_ = false;
        respond(response_of(refusal_of_bytes(fed.error())));
        return false;
    }
    used += *fed;
    if (parser_.wants_continue()) append(host_.out(), as_bytes(http::continue_line));
    if (parser_.complete()) handle(parser_.take());
    return *fed > 0;
}

void AdminSession::handle(http::Request request) {
    busy_ = true;
    keep_alive_ = request.keep_alive;
    head_only_ = request.method == "HEAD";
    if (AdminApi::open_to_all(request)) return api_.handle(request, {});
    request_ = std::move(request);
    log_in();
}

/// Every request says who asks; the answer to what was right before comes within the turn.
void AdminSession::log_in() {
    auto credentials = http::basic_credentials(request_.authorization);
    if (!credentials) return refuse_login();
    claimed_user_ = std::move(credentials->first);
    login_ = login_.plus(1);
    host_.broker().check_login(login_, claimed_user_, credentials->second);
}

void AdminSession::on_login(const broker::LoginChecked& answer) {
    if (!busy_ || answer.request != login_) return;
    if (!answer.outcome && answer.outcome.error().code != ErrorCode::not_authenticated)
        return respond(response_of(refusal_of(answer.outcome.error())));
    const broker::UserDefinition* user = host_.broker().catalog().user(claimed_user_);
    if (!answer.outcome || user == nullptr) return refuse_login_later();
    user_ = std::move(claimed_user_);
    const http::Request request = std::exchange(request_, {});
    api_.handle(request, caller_of(*user));
}

void AdminSession::refuse_login_later() {
    refused_ = true;
    deadline_ = host_.now().mono.plus_ms(refused_login_delay_ms);
}

void AdminSession::refuse_login() {
    http::Response response = response_of({401, "not_authorized", "Login failed"});
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"fantail\"");
    respond(std::move(response));
}

void AdminSession::respond(http::Response response) {
    http::write_response(host_.out(), response, keep_alive_, head_only_);
    busy_ = false;
    deadline_ = host_.now().mono.plus_ms(request_timeout_ms);
    if (!keep_alive_) return host_.close();
    if (!parsing_) host_.resume_input();  // a pipelined request may be waiting
}

void AdminSession::on_tick() {
    if (!refused_) return host_.close();
    refused_ = false;
    keep_alive_ = false;
    refuse_login();
}

void AdminSession::on_event(broker::Event& event) {
    if (std::holds_alternative<broker::CloseRequested>(event)) return host_.close();
    if (const auto* login = std::get_if<broker::LoginChecked>(&event)) return on_login(*login);
    api_.on_event(event);
}

void AdminSession::on_writable(bool writable) {
    writable_ = writable;
    if (writable) host_.resume_input();
}

protocols::SessionInfo AdminSession::info() const {
    return {.protocol = "http", .client_name = "", .user = user_, .vhost = "", .state = busy_ ? "busy" : "idle"};
}

protocols::Protocol AdminSession::protocol(AdminBackend& backend) {
    return {"http", sniff_http,
            [&backend](protocols::SessionHost& host) { return std::make_unique<AdminSession>(host, backend); }};
}

}  // namespace fantail::server

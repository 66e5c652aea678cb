// SPDX-License-Identifier: Apache-2.0
//! Which request goes where, and how answers and refusals look.
#include "server/admin/admin_api.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "server/admin/endpoints.hpp"
#include "server/admin/fetch.hpp"
#include "server/admin/import.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/publishing.hpp"

namespace fantail::server {

AdminApi::AdminApi(protocols::SessionHost& host, AdminBackend& backend, Respond respond)
    : host_(host), backend_(backend), respond_(std::move(respond)) {}

AdminApi::~AdminApi() = default;

void AdminApi::handle(const http::Request& request, const Caller& caller) {
    caller_ = caller;
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    std::string allowed;
    for (const Endpoint& endpoint : endpoints()) {
        if (!fits(endpoint.path, request.segments)) continue;
        if (endpoint.method == method) {
            if (const auto refusal = may_not(endpoint, request)) return refuse(*refusal);
            return (this->*endpoint.handler)(request);
        }
        allowed += (allowed.empty() ? "" : ", ") + std::string(endpoint.method);
    }
    if (!request.target_fault.empty()) return refuse({ErrorCode::malformed, request.target_fault});
    if (allowed.empty()) return refuse({ErrorCode::not_found, "no such resource: " + request.path});
    if (request.trailing_slash) return refuse({ErrorCode::malformed, "the name at the end of the path is empty"});
    http::Response response = response_of({405, "Method Not Allowed", "only " + allowed + " here"});
    response.headers.emplace_back("Allow", allowed);
    respond_(std::move(response));
}

std::optional<Refusal> AdminApi::may_not(const Endpoint& endpoint, const http::Request& request) const {
    if (auto lacking = lacks(caller_, endpoint.need)) return not_authorised(std::move(*lacking));
    if (const auto fine = check_target(request, endpoint.path, endpoint.parameters); !fine)
        return refusal_of(fine.error());
    const auto at = vhost_segment(endpoint.path);
    const broker::VhostDefinition* in = at ? catalog().vhost(request.segments[*at]) : nullptr;
    if (in == nullptr) return std::nullopt;
    const bool may =
        endpoint.method == "GET" ? may_see(in->id) : caller_.administrator || catalog().may_enter(caller_.name, in->id);
    return may ? std::nullopt : std::optional(not_authorised("User not authorised to access virtual host"));
}

bool AdminApi::open_to_all(const http::Request& request) {
    return request.segments.size() == 1 && (request.method == "GET" || request.method == "HEAD");
}

void AdminApi::answer(std::string json_body, int status) { respond_({.status = status, .body = std::move(json_body)}); }

void AdminApi::answer_list(Result<std::string> json_body) {
    if (json_body) answer(std::move(*json_body));
    else refuse(json_body.error());
}

void AdminApi::refuse(const Error& error) { refuse(refusal_of(error)); }
void AdminApi::refuse(const Refusal& refusal) { respond_(response_of(refusal)); }

void AdminApi::send(broker::AdminCommand command, std::function<void(const broker::AdminReply&)> then) {
    last_request_ = last_request_.plus(1);
    on_answer_ = [this, then = std::move(then)](broker::Event& event) {
        const auto* reply = std::get_if<broker::AdminReply>(&event);
        if (reply == nullptr) return refuse({ErrorCode::internal, "an answer of another kind"});
        then(*reply);
    };
    host_.broker().send(last_request_, std::move(command));
}

void AdminApi::send(ShardId shard, broker::ShardCommand command, std::function<void(broker::Event&)> then) {
    last_request_ = last_request_.plus(1);
    on_answer_ = std::move(then);
    host_.broker().send(shard, last_request_, std::move(command));
}

void AdminApi::change(broker::AdminCommand command, bool makes_new) {
    send(std::move(command), [this, makes_new](const broker::AdminReply& reply) {
        if (!reply.outcome) return refuse(reply.outcome.error());
        answer("", makes_new ? 201 : http::no_content);
    });
}

void AdminApi::ask(ShardId shard, broker::ShardCommand command, std::function<void(const broker::QueueCounts&)> then) {
    send(shard, std::move(command), [this, then = std::move(then)](broker::Event& event) {
        const auto* counts = std::get_if<broker::QueueCounts>(&event);
        if (counts == nullptr || !counts->found)
            return refuse({ErrorCode::not_found, "the queue does not exist any more"});
        then(*counts);
    });
}

void AdminApi::on_event(broker::Event& event) {
    if (publishing_ && publishing_->takes(event)) {
        if (!publishing_->complete()) return;
        const Result<bool> routed = std::exchange(publishing_, nullptr)->outcome();
        if (!routed) return refuse(routed.error());
        return answer(json_of_routed(*routed));
    }
    if (import_ && import_->takes(event)) return go_on_importing();
    if (!on_answer_ || request_of(event) != last_request_) return;
    std::exchange(on_answer_, nullptr)(event);
}

void AdminApi::on_closed() {
    if (fetching_) finish_fetch(*fetching_);
}

Result<const broker::VhostDefinition*> AdminApi::vhost(const std::string& name) const {
    const broker::VhostDefinition* found = catalog().vhost(name);
    if (found == nullptr) return fail(ErrorCode::not_found, "no vhost '" + name + "'");
    return found;
}

Result<const broker::UserDefinition*> AdminApi::user(const std::string& name) const {
    const broker::UserDefinition* found = catalog().user(name);
    if (found == nullptr) return fail(ErrorCode::not_found, "no user '" + name + "'");
    return found;
}

bool AdminApi::may_see(VhostId vhost) const { return caller_.monitoring || catalog().may_enter(caller_.name, vhost); }

Result<const broker::VhostDefinition*> AdminApi::wanted_vhost(const http::Request& request) const {
    std::string name(request.parameter("vhost"));
    if (request.segments.size() > 2) name = request.segments[2];
    if (name.empty()) return nullptr;
    FANTAIL_TRY(const broker::VhostDefinition* found, vhost(name));
    if (!may_see(found->id)) return fail(ErrorCode::access_refused, "User not authorised to access virtual host");
    return found;
}

VhostNames AdminApi::vhost_names() const {
    VhostNames names;
    for (const broker::VhostDefinition* each : catalog().vhosts())
        if (may_see(each->id)) names[each->id] = utf8(each->name);
    return names;
}

std::string AdminApi::vhost_name(VhostId id) const {
    const broker::VhostDefinition* found = catalog().vhost(id);
    return found == nullptr ? std::string() : utf8(found->name);
}

std::shared_ptr<amqp091::Link> AdminApi::link_to(const broker::VhostDefinition& vhost) const {
    auto link = std::make_shared<amqp091::Link>(host_, std::make_shared<const amqp091::AmqpOptions>());
    link->user = caller_.name;
    link->vhost = vhost.id;
    link->vhost_name = vhost.name;
    return link;
}

}  // namespace fantail::server

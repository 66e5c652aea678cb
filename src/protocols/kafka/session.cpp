// SPDX-License-Identifier: Apache-2.0
//! Frames in, responses out, in order.
#include "protocols/kafka/session.hpp"

#include <algorithm>

#include "protocols/kafka/api_versions.hpp"
#include "protocols/kafka/security.hpp"

namespace fantail::kafka {

namespace {

/// More requests at once than any client keeps in flight.
constexpr std::size_t exchanges_max = 256;

}  // namespace

Session::Session(protocols::SessionHost& host, std::shared_ptr<const KafkaOptions> options)
    : host_(host), options_(std::move(options)) {
    if (const broker::VhostDefinition* vhost = catalog().vhost(options_->vhost)) vhost_ = vhost->id;
    if (host_.peer().loopback) user_ = options_->anonymous_user;
}

// -------------------------------------------------------------------------------------------------------------- input

std::size_t Session::on_bytes(ByteView bytes) {
    std::size_t used = 0;
    held_ = false;
    while (!closing_) {
        Frame frame;
        const auto status = next_frame(bytes.subspan(used), options_->request_size_max, frame);
        if (!status) {
            fail(status.error().message);
            break;
        }
        if (*status == FrameStatus::need_more) break;
        if (take(frame.payload) == Took::not_now) {
            held_ = true;
            break;
        }
        used += frame.wire_size;
    }
    flush();
    return closing_ ? bytes.size() : used;
}

std::size_t Session::kept_size_max() const {
    return frame_size_size + options_->request_size_max + limits::read_size_max;
}

Session::Took Session::take(ByteView payload) {
    const auto header = decode_request_header(payload);
    if (!header) {
        fail(header.error().message);
        return Took::yes;
    }
    if (!may_take(*header)) return Took::not_now;
    if (header->client_id) client_id_ = *header->client_id;
    if (header->info == nullptr) refuse_version(*header);
    else if (user_.empty() && !is_allowed_before_login(header->api)) fail("a request before the login");
    else begin(*header);
    return Took::yes;
}

/// A peer that takes nothing gets nothing made for it, and an alarm stops producers alone.
bool Session::may_take(const RequestHeader& header) {
    alarmed_ = blocked_ && header.api == ApiKey::produce;
    const bool may = !alarmed_ && writable_ && exchanges_.size() < exchanges_max;
    host_.hold_input(!may);
    return may;
}

void Session::begin(const RequestHeader& header) {
    auto made = make_exchange(*this, header);
    if (!made) return fail("the API is not served");
    Exchange& exchange = *made;
    exchanges_.push_back(std::move(made));
    const auto begun = exchange.begin(header.body);
    if (begun) return;
    exchanges_.pop_back();
    fail(begun.error().message);
}

/// Clients learn from the answer to ApiVersions what is spoken (KIP-511); in anything else they have not asked.
void Session::refuse_version(const RequestHeader& header) {
    if (header.api != ApiKey::api_versions) return fail("an API or version that is not served");
    exchanges_.push_back(refuse_api_versions(*this, header));
}

void Session::fail(std::string) { close(); }

void Session::close() {
    closing_ = true;
    flush();
    host_.close();
}

// ------------------------------------------------------------------------------------------------------------- output

void Session::flush() {
    while (!exchanges_.empty() && exchanges_.front()->done()) {
        exchanges_.front()->write(host_.out());
        Exchange* const done = exchanges_.front().get();
        std::erase_if(waiting_, [&](const auto& each) { return each.second == done; });
        exchanges_.pop_front();
    }
    if (held_ && exchanges_.size() < exchanges_max && writable_ && !alarmed_) {
        held_ = false;
        host_.hold_input(false);
        host_.resume_input();
    }
}

bool Session::is_next(const Exchange& exchange) const {
    return !exchanges_.empty() && exchanges_.front().get() == &exchange;
}

void Session::on_writable(bool writable) {
    writable_ = writable;
    flush();
}

// ------------------------------------------------------------------------------------------------------------- events

void Session::on_event(broker::Event& event) {
    if (const auto* blocked = std::get_if<broker::Blocked>(&event)) {
        blocked_ = blocked->on;
        if (!blocked_) alarmed_ = false;
    } else if (std::holds_alternative<broker::CloseRequested>(event)) {
        return close();
    } else if (const auto at = waiting_.find(request_of(event)); at != waiting_.end()) {
        Exchange* const exchange = at->second;
        waiting_.erase(at);
        // One whose time was over has its response, which may wait for those before it.
        if (!exchange->done()) exchange->on_event(event);
    }
    flush();
}

void Session::on_tick() {
    for (std::size_t i = 0; i < exchanges_.size(); ++i) {
        Exchange& exchange = *exchanges_[i];
        if (!exchange.done() && exchange.deadline() <= now().mono) exchange.on_deadline();
    }
    flush();
}

MonoTime Session::deadline() const {
    MonoTime first = MonoTime::never();
    for (const auto& exchange : exchanges_)
        if (!exchange->done()) first = std::min(first, exchange->deadline());
    return first;
}

RequestId Session::send(Exchange& from, ShardId shard, broker::ShardCommand command) {
    if (std::holds_alternative<broker::ReadLogs>(command)) told_.insert(shard);
    last_request_ = last_request_.plus(1);
    waiting_[last_request_] = &from;
    host_.broker().send(shard, last_request_, std::move(command));
    return last_request_;
}

RequestId Session::send(Exchange& from, broker::AdminCommand command) {
    last_request_ = last_request_.plus(1);
    waiting_[last_request_] = &from;
    host_.broker().send(last_request_, std::move(command));
    return last_request_;
}

void Session::check_login(Exchange& from, std::string_view user, std::string_view password) {
    last_request_ = last_request_.plus(1);
    waiting_[last_request_] = &from;
    host_.broker().check_login(last_request_, user, password);
}

void Session::tell(ShardId shard, broker::ShardCommand command) {
    host_.broker().send(shard, RequestId(), std::move(command));
}

void Session::logged_in(const std::string& user) {
    user_ = user;
    login_ = {.stage = Login::Stage::over, .scram = {}};
}

void Session::on_closed() {
    for (const ShardId shard : told_) tell(shard, broker::Detach{ConsumerId(0), ConsumerId(~std::uint64_t{0})});
    exchanges_.clear();
    waiting_.clear();
}

protocols::SessionInfo Session::info() const {
    protocols::SessionInfo info;
    info.protocol = "kafka";
    info.client_name = client_id_;
    info.user = user_;
    info.vhost = options_->vhost;
    info.state = closing_ ? "closing" : blocked_ ? "blocked" : "running";
    return info;
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! A connection's own methods, the broker's events, timers and the ways it ends.
#include <algorithm>

#include "protocols/amqp091/handshake.hpp"
#include "protocols/amqp091/session.hpp"

namespace fantail::amqp091 {
namespace {

constexpr std::int64_t ms_per_second = 1000;

std::uint16_t class_of(MethodId id) { return static_cast<std::uint16_t>(static_cast<std::uint32_t>(id) >> 16); }
std::uint16_t number_of(MethodId id) { return static_cast<std::uint16_t>(static_cast<std::uint32_t>(id)); }

}  // namespace

// --- methods

void Session::on_connection_frame(const Frame& frame) {
    if (frame.type == FrameType::heartbeat) return;
    if (frame.type != FrameType::method) {
        if (phase_ <= Phase::running)
            close_connection(reply_error(ReplyCode::unexpected_frame, "content on channel 0"), MethodId{});
        return;
    }
    method_ = method_id(frame.payload);
    const bool ends = method_ == MethodId::connection_close || method_ == MethodId::connection_close_ok;
    if (phase_ > Phase::running && !ends) return;
    const auto method = decode(frame.payload);
    if (!method) {
        const bool unknown = method.error().code == ErrorCode::unsupported;
        if (phase_ > Phase::running) return end();
        return close_connection(
            reply_error(unknown ? ReplyCode::command_invalid : ReplyCode::syntax_error, method.error().message),
            method_);
    }
    on_connection_method(*method);
}

void Session::on_connection_method(const Method& method) {
    const Handled handled = std::visit([this](const auto& m) { return handle(m); }, method);
    if (!handled) close_connection(handled.error(), method_);
}

template <class M>
Handled Session::handle(const M&) {
    return refuse(ReplyCode::command_invalid, "unexpected method " + std::string(method_name(M::id)) + " on channel 0");
}

Handled Session::handle(const ConnectionStartOk& method) {
    if (phase_ != Phase::starting) return refuse(ReplyCode::command_invalid, "unexpected connection.start-ok");
    auto accepted = accept_start_ok(link_, method);
    if (!accepted) return refuse_login(std::move(accepted).error());
    client_name_ = std::move(accepted->client_name);
    claim_ = std::make_unique<Claim>(std::move(accepted->claim));
    if (!claim_->password) {
        log_in();
        return {};
    }
    phase_ = Phase::checking;
    link_.broker().check_login(request_id(Purpose::login, 0, 1), claim_->user, *claim_->password);
    return {};
}

void Session::log_in() {
    admit(link_, claim_->user);
    claim_.reset();
    phase_ = Phase::tuning;
}

/// A client that is not said why is let wait, against guessing.
Handled Session::refuse_login(ReplyError error) {
    const bool tells = error.code != ReplyCode::access_refused || link_.client.authentication_failure_close;
    if (tells) return refuse(std::move(error));
    phase_ = Phase::refused;
    phase_deadline_ = link_.now().mono.plus_ms(limits::refused_login_delay_ms);
    return {};
}

Handled Session::handle(const ConnectionTuneOk& method) {
    if (phase_ != Phase::tuning) return refuse(ReplyCode::command_invalid, "unexpected connection.tune-ok");
    FANTAIL_TRY(const Tuned tuned, accept_tune_ok(link_, method));
    link_.frame_max = tuned.frame_max;
    link_.channel_max = tuned.channel_max;
    heartbeat_s_ = tuned.heartbeat_s;
    phase_ = Phase::entering;
    return {};
}

Handled Session::handle(const ConnectionOpen& method) {
    if (phase_ != Phase::entering) return refuse(ReplyCode::command_invalid, "unexpected connection.open");
    FANTAIL_CHECK(accept_open(link_, method));
    phase_ = Phase::opening;
    announced_ = true;
    link_.broker().send(request_id(Purpose::connection_open, 0, 1), broker::ConnectionOpened{link_.user, link_.vhost});
    return {};
}

Handled Session::handle(const ConnectionClose&) {
    if (phase_ >= Phase::leaving) return {};
    const bool crossed = phase_ == Phase::closing;
    drop_channels();
    if (!announced_ || crossed) {
        part();
        return {};
    }
    // People assume that exclusive queues are gone when close-ok comes: wait until they are.
    phase_ = Phase::leaving;
    phase_deadline_ = link_.now().mono.plus_ms(limits::closing_timeout_ms);
    announced_ = false;
    link_.broker().send(request_id(Purpose::connection_close, 0, 1), broker::ConnectionClosed{});
    return {};
}

Handled Session::handle(const ConnectionCloseOk&) {
    if (phase_ != Phase::closing)
        return phase_ > Phase::running ? Handled{}
                                       : refuse(ReplyCode::command_invalid, "unexpected connection.close-ok");
    end();
    return {};
}

/// The secret is a password here, which was checked when the connection opened: nothing expires.
Handled Session::handle(const ConnectionUpdateSecret&) {
    if (phase_ != Phase::running) return refuse(ReplyCode::command_invalid, "unexpected connection.update-secret");
    link_.send(0, ConnectionUpdateSecretOk{});
    return {};
}

// --- events

void Session::on_event(broker::Event& event) {
    if (phase_ == Phase::ended) return;
    if (auto* delivery = std::get_if<broker::Deliver>(&event)) [[likely]] {
        const Consumer* consumer = parts_.consumers.find(delivery->consumer);
        Channel* channel = consumer == nullptr ? nullptr : find(consumer->channel);
        if (channel != nullptr) channel->on_deliver(*consumer, *delivery);
        return;
    }
    if (const auto* appended = std::get_if<broker::Appended>(&event)) return on_appended(*appended);
    if (const auto* added = std::get_if<broker::ConsumerAdded>(&event)) return on_answer(added->request, event);
    if (const auto* got = std::get_if<broker::GetResult>(&event)) return on_answer(got->request, event);
    if (const auto* counts = std::get_if<broker::QueueCounts>(&event)) return on_answer(counts->request, event);
    if (const auto* cancelled = std::get_if<broker::ConsumerCancelled>(&event)) return on_cancelled(*cancelled);
    if (const auto* blocked = std::get_if<broker::Blocked>(&event)) return on_blocked(*blocked);
    if (const auto* requested = std::get_if<broker::CloseRequested>(&event)) {
        if (phase_ == Phase::parting) end();
        if (phase_ < Phase::refused)
            close_connection(reply_error(ReplyCode::connection_forced, requested->reason), MethodId{});
        return;
    }
    if (const auto* login = std::get_if<broker::LoginChecked>(&event)) return on_login(*login);
    if (const auto* reply = std::get_if<broker::AdminReply>(&event)) {
        const Purpose purpose = purpose_of(reply->request);
        if (purpose == Purpose::connection_open) return on_opened(*reply);
        if (purpose == Purpose::channel_method) return on_answer(reply->request, event);
        if (purpose == Purpose::connection_close && phase_ == Phase::leaving) part();
    }
}

void Session::on_answer(RequestId request, broker::Event& event) {
    const std::uint16_t number = channel_of(request);
    Channel* channel = purpose_of(request) == Purpose::channel_method ? find(number) : nullptr;
    if (channel == nullptr) return;
    if (const Handled handled = channel->on_answer(request, event); !handled)
        return fail(handled.error(), number, channel->faulty_method());
    resume(number);
}

void Session::on_appended(const broker::Appended& event) {
    Publisher* publisher = parts_.existing_publisher();
    if (publisher == nullptr || purpose_of(event.request) != Purpose::append) return;
    std::vector<PublishAnswer> answers;
    publisher->on_appended(event, answers);
    for (const PublishAnswer& answer : answers) {
        Channel* channel = find(answer.channel);
        if (channel != nullptr && channel->serial() == answer.serial) channel->on_published(answer.range);
    }
}

void Session::on_cancelled(const broker::ConsumerCancelled& event) {
    Consumer* consumer = parts_.consumers.find(event.consumer);
    Channel* channel = consumer == nullptr ? nullptr : find(consumer->channel);
    if (channel == nullptr) return;
    if (const Handled handled = channel->on_cancelled(*consumer, event); !handled)
        fail(handled.error(), channel->number(), MethodId{});
}

void Session::on_login(const broker::LoginChecked& answer) {
    if (phase_ != Phase::checking) return;
    link_.host.resume_input();
    if (answer.outcome) return log_in();
    const bool wrong = answer.outcome.error().code == ErrorCode::not_authenticated;
    ReplyError error = wrong ? login_refused(claim_->mechanism)
                             : reply_error(ReplyCode::resource_error, answer.outcome.error().message);
    claim_.reset();
    if (Handled refused = refuse_login(std::move(error)); !refused)
        close_connection(refused.error(), MethodId::connection_start_ok);
}

void Session::on_opened(const broker::AdminReply& reply) {
    if (phase_ != Phase::opening) return;
    if (!reply.outcome) {
        announced_ = false;
        const std::string detail = "access to vhost '" + link_.vhost_name + "' refused for user '" + link_.user +
                                   "': " + reply.outcome.error().message;
        return close_connection(reply_error(ReplyCode::not_allowed, detail), MethodId::connection_open);
    }
    phase_ = Phase::running;
    link_.send(0, ConnectionOpenOk{});
    link_.host.resume_input();
}

void Session::on_blocked(const broker::Blocked& event) {
    blocked_ = event.on;
    blocked_reason_ = event.reason;
    tell_blocked();
    if (blocked_ || !stopped_) return;
    stopped_ = false;
    link_.host.hold_input(false);
    link_.host.resume_input();
}

/// As RabbitMQ: everything but publishing goes on under an alarm; the next publish, and what is behind it, waits.
void Session::stop_at_publish() {
    if (!stopped_) link_.host.hold_input(true);
    stopped_ = true;
    tell_blocked();
}

/// Only publishers are told, and only if they said that they understand.
void Session::tell_blocked() {
    if (phase_ != Phase::running || !link_.client.connection_blocked || blocked_ == told_blocked_) return;
    if (blocked_ && !stopped_ && parts_.existing_publisher() == nullptr) return;
    told_blocked_ = blocked_;
    if (blocked_) link_.send(0, ConnectionBlocked{.reason = clip_shortstr(blocked_reason_)});
    else link_.send(0, ConnectionUnblocked{});
}

void Session::end_of_turn() {
    // A channel that resumes may become busy again: its turn comes with the next round.
    for (std::size_t round = 0; round < 2 && !parts_.busy_channels.empty(); ++round) {
        for (const std::uint16_t number : std::exchange(parts_.busy_channels, {})) {
            Channel* channel = find(number);
            if (channel == nullptr) continue;
            if (const Handled handled = channel->end_of_turn(); !handled)
                fail(handled.error(), number, channel->faulty_method());
            else resume(number);
        }
    }
    if (phase_ == Phase::running) parts_.flush();
    if (!std::exchange(link_.wrote, false)) return;
    last_sent_ = link_.now().mono;
}

// --- timers

MonoTime Session::heartbeat_deadline() const {
    if (heartbeat_s_ == 0) return MonoTime::never();
    const std::int64_t interval_ms = heartbeat_s_ * ms_per_second;
    // Half an interval, so that one lost in a queue somewhere does no harm; two without a sign of life are the end.
    return std::min(last_sent_.plus_ms(interval_ms / 2), last_received_.plus_ms(2 * interval_ms));
}

MonoTime Session::deadline() const {
    if (phase_ == Phase::ended) return MonoTime::never();
    return phase_ == Phase::running ? heartbeat_deadline() : phase_deadline_;
}

void Session::on_tick() {
    const MonoTime now = link_.now().mono;
    if (deadline() > now) return;
    if (phase_ != Phase::running) return end();
    if (link_.host.input_held()) last_received_ = now;
    if (last_received_.plus_ms(2 * heartbeat_s_ * ms_per_second) <= now) return end();
    FrameWriter(link_.out()).heartbeat();
    last_sent_ = now;
    if (Publisher* publisher = parts_.existing_publisher()) publisher->release_buffers();
}

// --- ends

void Session::fail(const ReplyError& error, std::uint16_t channel, MethodId method) {
    if (severity_of(error.code) == Severity::closes_channel) close_channel(channel, error, method);
    else close_connection(error, method);
}

void Session::close_channel(std::uint16_t number, const ReplyError& error, MethodId method) {
    Channel* channel = find(number);
    if (channel == nullptr) return;
    channel->detach();
    last_channel_ = nullptr;
    channels_[number].channel.reset();
    link_.send(number, ChannelClose{.reply_code = static_cast<std::uint16_t>(error.code),
                                    .reply_text = error.text,
                                    .class_id = class_of(method),
                                    .method_id = number_of(method)});
}

void Session::close_connection(const ReplyError& error, MethodId method) {
    if (phase_ >= Phase::closing) return;
    drop_channels();
    link_.send(0, ConnectionClose{.reply_code = static_cast<std::uint16_t>(error.code),
                                  .reply_text = error.text,
                                  .class_id = class_of(method),
                                  .method_id = number_of(method)});
    phase_ = Phase::closing;
    phase_deadline_ = link_.now().mono.plus_ms(limits::closing_timeout_ms);
}

void Session::drop_channels() {
    for (auto& [number, slot] : channels_) {
        if (slot.channel) slot.channel->detach();
    }
    last_channel_ = nullptr;
    channels_.clear();
    parts_.flush();
}

/// The last word. Hanging up with it, while messages sent behind connection.close are still coming in, would reset the
/// connection and take close-ok from the client.
void Session::part() {
    link_.send(0, ConnectionCloseOk{});
    phase_ = Phase::parting;
    phase_deadline_ = link_.now().mono.plus_ms(limits::closing_timeout_ms);
}

void Session::end() {
    phase_ = Phase::ended;
    link_.host.close();
}

void Session::on_closed() {
    drop_channels();
    phase_ = Phase::ended;
    if (std::exchange(announced_, false)) link_.broker().send(RequestId{}, broker::ConnectionClosed{});
}

}  // namespace fantail::amqp091

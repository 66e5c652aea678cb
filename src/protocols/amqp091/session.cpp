// SPDX-License-Identifier: Apache-2.0
//! A connection's input: protocol header, frames, and which channel or method they are for.
#include "protocols/amqp091/session.hpp"

#include <algorithm>

#include "protocols/amqp091/handshake.hpp"

namespace fantail::amqp091 {
namespace {

/// Whether `in` begins with a publish whose rest is still to come and small enough to wait for. Taking it apart frame by
/// frame would only cost a copy.
bool is_cut_publish(ByteView in, const Frame& first, std::uint32_t frame_max) {
    if (first.type != FrameType::method || method_id(first.payload) != MethodId::basic_publish) return false;
    // What is not consumed is kept by the runtime, which has its own bound.
    if (in.size() > 2 * limits::awaited_publish_max) return false;
    const ByteView behind = in.subspan(first.wire_size);
    Frame header;
    if (!take_frame(behind, frame_max, header)) return next_frame(behind, frame_max, header) == FrameStatus::need_more;
    if (header.type != FrameType::header || header.channel != first.channel) return false;
    const auto content = decode_content_header(header.payload);
    if (!content || content->body_size == 0 || content->body_size > limits::awaited_publish_max) return false;
    Frame body;
    const auto status = next_frame(behind.subspan(header.wire_size), frame_max, body);
    return status && *status == FrameStatus::need_more;
}

/// Whether `in` begins with the method of a publish.
bool begins_publish(ByteView in) {
    constexpr std::size_t needed = frame_header_size + sizeof(MethodId);
    return in.size() >= needed && in[0] == static_cast<std::uint8_t>(FrameType::method) &&
           MethodId{load_be<std::uint32_t>(&in[frame_header_size])} == MethodId::basic_publish;
}

}  // namespace

Session::Session(protocols::SessionHost& host, std::shared_ptr<const AmqpOptions> options)
    : link_(host, std::move(options)), parts_(link_) {
    last_sent_ = host.now().mono;
    last_received_ = last_sent_;
    phase_deadline_ = last_sent_.plus_ms(link_.options->handshake_timeout_ms);
}

bool Session::reads_frames() const { return phase_ != Phase::header && !awaits_broker() && phase_ < Phase::parting; }

std::size_t Session::on_bytes(ByteView bytes) {
    last_received_ = link_.now().mono;
    const std::size_t used = consume(bytes);
    // What comes ahead of the broker's answer stays where it is and is shown again (on_login, on_opened).
    return reads_frames() || phase_ == Phase::header || awaits_broker() ? used : bytes.size();
}

std::size_t Session::consume(ByteView bytes) {
    std::size_t used = phase_ == Phase::header ? take_header(bytes) : 0;
    while (used < bytes.size() && reads_frames()) {
        const ByteView rest = bytes.subspan(used);
        if (blocked_ && phase_ == Phase::running && begins_publish(rest)) [[unlikely]] {
            stop_at_publish();
            break;
        }
        if (const std::size_t taken = take_quickly(rest); taken != 0) [[likely]] {
            used += taken;
            continue;
        }
        Frame frame;
        const auto status = next_frame(rest, link_.frame_max, frame);
        if (!status) {
            if (phase_ == Phase::closing || phase_ == Phase::leaving || phase_ == Phase::refused) end();
            else close_connection(reply_error(ReplyCode::frame_error, status.error().message), MethodId{});
            return bytes.size();
        }
        if (*status == FrameStatus::need_more || is_cut_publish(rest, frame, link_.frame_max)) break;
        on_frame(frame, rest.first(frame.wire_size));
        used += frame.wire_size;
    }
    return used;
}

std::size_t Session::take_header(ByteView bytes) {
    switch (recognize_opening(bytes)) {
        case Opening::need_more: return 0;
        case Opening::amqp_0_9_1:
            phase_ = Phase::starting;
            send_start(link_);
            return protocol_header_size;
        case Opening::amqp_1_0:
        case Opening::amqp_1_0_sasl:
        case Opening::amqp_other:
        case Opening::http:
        case Opening::tls:
        case Opening::unknown: break;
    }
    Bytes& out = link_.out();
    out.insert(out.end(), protocol_header.begin(), protocol_header.end());
    end();
    return bytes.size();
}

/// The two methods that come by the million; whatever is unusual about them is left to the general way.
std::size_t Session::take_quickly(ByteView bytes) {
    constexpr std::size_t needed = frame_header_size + sizeof(MethodId);
    if (phase_ != Phase::running || bytes.size() < needed || bytes[0] != static_cast<std::uint8_t>(FrameType::method))
        return 0;
    const MethodId id{load_be<std::uint32_t>(&bytes[frame_header_size])};
    if (id == MethodId::basic_publish) return take_publish(bytes);
    return id == MethodId::basic_ack ? take_ack(bytes) : 0;
}

/// Hot.
std::size_t Session::take_ack(ByteView bytes) {
    Frame frame;
    if (!take_frame(bytes, link_.frame_max, frame)) return 0;
    BasicAck ack;
    Reader in(frame.payload.subspan(sizeof(MethodId)));
    decode_into(ack, in);
    Channel* const channel = find(frame.channel);
    if (!in.done() || channel == nullptr || !channel->takes_whole_messages()) return 0;
    if (const Handled handled = channel->on_ack(ack); !handled) [[unlikely]] {
        fail(handled.error(), frame.channel, MethodId::basic_ack);
    }
    return frame.wire_size;
}

/// Hot.
std::size_t Session::take_publish(ByteView bytes) {
    WholePublish message;
    if (!take_whole_publish(bytes, link_.frame_max, message)) return 0;
    Channel* const channel = find(message.channel);
    if (channel == nullptr || !channel->takes_whole_messages()) return 0;
    if (const Handled handled = channel->on_publish(message); !handled) [[unlikely]] {
        fail(handled.error(), message.channel, MethodId::basic_publish);
    }
    return message.wire_size;
}

Channel* Session::find(std::uint16_t number) {
    if (last_channel_ != nullptr && last_channel_->number() == number) [[likely]]
        return last_channel_;
    const auto found = channels_.find(number);
    if (found == channels_.end() || !found->second.channel) return nullptr;
    last_channel_ = found->second.channel.get();
    return last_channel_;
}

void Session::on_frame(const Frame& frame, ByteView wire) {
    if (frame.channel == 0) {
        on_connection_frame(frame);
    } else if (phase_ == Phase::running) {
        on_channel_frame(frame, wire);
    } else if (phase_ < Phase::running) {
        close_connection(reply_error(ReplyCode::channel_error, "a channel was used before connection.open-ok"),
                         MethodId{});
    }
}

void Session::on_channel_frame(const Frame& frame, ByteView wire) {
    Channel* const channel = find(frame.channel);
    if (channel == nullptr) return channels_.contains(frame.channel) ? on_closed_channel(frame) : on_new_channel(frame);
    if (!channel->must_stall(frame)) return on_open_channel(*channel, frame);
    if (const Handled stalled = channel->stall(wire); !stalled) fail(stalled.error(), frame.channel, MethodId{});
}

void Session::on_new_channel(const Frame& frame) {
    const MethodId id = frame.type == FrameType::method ? method_id(frame.payload) : MethodId{};
    if (id == MethodId::channel_close_ok) return;
    if (id != MethodId::channel_open) {
        return close_connection(reply_error(ReplyCode::channel_error, "expected 'channel.open'"), id);
    }
    if (frame.channel > link_.channel_max) {
        const std::string detail = "number of channels opened (" + std::to_string(frame.channel) +
                                   ") has reached the negotiated channel_max (" + std::to_string(link_.channel_max) +
                                   ")";
        return close_connection(reply_error(ReplyCode::not_allowed, detail), id);
    }
    const auto* user = link_.catalog().user(link_.user);
    if (user != nullptr && user->channels_max && channels_.size() >= *user->channels_max) {
        return close_connection(reply_error(ReplyCode::not_allowed,
                                            "number of channels of user '" + link_.user + "' has reached its limit"),
                                id);
    }
    // The top bit of a consumer id is taken (request_ids.hpp).
    serials_ = serials_ % 0x7FFF'FFFE + 1;
    channels_[frame.channel].channel = std::make_unique<Channel>(parts_, frame.channel, serials_);
    link_.send(frame.channel, ChannelOpenOk{});
}

/// Everything but the end of the closing is ignored (spec 1.5, channel.close).
void Session::on_closed_channel(const Frame& frame) {
    if (frame.type != FrameType::method) return;
    const MethodId id = method_id(frame.payload);
    if (id == MethodId::channel_close) link_.send(frame.channel, ChannelCloseOk{});
    if (id == MethodId::channel_close || id == MethodId::channel_close_ok) channels_.erase(frame.channel);
}

void Session::on_open_channel(Channel& channel, const Frame& frame) {
    const MethodId id = frame.type == FrameType::method ? method_id(frame.payload) : MethodId{};
    if (id == MethodId::channel_close) {
        channel.detach();
        last_channel_ = nullptr;
        channels_.erase(frame.channel);
        link_.send(frame.channel, ChannelCloseOk{});
        return;
    }
    if (id == MethodId::channel_close_ok) return;
    if (id == MethodId::channel_open) {
        return close_connection(reply_error(ReplyCode::channel_error, "second 'channel.open' seen"), id);
    }
    if (const Handled handled = channel.on_frame(frame); !handled)
        fail(handled.error(), frame.channel, channel.faulty_method());
}

/// Handles what the channel kept back, as far as nothing holds it up again.
void Session::resume(std::uint16_t number) {
    Channel* channel = find(number);
    if (channel == nullptr) return;
    Channel::Stalled stalled = channel->take_stalled();
    while (stalled.at < stalled.frames.size() && phase_ == Phase::running) {
        const ByteView rest = ByteView(stalled.frames).subspan(stalled.at);
        if (const std::size_t taken = take_quickly(rest); taken != 0) {
            stalled.at += taken;
            continue;
        }
        Frame frame;
        if (!take_frame(rest, link_.frame_max, frame)) return;
        channel = find(number);
        if (channel != nullptr && channel->must_stall(frame)) return channel->put_back(std::move(stalled));
        on_channel_frame(frame, rest.first(frame.wire_size));
        stalled.at += frame.wire_size;
    }
}

void Session::end_of_input() {
    if (phase_ != Phase::running) return;
    parts_.flush();
}

void Session::on_writable(bool writable) {
    parts_.paused = !writable;
    parts_.consumers.for_each([&](const Consumer& consumer) {
        if (is_reply_consumer(consumer.id)) return;
        link_.broker().send(shard_of(consumer.queue), RequestId{},
                            broker::SetFlow{consumer.queue, consumer.id, writable, std::nullopt});
    });
}

protocols::SessionInfo Session::info() const {
    const auto state = [this]() -> std::string {
        switch (phase_) {
            case Phase::header:
            case Phase::starting:
            case Phase::checking: return "starting";
            case Phase::tuning: return "tuning";
            case Phase::entering:
            case Phase::opening: return "opening";
            case Phase::running: return told_blocked_ ? "blocked" : parts_.paused ? "flow" : "running";
            case Phase::refused:
            case Phase::closing:
            case Phase::leaving: return "closing";
            case Phase::parting:
            case Phase::ended: return "closed";
        }
        return "unknown";
    };
    return {.protocol = "AMQP 0-9-1",
            .client_name = client_name_,
            .user = link_.user,
            .vhost = link_.vhost_name,
            .state = state(),
            .channels = static_cast<std::uint32_t>(channels_.size()),
            .consumers = static_cast<std::uint32_t>(parts_.consumers.size())};
}

void Session::describe(protocols::SessionDetails& details) const {
    for (const auto& [number, slot] : channels_)
        if (slot.channel) details.channels.push_back(slot.channel->info());
    parts_.consumers.for_each([&details](const Consumer& each) {
        if (is_reply_consumer(each.id)) return;
        details.consumers.push_back({each.channel, each.tag, each.queue, each.prefetch, !each.no_ack, each.exclusive});
    });
}

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Receiving: the greeting, the handshake, frames.
#include "protocols/zmtp/session.hpp"

#include <algorithm>

namespace fantail::zmtp {

using patterns::Inbound;

static constexpr std::string_view lane_property_name = "X-Fantail-Lane";

Session::Session(const Config& config, patterns::MessageQueue& in)
    : config_(config), in_(in), takes_subscriptions_(takes_subscriptions(config.kind)) {
    mechanism_ = make_mechanism(config.security, own_metadata());
    encrypts_ = mechanism_->encrypts();
}

Bytes Session::own_metadata() const {
    Metadata metadata;
    metadata.add("Socket-Type", std::string(socket_type(config_.kind)));
    if (has_identity(config_.kind)) metadata.add("Identity", config_.routing_id);
    if (!config_.resource.empty()) metadata.add("Resource", config_.resource);
    if (!config_.lane.empty()) metadata.add(std::string(lane_property_name), config_.lane);
    return metadata.encode();
}

std::string Session::routing_id() const {
    const std::string* identity = mechanism_->peer().find("Identity");
    return identity != nullptr ? *identity : std::string();
}

std::string Session::lane() const {
    const std::string* property = mechanism_->peer().find(lane_property_name);
    const bool has_lanes = !config_.lane.empty() && property != nullptr && peer_greeting_.has_commands();
    return has_lanes ? *property : std::string();
}

std::string Session::expectation() const { return "the mechanism here is " + std::string(mechanism_->name()); }

void Session::start(MonoTime now, OutputQueue& out) {
    heard_ = now;
    if (config_.handshake_timeout_ms > 0) handshake_until_ = now.plus_ms(config_.handshake_timeout_ms);
    // All of it at once: peers that wait for eleven bytes before they go on would otherwise wait for each other.
    out.append(
        zmtp::encode(Greeting{.mechanism = std::string(mechanism_->name()), .as_server = mechanism_->is_server()}));
}

Result<std::size_t> Session::on_bytes(ByteView bytes, MonoTime now, OutputQueue& out) {
    if (!bytes.empty()) heard(now);
    std::size_t used = 0;
    if (state_ == State::greeting) {
        FANTAIL_TRY(used, on_greeting(bytes, out));
        if (state_ == State::greeting) return used;
    }
    FANTAIL_TRY(const std::size_t frames, on_frames(bytes.subspan(used), out));
    return used + frames;
}

Result<std::size_t> Session::on_greeting(ByteView bytes, OutputQueue& out) {
    FANTAIL_CHECK(check_begin(bytes.first(std::min(bytes.size(), greeting_size))));
    if (bytes.size() < greeting_size) return 0;
    FANTAIL_TRY(peer_greeting_, decode_greeting(bytes.first(greeting_size)));
    if (peer_greeting_.mechanism != mechanism_->name()) {
        return fail(ErrorCode::not_authenticated, "the peer wants the mechanism " + peer_greeting_.mechanism +
                                                      ", here it is " + std::string(mechanism_->name()));
    }
    state_ = State::handshake;
    mechanism_->start(out);
    return greeting_size;
}

Session::Frame Session::read_header(ByteView bytes) {
    if (bytes.size() < 2) return {.flags = 0, .size = 0, .header = 0};
    if ((bytes[0] & flag_long) == 0) [[likely]]
        return {.flags = bytes[0], .size = bytes[1], .header = 2};
    if (bytes.size() < header_size_max) return {.flags = 0, .size = 0, .header = 0};
    return {.flags = bytes[0], .size = load_be<std::uint64_t>(bytes.data() + 1), .header = header_size_max};
}

Result<void> Session::check_frame(const Frame& frame) const {
    if ((frame.flags & flag_command) != 0) {
        if ((frame.flags & flag_more) != 0) return fail(ErrorCode::malformed, "a command with more parts to follow");
        if (frame.size > command_size_max) return fail(ErrorCode::too_large, "a command of more than 64 KiB");
        return {};
    }
    if (state_ != State::traffic) return fail(ErrorCode::malformed, "a message before the handshake was complete");
    const std::uint64_t rest = config_.message_size_max - std::min(config_.message_size_max, assembled_size_);
    const std::uint64_t overhead = is_assembling_ ? part_overhead : 0;
    if (frame.size > rest || frame.size + overhead > rest) {
        return fail(ErrorCode::too_large,
                    "a message larger than message_size_max, " + std::to_string(config_.message_size_max));
    }
    return {};
}

/// Messages of one small part, as long as they come: the hot path. Returns how many bytes they took.
std::size_t Session::take_small(ByteView bytes) {
    if (state_ != State::traffic || encrypts_ || takes_subscriptions_ || is_assembling_) return 0;
    const std::uint8_t* at = bytes.data();
    const std::uint8_t* const end = at + bytes.size();
    while (end - at >= 2 && at[0] == 0 && at[1] <= part::inline_max && end - at >= 2 + at[1] && !in_.full()) {
        in_.push_small({at + 2, at[1]});
        at += 2 + at[1];
    }
    return static_cast<std::size_t>(at - bytes.data());
}

Result<std::size_t> Session::on_frames(ByteView bytes, OutputQueue& out) {
    std::size_t used = 0;
    while (!is_large_) {
        used += take_small(bytes.subspan(used));
        const ByteView rest = bytes.subspan(used);
        const Frame frame = read_header(rest);
        if (frame.header == 0) break;
        FANTAIL_CHECK(check_frame(frame));
        const bool begins_message = (frame.flags & flag_command) == 0 && !is_assembling_;
        if (begins_message && in_.full()) break;
        if (frame.size > gathered_body_max) {
            const ByteView there =
                rest.subspan(frame.header)
                    .first(static_cast<std::size_t>(std::min<std::uint64_t>(rest.size() - frame.header, frame.size)));
            begin_large(frame, there);
            used += frame.header + there.size();
            FANTAIL_CHECK(on_body(0, heard_, out));
            continue;
        }
        const auto size = static_cast<std::size_t>(frame.size);
        if (rest.size() < frame.header + size) break;
        const ByteView body = rest.subspan(frame.header, size);
        used += frame.header + size;
        if ((frame.flags & flag_command) == 0) {
            FANTAIL_CHECK(on_message_frame(frame.flags, part(body), out));
            continue;
        }
        FANTAIL_CHECK(on_command(body, out));
    }
    return used;
}

void Session::begin_large(const Frame& frame, ByteView there) {
    is_large_ = true;
    large_flags_ = frame.flags;
    // Fresh memory of the kernel's costs nothing before it is written: a peer that promises much and sends little takes little.
    large_ = part::with_size(static_cast<std::size_t>(frame.size));
    if (!there.empty()) std::memcpy(large_.data(), there.data(), there.size());
    large_filled_ = there.size();
}

MutableBytes Session::body_room() {
    if (!is_large_) return {};
    return {large_.data() + large_filled_, large_.size() - large_filled_};
}

Result<void> Session::on_body(std::size_t size, MonoTime now, OutputQueue& out) {
    if (size > 0) heard(now);
    large_filled_ += size;
    if (large_filled_ < large_.size()) return {};
    is_large_ = false;
    if ((large_flags_ & flag_command) != 0) return on_command(std::exchange(large_, {}).bytes(), out);
    return on_message_frame(large_flags_, std::exchange(large_, {}), out);
}

void Session::push_single(part body) {
    message m(std::move(body));
    if (takes_subscriptions_ && !m[0].empty() && m[0].data()[0] <= 1) {
        const auto kind = m[0].data()[0] == 1 ? Inbound::subscribe : Inbound::cancel;
        m = message(m[0].bytes().subspan(1));
        m.set_tag(static_cast<std::uint32_t>(kind));
    }
    in_.push(std::move(m));
}

Result<void> Session::on_message_frame(std::uint8_t flags, part body, OutputQueue& out) {
    if (encrypts_) {
        FANTAIL_TRY(auto opened, mechanism_->open(body.bytes()));
        if ((opened.flags & Mechanism::sealed_command) != 0) return on_command(opened.body.bytes(), out);
        flags = opened.flags;
        body = std::move(opened.body);
    }
    if ((flags & flag_more) != 0 && !takes_parts(config_.kind))
        return fail(ErrorCode::malformed, "a message of several parts, from a pattern that has none");
    on_message_part(flags, std::move(body));
    return {};
}

void Session::on_message_part(std::uint8_t flags, part body) {
    const bool more = (flags & flag_more) != 0;
    if (!more && !is_assembling_) [[likely]]
        return push_single(std::move(body));
    assembled_size_ += body.size() + part_overhead;
    if (is_assembling_) assembling_.add(std::move(body));
    else assembling_ = message(std::move(body));
    is_assembling_ = more;
    if (more) return;
    in_.push(std::exchange(assembling_, {}));
    assembled_size_ = 0;
}

Result<void> Session::on_command(ByteView body, OutputQueue& out) {
    const Command command = parse_command(body);
    if (command.name.empty()) return fail(ErrorCode::malformed, "a command without a name");
    if (command.name == "ERROR") {
        Reader in(command.data);
        return fail(ErrorCode::not_authenticated, "the peer refused: " + std::string(in.text(in.u8())));
    }
    return state_ == State::handshake ? on_handshake(command, out) : on_traffic_command(command, out);
}

Result<void> Session::on_handshake(const Command& command, OutputQueue& out) {
    FANTAIL_CHECK(mechanism_->on_command(command, out));
    if (!mechanism_->is_complete()) return {};
    FANTAIL_CHECK(check_peer(out));
    state_ = State::traffic;
    handshake_until_ = MonoTime::never();
    return {};
}

/// Whether the peer's metadata fit.
Result<void> Session::check_peer(OutputQueue& out) const {
    const std::string* type = mechanism_->peer().find("Socket-Type");
    if (type != nullptr && !may_talk(config_.kind, *type)) {
        put_error(out, "Invalid socket type");
        return fail(ErrorCode::precondition_failed,
                    "a peer of type " + *type + " cannot talk to " + std::string(socket_type(config_.kind)));
    }
    const std::string* identity = mechanism_->peer().find("Identity");
    if (identity != nullptr && identity->size() > short_body_max) {
        put_error(out, "Invalid identity");
        return fail(ErrorCode::malformed, "a routing id of more than 255 bytes");
    }
    if (config_.needs_lane && lane().empty()) {
        put_error(out, "Lane required");
        return fail(ErrorCode::precondition_failed, "the peer knows nothing of lanes, and options::lane wants them");
    }
    return {};
}

Result<void> Session::on_traffic_command(const Command& command, OutputQueue& out) {
    if (command.name == "PING") return on_ping(command.data, out);
    if (command.name == "LANE" && config_.kind == Kind::lane_sender) {
        message m(command.data);
        m.set_tag(static_cast<std::uint32_t>(Inbound::lane));
        in_.push(std::move(m));
        return {};
    }
    const bool is_radio = config_.kind == Kind::radio;
    const bool adds = command.name == (is_radio ? "JOIN" : "SUBSCRIBE");
    if (is_radio && command.data.size() > short_body_max)
        return fail(ErrorCode::malformed, "a group of more than 255 bytes");
    if ((takes_subscriptions_ || is_radio) && (adds || command.name == (is_radio ? "LEAVE" : "CANCEL"))) {
        message m(command.data);
        m.set_tag(static_cast<std::uint32_t>(adds ? Inbound::subscribe : Inbound::cancel));
        in_.push(std::move(m));
    }
    return {};  // unknown commands are passed over, as everybody does: the way protocols grow
}

}  // namespace fantail::zmtp

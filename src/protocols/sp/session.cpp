// SPDX-License-Identifier: Apache-2.0
//! Both directions of SP.
#include "protocols/sp/session.hpp"

#include <algorithm>

#include "protocols/sp/wire.hpp"

namespace fantail::sp {

Session::Session(const Config& config, patterns::MessageQueue& in, Framing framing, Side side)
    : config_(config),
      in_(in),
      is_ipc_(framing == Framing::ipc),
      follows_peer_(config.kind == Kind::pair && side == Side::accepted),
      ours_(config.kind == Kind::pair && config.pair_v1 ? Protocol::pair_v1 : protocol_of(config.kind)),
      header_(header_of(ours_)) {}

void Session::start(MonoTime now, OutputQueue& out) {
    if (config_.handshake_timeout_ms > 0) handshake_until_ = now.plus_ms(config_.handshake_timeout_ms);
    if (!follows_peer_) out.append(encode_greeting(ours_));
}

Result<void> Session::on_timer(MonoTime now, OutputQueue&) {
    if (now < deadline()) return {};
    return fail(ErrorCode::unavailable, "the handshake took longer than its time-out");
}

Result<std::size_t> Session::on_bytes(ByteView bytes, MonoTime, OutputQueue& out) {
    std::size_t used = 0;
    if (!is_ready_) {
        FANTAIL_TRY(used, on_greeting(bytes, out));
        if (!is_ready_) return used;
    }
    FANTAIL_TRY(const std::size_t frames, on_frames(bytes.subspan(used)));
    return used + frames;
}

Result<std::size_t> Session::on_greeting(ByteView bytes, OutputQueue& out) {
    static constexpr std::uint8_t begin[] = {0, 'S', 'P', 0};
    const std::size_t there = std::min(bytes.size(), sizeof begin);
    if (!std::equal(begin, begin + there, bytes.begin())) return fail(ErrorCode::malformed, "no SP at the other end");
    if (bytes.size() < greeting_size) return 0;
    const auto theirs = static_cast<Protocol>(load_be<std::uint16_t>(bytes.data() + 4));
    if (follows_peer_ && (theirs == Protocol::pair || theirs == Protocol::pair_v1)) {
        ours_ = theirs;
        header_ = header_of(ours_);
    }
    if (theirs != peer_of(ours_)) {
        return fail(ErrorCode::precondition_failed,
                    "a peer that speaks " + name_of(theirs) + " cannot talk to " + name_of(ours_));
    }
    if (follows_peer_) out.append(encode_greeting(ours_));
    is_ready_ = true;
    if (ours_ == Protocol::publisher) {
        message everything;
        everything.set_tag(static_cast<std::uint32_t>(patterns::Inbound::subscribe));
        in_.push(std::move(everything));
    }
    return greeting_size;
}

Result<Session::Frame> Session::read_header(ByteView bytes) const {
    const std::size_t type = is_ipc_ ? 1 : 0;
    if (is_ipc_ && !bytes.empty() && bytes[0] != ipc_message) {
        return fail(ErrorCode::malformed, "a frame of unknown type " + std::to_string(bytes[0]));
    }
    if (bytes.size() < type + 8) return Frame{.header = 0, .size = 0};
    const auto size = load_be<std::uint64_t>(bytes.data() + type);
    if (size > config_.message_size_max) {
        return fail(ErrorCode::too_large,
                    "a message larger than message_size_max, " + std::to_string(config_.message_size_max));
    }
    return Frame{.header = type + 8, .size = size};
}

/// Small messages without a header, as long as they come: the hot path. Returns how many bytes they took.
std::size_t Session::take_small(ByteView bytes) {
    if (header_ != Header::none || config_.message_size_max < part::inline_max) return 0;
    const std::size_t type = is_ipc_ ? 1 : 0;
    const std::uint8_t* at = bytes.data();
    const std::uint8_t* const end = at + bytes.size();
    while (static_cast<std::size_t>(end - at) >= type + 8 && (type == 0 || at[0] == ipc_message)) {
        const auto size = load_be<std::uint64_t>(at + type);
        if (size > part::inline_max || static_cast<std::size_t>(end - at) - type - 8 < size || in_.full()) break;
        in_.push_small({at + type + 8, static_cast<std::size_t>(size)});
        at += type + 8 + size;
    }
    return static_cast<std::size_t>(at - bytes.data());
}

Result<std::size_t> Session::on_frames(ByteView bytes) {
    std::size_t used = 0;
    while (!is_large_) {
        used += take_small(bytes.subspan(used));
        const ByteView rest = bytes.subspan(used);
        FANTAIL_TRY(const Frame frame, read_header(rest));
        if (frame.header == 0 || in_.full()) break;
        const ByteView behind = rest.subspan(frame.header);
        if (frame.size > gathered_size_max) {
            const auto there = static_cast<std::size_t>(std::min<std::uint64_t>(behind.size(), frame.size));
            begin_large(frame.size, behind.first(there));
            used += frame.header + there;
            FANTAIL_CHECK(filled(0));
            continue;
        }
        const auto size = static_cast<std::size_t>(frame.size);
        if (behind.size() < size) break;
        used += frame.header + size;
        FANTAIL_CHECK(on_message(part(behind.first(size))));
    }
    return used;
}

void Session::begin_large(std::uint64_t size, ByteView there) {
    is_large_ = true;
    // Fresh memory of the kernel's costs nothing before it is written: a peer that promises much and sends little takes little.
    large_ = part::with_size(static_cast<std::size_t>(size));
    if (!there.empty()) std::memcpy(large_.data(), there.data(), there.size());
    large_filled_ = there.size();
}

MutableBytes Session::body_room() {
    if (!is_large_) return {};
    return {large_.data() + large_filled_, large_.size() - large_filled_};
}

Result<void> Session::on_body(std::size_t size, MonoTime, OutputQueue&) { return filled(size); }

Result<void> Session::filled(std::size_t size) {
    large_filled_ += size;
    if (large_filled_ < large_.size()) return {};
    is_large_ = false;
    return on_message(std::exchange(large_, {}));
}

Result<void> Session::on_message(part whole) {
    switch (header_) {
        case Header::none: in_.push(message(std::move(whole))); return {};
        case Header::hops: return on_hops(std::move(whole));
        case Header::words: return on_words(std::move(whole));
    }
    return {};
}

Result<void> Session::on_hops(part whole) {
    const std::uint32_t hops = whole.size() < word_size ? 0 : load_be<std::uint32_t>(whole.data());
    if (hops == 0 || hops > 0xFF) return fail(ErrorCode::malformed, "a message without a count of hops");
    if (hops > config_.ttl) return {};
    whole.skip(word_size);
    in_.push(message(std::move(whole)));
    return {};
}

/// Replies go back the way that their requests came: only those are counted.
bool Session::drops_what_went_far() const { return ours_ == Protocol::replier || ours_ == Protocol::respondent; }

Result<void> Session::on_words(part whole) {
    const std::size_t most = drops_what_went_far() ? std::min<std::size_t>(config_.ttl, words_max) : words_max;
    const std::size_t there = whole.size() / word_size;
    std::size_t words = 0;
    while (words < std::min(most, there) && (whole.data()[words * word_size] & 0x80) == 0) ++words;
    if (words == there) return fail(ErrorCode::malformed, "a message whose header has no request id");
    if (words == most) {
        if (drops_what_went_far()) return {};
        return fail(ErrorCode::malformed, "a reply with an endless header");
    }
    const std::size_t size = (words + 1) * word_size;
    message m(part(whole.bytes().first(word_size)));
    for (std::size_t at = word_size; at < size; at += word_size) m.add(part(whole.bytes().subspan(at, word_size)));
    m.add(part{});
    whole.skip(size);
    m.add(std::move(whole));
    in_.push(std::move(m));
    return {};
}

void Session::put_frame(std::uint64_t size, OutputQueue& out) const {
    std::uint8_t* at = out.room(frame_header_max);
    const std::size_t type = is_ipc_ ? 1 : 0;
    at[0] = ipc_message;
    store_be(at + type, size);
    out.commit(type + 8);
}

void Session::encode(message& m, OutputQueue& out) {
    const std::size_t words = header_ == Header::words ? count_words(m) : header_ == Header::hops ? 1 : 0;
    if (header_ == Header::words && words == 0) return;
    part& body = m[m.size() - 1];
    put_frame(words * word_size + body.size(), out);
    if (header_ == Header::hops) {
        store_be(out.room(word_size), std::uint32_t{1});
        out.commit(word_size);
    } else {
        for (std::size_t i = 0; i < words; ++i) out.append(m[i].bytes());
    }
    out.append_body(std::move(body));
    out.end_message();
}

}  // namespace fantail::sp

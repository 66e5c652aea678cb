// SPDX-License-Identifier: Apache-2.0
//! The handshake HELLO → WELCOME → INITIATE → READY, and MESSAGE.
//
//   HELLO     version 1.0 (2)  zeros (72)  C' (32)  nonce (8)  Box [zeros (64)](C'→S)
//   WELCOME   nonce (16)  Box [S' (32) cookie (96)](S→C')          cookie: nonce (16)  SecretBox [C' s'](K)
//   INITIATE  cookie (96)  nonce (8)  Box [C (32) vouch (96) metadata](C'→S')   vouch: nonce (16)  Box [C' S](C→S')
//   READY     nonce (8)  Box [metadata](S'→C')
//   MESSAGE   nonce (8)  Box [flags (1) data]     in a message frame; flags: bit 0 MORE, bit 1 COMMAND
#include "protocols/zmtp/curve.hpp"

#include "protocols/zmtp/curve_boxes.hpp"

namespace fantail::zmtp {

namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t cookie_size = 96;
constexpr std::size_t vouch_size = 96;
constexpr std::size_t hello_padding = 72;
constexpr std::size_t hello_signature = 64;
constexpr std::string_view message_name = "\7MESSAGE";

std::unexpected<Error> forged(const char* what) {
    return fail(ErrorCode::not_authenticated, std::string("CURVE: ") + what + " was not made with the right key");
}
std::unexpected<Error> wrong_size(const char* what) {
    return fail(ErrorCode::malformed, std::string("CURVE: malformed ") + what);
}

/// What both sides share: the session's key and the counting of nonces.
class Curve : public Mechanism {
public:
    Curve(Bytes own_metadata, std::string_view send_prefix, std::string_view receive_prefix)
        : Mechanism(std::move(own_metadata)), send_prefix_(send_prefix), receive_prefix_(receive_prefix) {}
    ~Curve() override { sodium_memzero(key_.data(), key_.size()); }
    std::string_view name() const override { return "CURVE"; }
    bool encrypts() const override { return true; }

    void seal(ByteView body, std::uint8_t flags, OutputQueue& out) override {
        plain_.resize(body.size() + 1);
        plain_[0] = flags;
        if (!body.empty()) std::memcpy(plain_.data() + 1, body.data(), body.size());
        const auto number = next_number();
        const std::size_t size = message_name.size() + short_nonce_size + plain_.size() + box_overhead;
        part frame = part::with_size(size);
        std::memcpy(frame.data(), message_name.data(), message_name.size());
        std::memcpy(frame.data() + message_name.size(), number.data(), number.size());
        put_box(plain_, nonce_of(send_prefix_, number), frame.data() + message_name.size() + short_nonce_size);
        out.commit(put_header(out.room(header_size_max), 0, size));
        out.append_body(std::move(frame));
    }
    Result<Opened> open(ByteView frame) override {
        if (!as_text(frame).starts_with(message_name)) return wrong_size("MESSAGE");
        frame = frame.subspan(message_name.size());
        if (frame.size() < short_nonce_size + box_overhead + 1) return wrong_size("MESSAGE");
        FANTAIL_TRY(const Bytes plain, open_short(frame, receive_prefix_, "MESSAGE"));
        return Opened{.flags = plain[0], .body = part(ByteView(plain).subspan(1))};
    }

protected:
    void share_key(const CurveKey& theirs, const CurveKey& own_secret) {
        is_key_good_ = crypto_box_beforenm(key_.data(), theirs.data(), own_secret.data()) == 0;
    }
    [[nodiscard]] bool is_key_good() const { return is_key_good_; }
    [[nodiscard]] std::array<std::uint8_t, short_nonce_size> next_number() { return short_nonce(++sent_); }
    /// Numbers only grow: a repeated one is a replay.
    [[nodiscard]] bool is_new(std::uint64_t number) { return number > received_ && (received_ = number, true); }
    void put_box(ByteView plain, const Nonce& nonce, std::uint8_t* to) const {
        crypto_box_easy_afternm(to, plain.data(), plain.size(), nonce.data(), key_.data());
    }
    /// Opens `number (8) box` with the session's key.
    [[nodiscard]] Result<Bytes> open_short(ByteView bytes, std::string_view prefix, const char* what) {
        const ByteView number = bytes.first(short_nonce_size);
        const ByteView box = bytes.subspan(short_nonce_size);
        if (box.size() < box_overhead) return wrong_size(what);
        if (!is_new(load_be<std::uint64_t>(number.data())))
            return fail(ErrorCode::malformed, "CURVE: a nonce was used again");
        Bytes plain(box.size() - box_overhead);
        const Nonce nonce = nonce_of(prefix, number);
        if (crypto_box_open_easy_afternm(plain.data(), box.data(), box.size(), nonce.data(), key_.data()) != 0)
            return forged(what);
        return plain;
    }

private:
    std::string_view send_prefix_;
    std::string_view receive_prefix_;
    CurveKey key_{};
    bool is_key_good_ = false;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    Bytes plain_;  ///< used again for each message sent
};

class CurveClientSide final : public Curve {
public:
    CurveClientSide(const CurveClient& keys, Bytes own_metadata)
        : Curve(std::move(own_metadata), "CurveZMQMESSAGEC", "CurveZMQMESSAGES"), keys_(keys) {}

    void start(OutputQueue& out) override {
        Bytes data;
        Writer writer(data);
        writer.u8(1);
        writer.u8(0);
        writer.raw(Bytes(hello_padding, 0));
        writer.raw(ByteView(transient_.open));
        const auto number = next_number();
        writer.raw(ByteView(number));
        writer.raw(
            seal_box(Bytes(hello_signature, 0), nonce_of("CurveZMQHELLO---", number), keys_.server, transient_.secret));
        put_command(out, "HELLO", data);
    }
    Result<void> on_command(const Command& command, OutputQueue& out) override {
        if (!is_welcome_ && command.name == "WELCOME") return on_welcome(command.data, out);
        if (!is_welcome_ || command.name != "READY") {
            return fail(ErrorCode::unsupported, "the command '" + std::string(command.name) + "' is out of turn");
        }
        if (command.data.size() < short_nonce_size) return wrong_size("READY");
        FANTAIL_TRY(const Bytes metadata, open_short(command.data, "CurveZMQREADY---", "READY"));
        return complete(metadata);
    }

private:
    Result<void> on_welcome(ByteView data, OutputQueue& out) {
        if (data.size() != long_nonce_size + key_size + cookie_size + box_overhead) return wrong_size("WELCOME");
        const Nonce nonce = nonce_of("WELCOME-", data.first(long_nonce_size));
        const auto welcome = open_box(data.subspan(long_nonce_size), nonce, keys_.server, transient_.secret);
        if (!welcome) return forged("WELCOME");
        const CurveKey server_transient = key_at(*welcome, 0);
        share_key(server_transient, transient_.secret);
        if (!is_key_good()) return forged("WELCOME");
        is_welcome_ = true;
        send_initiate(server_transient, ByteView(*welcome).subspan(key_size), out);
        return {};
    }
    void send_initiate(const CurveKey& server_transient, ByteView cookie, OutputQueue& out) {
        Bytes plain;
        Writer writer(plain);
        writer.raw(ByteView(curve_public_key(keys_.secret)));
        const auto vouch_nonce = long_nonce();
        writer.raw(ByteView(vouch_nonce));
        Bytes vouch = to_bytes(transient_.open);
        append(vouch, keys_.server);
        writer.raw(seal_box(vouch, nonce_of("VOUCH---", vouch_nonce), server_transient, keys_.secret));
        writer.raw(own_metadata());
        Bytes data = to_bytes(cookie);
        const auto number = next_number();
        append(data, number);
        const std::size_t at = data.size();
        data.resize(at + plain.size() + box_overhead);
        put_box(plain, nonce_of("CurveZMQINITIATE", number), data.data() + at);
        put_command(out, "INITIATE", data);
    }

    CurveClient keys_;
    KeyPair transient_;
    bool is_welcome_ = false;
};

class CurveServerSide final : public Curve {
public:
    CurveServerSide(const CurveServer& server, Bytes own_metadata)
        : Curve(std::move(own_metadata), "CurveZMQMESSAGES", "CurveZMQMESSAGEC"), server_(server) {
        randombytes_buf(cookie_key_.data(), cookie_key_.size());
    }
    ~CurveServerSide() override { sodium_memzero(cookie_key_.data(), cookie_key_.size()); }
    bool is_server() const override { return true; }
    void start(OutputQueue&) override {}
    Result<void> on_command(const Command& command, OutputQueue& out) override {
        if (!is_greeted_ && command.name == "HELLO") return on_hello(command.data, out);
        if (is_greeted_ && command.name == "INITIATE") return on_initiate(command.data, out);
        return fail(ErrorCode::unsupported, "the command '" + std::string(command.name) + "' is out of turn");
    }

private:
    Result<void> on_hello(ByteView data, OutputQueue& out) {
        if (data.size() != 2 + hello_padding + key_size + short_nonce_size + hello_signature + box_overhead)
            return wrong_size("HELLO");
        if (data[0] != 1 || data[1] != 0) return fail(ErrorCode::unsupported, "CURVE: a version other than 1.0");
        const CurveKey client = key_at(data, 2 + hello_padding);
        const ByteView number = data.subspan(2 + hello_padding + key_size, short_nonce_size);
        const auto signature = open_box(data.last(hello_signature + box_overhead), nonce_of("CurveZMQHELLO---", number),
                                        client, server_.secret);
        if (!signature) return forged("HELLO");
        static_cast<void>(is_new(load_be<std::uint64_t>(number.data())));
        is_greeted_ = true;
        send_welcome(client, out);
        return {};
    }
    /// The transient keys travel in the cookie: until the client brings it back, nothing but its key is kept.
    void send_welcome(const CurveKey& client, OutputQueue& out) const {
        const KeyPair transient;
        Bytes keys = to_bytes(client);
        append(keys, transient.secret);
        const auto cookie_nonce = long_nonce();
        Bytes box(keys.size() + box_overhead);
        crypto_secretbox_easy(box.data(), keys.data(), keys.size(), nonce_of("COOKIE--", cookie_nonce).data(),
                              cookie_key_.data());
        sodium_memzero(keys.data(), keys.size());
        Bytes plain = to_bytes(transient.open);
        append(plain, cookie_nonce);
        append(plain, box);
        const auto nonce = long_nonce();
        Bytes data = to_bytes(nonce);
        append(data, seal_box(plain, nonce_of("WELCOME-", nonce), client, server_.secret));
        put_command(out, "WELCOME", data);
    }
    Result<void> on_initiate(ByteView data, OutputQueue& out) {
        if (data.size() < cookie_size + short_nonce_size + box_overhead + key_size + vouch_size)
            return wrong_size("INITIATE");
        Bytes keys(2 * key_size);
        const ByteView cookie = data.first(cookie_size);
        const Nonce nonce = nonce_of("COOKIE--", cookie.first(long_nonce_size));
        const ByteView box = cookie.subspan(long_nonce_size);
        if (crypto_secretbox_open_easy(keys.data(), box.data(), box.size(), nonce.data(), cookie_key_.data()) != 0)
            return forged("the cookie");
        const CurveKey client_transient = key_at(keys, 0);
        CurveKey own_transient = key_at(keys, key_size);
        share_key(client_transient, own_transient);
        auto done = is_key_good() ? check_client(data.subspan(cookie_size), client_transient, own_transient, out)
                                  : forged("INITIATE");
        sodium_memzero(own_transient.data(), own_transient.size());
        sodium_memzero(keys.data(), keys.size());
        return done;
    }
    Result<void> check_client(ByteView data, const CurveKey& client_transient, const CurveKey& own_transient,
                              OutputQueue& out) {
        FANTAIL_TRY(const Bytes plain, open_short(data, "CurveZMQINITIATE", "INITIATE"));
        const CurveKey client = key_at(plain, 0);
        const ByteView vouch = ByteView(plain).subspan(key_size, vouch_size);
        const Nonce nonce = nonce_of("VOUCH---", vouch.first(long_nonce_size));
        const auto vouched = open_box(vouch.subspan(long_nonce_size), nonce, client, own_transient);
        Bytes expected = to_bytes(client_transient);
        append(expected, curve_public_key(server_.secret));
        if (!vouched || *vouched != expected) return forged("the vouch");
        if (server_.admit && !server_.admit(client)) {
            put_error(out, "Access denied");
            return fail(ErrorCode::not_authenticated, "the client of key " + to_z85(client) + " was not let in");
        }
        FANTAIL_CHECK(complete(ByteView(plain).subspan(key_size + vouch_size)));
        send_ready(out);
        return {};
    }
    void send_ready(OutputQueue& out) {
        const auto number = next_number();
        Bytes data = to_bytes(number);
        data.resize(short_nonce_size + own_metadata().size() + box_overhead);
        put_box(own_metadata(), nonce_of("CurveZMQREADY---", number), data.data() + short_nonce_size);
        put_command(out, "READY", data);
    }

    CurveServer server_;
    CurveKey cookie_key_;
    bool is_greeted_ = false;
};

}  // namespace

std::unique_ptr<Mechanism> make_curve(const CurveClient& client, Bytes own_metadata) {
    return std::make_unique<CurveClientSide>(client, std::move(own_metadata));
}
std::unique_ptr<Mechanism> make_curve(const CurveServer& server, Bytes own_metadata) {
    return std::make_unique<CurveServerSide>(server, std::move(own_metadata));
}

}  // namespace fantail::zmtp

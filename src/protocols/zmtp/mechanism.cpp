// SPDX-License-Identifier: Apache-2.0
//! NULL (RFC 37) and PLAIN (RFC 24).
#include "protocols/zmtp/mechanism.hpp"

#include "protocols/zmtp/curve.hpp"

namespace fantail::zmtp {

void put_error(OutputQueue& out, std::string_view reason) {
    Bytes data;
    Writer writer(data);
    reason = reason.substr(0, short_body_max);
    writer.u8(static_cast<std::uint8_t>(reason.size()));
    writer.raw(reason);
    put_command(out, "ERROR", data);
}

void Mechanism::seal(ByteView, std::uint8_t, OutputQueue&) { FANTAIL_ASSERT(!"a mechanism that does not encrypt"); }

Result<Mechanism::Opened> Mechanism::open(ByteView) {
    return fail(ErrorCode::internal, "a mechanism that does not encrypt");
}

Result<void> Mechanism::complete(ByteView metadata) {
    FANTAIL_TRY(peer_, Metadata::decode(metadata));
    is_complete_ = true;
    return {};
}

static std::unexpected<Error> out_of_turn(const Command& command) {
    return fail(ErrorCode::unsupported,
                "the command '" + std::string(command.name) + "' does not belong here in the handshake");
}

namespace {

/// Both ends send READY.
class Null final : public Mechanism {
public:
    using Mechanism::Mechanism;
    std::string_view name() const override { return "NULL"; }
    void start(OutputQueue& out) override { put_command(out, "READY", own_metadata()); }
    Result<void> on_command(const Command& command, OutputQueue&) override {
        if (command.name != "READY") return out_of_turn(command);
        return complete(command.data);
    }
};

/// HELLO → WELCOME → INITIATE → READY, the side of HELLO.
class PlainClientSide final : public Mechanism {
public:
    PlainClientSide(const PlainClient& login, Bytes own_metadata) : Mechanism(std::move(own_metadata)), login_(login) {}
    std::string_view name() const override { return "PLAIN"; }
    void start(OutputQueue& out) override {
        Bytes data;
        Writer writer(data);
        for (const std::string& field : {login_.user, login_.password}) {
            writer.u8(static_cast<std::uint8_t>(std::min(field.size(), short_body_max)));
            writer.raw(std::string_view(field).substr(0, short_body_max));
        }
        put_command(out, "HELLO", data);
    }
    Result<void> on_command(const Command& command, OutputQueue& out) override {
        if (!is_welcome_ && command.name == "WELCOME" && command.data.empty()) {
            is_welcome_ = true;
            put_command(out, "INITIATE", own_metadata());
            return {};
        }
        if (is_welcome_ && command.name == "READY") return complete(command.data);
        return out_of_turn(command);
    }

private:
    PlainClient login_;
    bool is_welcome_ = false;
};

/// The other side.
class PlainServerSide final : public Mechanism {
public:
    PlainServerSide(const PlainServer& server, Bytes own_metadata)
        : Mechanism(std::move(own_metadata)), server_(server) {}
    std::string_view name() const override { return "PLAIN"; }
    bool is_server() const override { return true; }
    void start(OutputQueue&) override {}
    Result<void> on_command(const Command& command, OutputQueue& out) override {
        if (!is_admitted_ && command.name == "HELLO") return on_hello(command.data, out);
        if (!is_admitted_ || command.name != "INITIATE") return out_of_turn(command);
        FANTAIL_CHECK(complete(command.data));
        put_command(out, "READY", own_metadata());
        return {};
    }

private:
    Result<void> on_hello(ByteView data, OutputQueue& out) {
        Reader in(data);
        const std::string user(in.text(in.u8()));
        const std::string password(in.text(in.u8()));
        if (!in.done()) return fail(ErrorCode::malformed, "malformed HELLO");
        if (!server_.admit || !server_.admit(user, password)) {
            put_error(out, "Access denied");
            return fail(ErrorCode::not_authenticated, "user '" + user + "' was not let in");
        }
        is_admitted_ = true;
        put_command(out, "WELCOME", {});
        return {};
    }

    PlainServer server_;
    bool is_admitted_ = false;
};

}  // namespace

std::unique_ptr<Mechanism> make_mechanism(const Security& security, Bytes own_metadata) {
    if (const auto* client = std::get_if<PlainClient>(&security)) {
        return std::make_unique<PlainClientSide>(*client, std::move(own_metadata));
    }
    if (const auto* server = std::get_if<PlainServer>(&security)) {
        return std::make_unique<PlainServerSide>(*server, std::move(own_metadata));
    }
    if (const auto* client = std::get_if<CurveClient>(&security)) return make_curve(*client, std::move(own_metadata));
    if (const auto* server = std::get_if<CurveServer>(&security)) return make_curve(*server, std::move(own_metadata));
    return std::make_unique<Null>(std::move(own_metadata));
}

}  // namespace fantail::zmtp

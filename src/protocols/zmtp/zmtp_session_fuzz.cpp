// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the ZMTP session: a peer that sends anything, in pieces of any size.
//
// The first byte chooses pattern, lane, mechanism and whether a valid handshake comes first; the second the size of the pieces.
// Memory is bounded by the limits, and what cannot be received yet is at most a frame that is to be gathered.
#include "protocols/zmtp/session.hpp"

#include "patterns/wire_end.hpp"

namespace fantail::zmtp {
namespace {

constexpr std::uint64_t message_size_max = 1u << 16;

Config config_of(std::uint8_t choice) {
    static constexpr Kind kinds[] = {Kind::pull, Kind::publisher, Kind::router, Kind::subscriber};
    Config config{.kind = kinds[choice & 3], .message_size_max = message_size_max};
    if ((choice & 32) != 0) {
        config.kind = Kind::lane_sender;
        config.lane = std::string(17, '\1');
    }
    if ((choice & 4) != 0)
        config.security = PlainServer{[](const std::string& user, const std::string&) { return user == "u"; }};
    if ((choice & 8) != 0) config.security = PlainClient{"u", "p"};
    return config;
}

Bytes handshake_for(Kind kind) {
    static constexpr const char* peers[] = {"PUSH", "SUB", "DEALER", "PUB"};
    const std::size_t at = kind == Kind::pull ? 0 : kind == Kind::publisher ? 1 : kind == Kind::router ? 2 : 3;
    patterns::ChunkPool pool;
    OutputQueue out(pool);
    out.append(encode(Greeting{.mechanism = "NULL"}));
    Metadata metadata;
    metadata.add("Socket-Type", kind == Kind::lane_sender ? "PULL" : peers[at]);
    if (kind == Kind::lane_sender) metadata.add("X-Fantail-Lane", std::string(17, '\1'));
    put_command(out, "READY", metadata.encode());
    ByteView piece;
    FANTAIL_ASSERT(out.gather({&piece, 1}) == 1);
    return to_bytes(piece);
}

class Run final : patterns::WireEnd {
public:
    explicit Run(std::uint8_t choice) : WireEnd({.messages_max = 8}), config_(config_of(choice)) {
        start(session_);
        if ((choice & 16) != 0 && std::holds_alternative<NullSecurity>(config_.security))
            hears(handshake_for(config_.kind));
    }
    /// False once the session has ended.
    bool hears(ByteView bytes) {
        if (!give(as_text(bytes))) return false;
        FANTAIL_ASSERT(in.full() || held.size() < gathered_body_max + header_size_max);
        check_messages();
        return true;
    }
    void tick(std::int64_t ms) { static_cast<void>(session_.on_timer(MonoTime{}.plus_ms(ms), out)); }

private:
    void check_messages() {
        message m;
        while (in.pop(m)) {
            FANTAIL_ASSERT(session_.is_ready());
            FANTAIL_ASSERT(m.bytes_total() <= message_size_max + command_size_max);
            if (m.tag() == static_cast<std::uint32_t>(patterns::Inbound::lane))
                FANTAIL_ASSERT(config_.kind == Kind::lane_sender);
            else if (m.tag() != 0) FANTAIL_ASSERT(takes_subscriptions(config_.kind));
            session_.encode(m, out);
        }
        out.clear();
    }

    Config config_;
    Session session_{config_, in};
};

}  // namespace
}  // namespace fantail::zmtp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    if (size < 2) return 0;
    zmtp::Run run(data[0]);
    const std::size_t step = std::size_t{data[1]} + 1;
    ByteView rest(data + 2, size - 2);
    while (!rest.empty()) {
        const ByteView now = rest.first(std::min(step, rest.size()));
        if (!run.hears(now)) return 0;
        rest = rest.subspan(now.size());
    }
    run.tick(1'000'000);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the ZMTP session behind CURVE: a peer that has good keys and says what it likes in the boxes.
//
//   input   choice (1)  step (1)  at (1)  change (1)  size (1)  metadata (size)  *( flags (1)  size (1)  body )
// choice: bit 0 the client is tested instead of the server. The command of number `step` is changed by one byte, unless change is 0. Random
// numbers are fixed, so that a finding can be repeated.
#include <sodium.h>

#include <optional>

#include "protocols/zmtp/curve.hpp"
#include "protocols/zmtp/session.hpp"

namespace fantail::zmtp {
namespace {

constexpr std::uint64_t message_size_max = 1u << 16;
std::uint64_t random_state = 1;

std::uint32_t next_random() {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(random_state >> 32);
}
void fill_random(void* into, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        static_cast<std::uint8_t*>(into)[i] = static_cast<std::uint8_t>(next_random());
}
randombytes_implementation fixed_random{.implementation_name = [] { return "fixed"; },
                                        .random = next_random,
                                        .stir = nullptr,
                                        .uniform = nullptr,
                                        .buf = fill_random,
                                        .close = nullptr};

Bytes take(OutputQueue& out) {
    Bytes all;
    while (!out.empty()) {
        ByteView piece;
        FANTAIL_ASSERT(out.gather({&piece, 1}) == 1);
        append(all, piece);
        out.consumed(piece.size());
    }
    return all;
}

class Run {
public:
    Run(bool tests_client, Reader& in)
        : step_(in.u8()),
          at_(in.u8()),
          change_(in.u8()),
          metadata_(to_bytes(in.take(std::min<std::size_t>(in.u8(), in.left())))) {
        CurveKey server{1};
        CurveKey client{2};
        const CurveClient as_client{.server = curve_public_key(server), .secret = client};
        const CurveServer as_server{.secret = server, .admit = {}};
        if (tests_client) config_.security = as_client;
        else config_.security = as_server;
        peer_ = tests_client ? make_curve(as_server, metadata_) : make_curve(as_client, metadata_);
        session_.emplace(config_, in_);
    }
    bool handshake() {
        session_->start({}, out_);
        take(out_);
        give(encode(Greeting{.mechanism = "CURVE"}));
        peer_->start(peer_out_);
        for (int turn = 0; turn < 4 && !is_over_ && !session_->is_ready(); ++turn) {
            if (!give_command(take(peer_out_)) || !answer(take(out_))) return false;
        }
        return !is_over_ && session_->is_ready() && peer_->is_complete();
    }
    void traffic(Reader& in) {
        while (in.left() > 2 && !is_over_) {
            const std::uint8_t flags = in.u8();
            const std::size_t size = std::min<std::size_t>(in.u8(), in.left());
            peer_->seal(in.take(size), flags, peer_out_);
            give_command(take(peer_out_));
            check_messages();
        }
    }

private:
    bool give_command(Bytes bytes) {
        if (change_ != 0 && step_ == commands_++ && !bytes.empty()) bytes[at_ % bytes.size()] ^= change_;
        return give(bytes);
    }
    bool give(ByteView bytes) {
        append(held_, bytes);
        const auto used = session_->on_bytes(held_, {}, out_);
        is_over_ = !used;
        if (used) held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(*used));
        return !is_over_;
    }
    /// What the tested end said, a command at a time, to its peer.
    bool answer(const Bytes& bytes) {
        Reader in(bytes);
        while (in.left() > 2) {
            const std::uint8_t flags = in.u8();
            const std::uint64_t size = (flags & flag_long) != 0 ? in.u64() : in.u8();
            const Command command = parse_command(in.take(static_cast<std::size_t>(size)));
            if (in.failed() || !peer_->on_command(command, peer_out_)) return false;
        }
        return true;
    }
    void check_messages() {
        message m;
        while (in_.pop(m)) {
            FANTAIL_ASSERT(m.bytes_total() <= message_size_max + command_size_max);
            session_->encode(m, out_);
        }
        out_.clear();
    }

    std::uint8_t step_;
    std::uint8_t at_;
    std::uint8_t change_;
    Bytes metadata_;
    Config config_{.kind = Kind::xpublisher,
                   .routing_id = {},
                   .resource = {},
                   .security = {},
                   .message_size_max = message_size_max};
    patterns::MessageQueue in_{{.messages_max = 8}};
    patterns::ChunkPool pool_;
    OutputQueue out_{pool_};
    OutputQueue peer_out_{pool_};
    std::unique_ptr<Mechanism> peer_;
    std::optional<Session> session_;
    Bytes held_;
    unsigned commands_ = 0;
    bool is_over_ = false;
};

}  // namespace
}  // namespace fantail::zmtp

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    randombytes_set_implementation(&fantail::zmtp::fixed_random);
    return sodium_init() < 0 ? 1 : 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    zmtp::random_state = 1;
    Reader in({data, size});
    const bool tests_client = (in.u8() & 1) != 0;
    if (in.left() < 4) return 0;
    zmtp::Run run(tests_client, in);
    if (run.handshake()) run.traffic(in);
    return 0;
}

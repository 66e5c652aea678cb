// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the SP session: a peer that sends anything, in pieces of any size.
//
// The first byte chooses pattern, framing, side and whether a valid greeting comes first; the second the size of the pieces. What is
// received is sent back, so that what was decoded must be encodable.
#include "protocols/sp/session.hpp"
#include "protocols/sp/wire.hpp"

namespace fantail::sp {
namespace {

constexpr std::uint64_t message_size_max = 1u << 16;
constexpr Kind kinds[] = {Kind::pull,      Kind::publisher, Kind::pair,       Kind::replier,
                          Kind::requester, Kind::router,    Kind::respondent, Kind::bus};

class Run {
public:
    explicit Run(std::uint8_t choice)
        : config_{.kind = kinds[choice & 7],
                  .pair_v1 = (choice & 64) != 0,
                  .ttl = 4,
                  .message_size_max = message_size_max},
          session_(config_, in_, (choice & 8) != 0 ? Framing::ipc : Framing::tcp,
                   (choice & 16) != 0 ? Side::accepted : Side::connected) {
        session_.start({}, out_);
        if ((choice & 32) != 0) give(encode_greeting(peer_of(session_.ours())));
    }
    /// False once the session has ended.
    bool give(ByteView bytes) {
        if (const MutableBytes room = session_.body_room(); !room.empty()) {
            const std::size_t now = std::min(room.size(), bytes.size());
            std::memcpy(room.data(), bytes.data(), now);
            if (!session_.on_body(now, {}, out_)) return false;
            bytes = bytes.subspan(now);
        }
        append(held_, bytes);
        const auto used = session_.on_bytes(held_, {}, out_);
        if (!used) return false;
        FANTAIL_ASSERT(*used <= held_.size());
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(*used));
        FANTAIL_ASSERT(in_.full() || held_.size() < gathered_size_max + frame_header_max);
        send_back();
        return true;
    }

private:
    void send_back() {
        message m;
        while (in_.pop(m)) {
            FANTAIL_ASSERT(session_.is_ready());
            FANTAIL_ASSERT(m.bytes_total() <= message_size_max);
            const std::size_t size = m.bytes_total();
            const std::size_t more = header_of(session_.ours()) == Header::hops ? word_size : 0;
            out_.clear();
            session_.encode(m, out_);
            FANTAIL_ASSERT(m.tag() != 0 || out_.bytes() >= size + more + 8);
        }
        out_.clear();
    }

    Config config_;
    patterns::MessageQueue in_{{.messages_max = 8}};
    patterns::ChunkPool pool_;
    OutputQueue out_{pool_};
    Bytes held_;
    Session session_;
};

}  // namespace
}  // namespace fantail::sp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    if (size < 2) return 0;
    sp::Run run(data[0]);
    const std::size_t step = std::size_t{data[1]} + 1;
    ByteView rest(data + 2, size - 2);
    while (!rest.empty()) {
        const ByteView now = rest.first(std::min(step, rest.size()));
        if (!run.give(now)) return 0;
        rest = rest.subspan(now.size());
    }
    return 0;
}

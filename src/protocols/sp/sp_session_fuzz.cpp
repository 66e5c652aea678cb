// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the SP session: a peer that sends anything, in pieces of any size.
//
// The first byte chooses pattern, framing, side and whether a valid greeting comes first; the second the size of the pieces. What is
// received is sent back, so that what was decoded must be encodable.
#include "patterns/wire_end.hpp"
#include "protocols/sp/session.hpp"
#include "protocols/sp/wire.hpp"

namespace fantail::sp {
namespace {

constexpr std::uint64_t message_size_max = 1u << 16;
constexpr Kind kinds[] = {Kind::pull,      Kind::publisher, Kind::pair,       Kind::replier,
                          Kind::requester, Kind::router,    Kind::respondent, Kind::bus};

class Run final : patterns::WireEnd {
public:
    explicit Run(std::uint8_t choice)
        : WireEnd({.messages_max = 8}),
          config_{
              .kind = kinds[choice & 7], .pair_v1 = (choice & 64) != 0, .ttl = 4, .message_size_max = message_size_max},
          session_(config_, in, (choice & 8) != 0 ? Framing::ipc : Framing::tcp,
                   (choice & 16) != 0 ? Side::accepted : Side::connected) {
        start(session_);
        if ((choice & 32) != 0) hears(encode_greeting(peer_of(session_.ours())));
    }
    /// False once the session has ended.
    bool hears(ByteView bytes) {
        if (!give(as_text(bytes))) return false;
        FANTAIL_ASSERT(in.full() || held.size() < gathered_size_max + frame_header_max);
        send_back();
        return true;
    }

private:
    void send_back() {
        message m;
        while (in.pop(m)) {
            FANTAIL_ASSERT(session_.is_ready());
            FANTAIL_ASSERT(m.bytes_total() <= message_size_max);
            const std::size_t size = m.bytes_total();
            const std::size_t more = header_of(session_.ours()) == Header::hops ? word_size : 0;
            out.clear();
            session_.encode(m, out);
            FANTAIL_ASSERT(m.tag() != 0 || out.bytes() >= size + more + 8);
        }
        out.clear();
    }

    Config config_;
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
        if (!run.hears(now)) return 0;
        rest = rest.subspan(now.size());
    }
    return 0;
}

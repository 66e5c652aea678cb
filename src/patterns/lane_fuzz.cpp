// SPDX-License-Identifier: Apache-2.0
//! Fuzzes both ends of a lane: a peer that says and sends anything, over any connections.
//
// Each step is a byte: what happens, and how many bytes of what follows it takes (0–31). No input may crash an end, make the sender
// forget what is not acknowledged by a number it was told, or make the receiver give a number twice that nobody wanted again.
#include <map>

#include "patterns/lane_test_support.hpp"

namespace fantail::patterns {
namespace {

class Scene {
public:
    Scene() : sender_({.journal = {.messages_max = 8}, .attempts_max = 2}), receiver_({.lanes_max = 4}) {
        sender_.attach(receiving_peer_);
        receiver_.attach(sending_peer_);
    }
    void step(std::uint8_t what, byte_view bytes) {
        switch (what & 7) {
            case 0: return join(sender_, receiving_peer_, id_of(bytes.empty() ? 0 : bytes[0]));
            case 1: return sender_.lost(receiving_peer_);
            case 2: return say(bytes);
            case 3: return send();
            case 4: return join(receiver_, sending_peer_, id_of(bytes.empty() ? 0 : bytes[0] & 3));
            case 5: return receiver_.lost(sending_peer_);
            case 6: return frame(bytes);
            default: return receive();
        }
    }

private:
    static void join(Pattern& pattern, LanePeer& peer, const LaneId& id) {
        pattern.lost(peer);
        peer.rejected.clear();
        connect(pattern, peer, id);
    }
    void say(byte_view bytes) {
        if (receiving_peer_.rejected.empty()) receiving_peer_.says(sender_, message(bytes));
        now_ = now_.plus_ms(60'000);
        sender_.tick(now_);
    }
    void send() {
        message m("work");
        static_cast<void>(sender_.send(m));
        FANTAIL_ASSERT(sender_.unsettled() <= 8);
        receiving_peer_.sent.clear();
    }
    void frame(byte_view bytes) {
        message m(bytes);
        m.add("work");
        sending_peer_.in.push(std::move(m));
        receiver_.readable(sending_peer_);
    }
    void receive() {
        message m;
        while (receiver_.receive(m) == Outcome::done) {
            const LaneGiven given = decode_lane_given(m[0].bytes());
            FANTAIL_ASSERT(given.number > given_[given.lane]);
            given_[given.lane] = given.number;
            FANTAIL_ASSERT(receiver_.settle(done(given.lane, given.number.value)) == Outcome::done);
        }
        sending_peer_.told.clear();
    }

    LaneSender sender_;
    LaneReceiver receiver_;
    LanePeer receiving_peer_;
    LanePeer sending_peer_;
    std::map<LaneId, LaneNumber> given_;
    MonoTime now_;
};

}  // namespace
}  // namespace fantail::patterns

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail;
    patterns::Scene scene;
    ByteView rest(data, size);
    while (!rest.empty()) {
        const std::uint8_t what = rest[0];
        rest = rest.subspan(1);
        const ByteView now = rest.first(std::min<std::size_t>(what >> 3, rest.size()));
        scene.step(what, now);
        rest = rest.subspan(now.size());
    }
    return 0;
}

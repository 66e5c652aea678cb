// SPDX-License-Identifier: Apache-2.0
//! To all, and what comes back.
#include "patterns/broadcast.hpp"

namespace fantail::patterns {

/// Set in every survey id: it ends the envelope where envelopes are of words.
static constexpr std::uint32_t id_mark = 0x8000'0000;

static void send_to_all(const FairQueue& peers, const message& m) {
    for (Peer* peer : peers) {
        if (!peer->is_ready) continue;
        message copy = m.share();
        static_cast<void>(peer->send(copy));  // whoever has no room misses it
    }
}

Outcome Surveyor::send(message& m) {
    part id = part::with_size(4);
    store_be(id.data(), ++survey_id_ | id_mark);
    m.add_first(part{});
    m.add_first(std::move(id));
    send_to_all(in_, m);
    m = {};
    is_asking_ = true;
    until_ = now().plus_ms(survey_ms_);
    return Outcome::done;
}

bool Surveyor::is_answer(const message& m) const {
    return m.size() > 2 && m[0].size() == 4 && m[1].empty() &&
           load_be<std::uint32_t>(m[0].data()) == (survey_id_ | id_mark);
}

Outcome Surveyor::receive(message& m) {
    if (!is_asking_) return Outcome::wrong_state;
    message answer;
    while (in_.receive(answer) != nullptr) {
        if (!is_answer(answer)) continue;  // of a survey before
        answer.take_first();
        answer.take_first();
        m = std::move(answer);
        return Outcome::done;
    }
    if (now() < until_) return Outcome::would_block;
    is_asking_ = false;
    return Outcome::timed_out;
}

Outcome Bus::send(message& m) {
    send_to_all(in_, m);
    m = {};
    return Outcome::done;
}

}  // namespace fantail::patterns

// SPDX-License-Identifier: Apache-2.0
//! Peers for tests of lanes: keep frames and commands as they would leave.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "patterns/fake_peer.hpp"
#include "patterns/lane_receiver.hpp"
#include "patterns/lane_sender.hpp"

namespace fantail::patterns {

inline LaneId id_of(std::uint8_t n) {
    LaneId id{};
    id[0] = n;
    return id;
}

struct LanePeer final : Peer {
    bool send(message& m) override {
        if (!has_room()) return false;
        sent.push_back(std::move(m));
        m = {};
        return true;
    }
    bool has_room() override { return sent.size() < room; }
    void subscribe(byte_view, bool) override {}
    void tell(byte_view command) override { told.emplace_back(command); }
    void forget_queued() override { sent.clear(); }
    void reject(const char* reason) override { rejected = reason; }

    /// It says a lane's command; tells the pattern as the runtime would.
    void says(Pattern& pattern, const LaneCommand& command) { says(pattern, message(encode(command))); }
    void says(Pattern& pattern, message m) {
        m.set_tag(static_cast<std::uint32_t>(Inbound::lane));
        in.push(std::move(m));
        pattern.readable(*this);
    }
    /// It sends a frame and a body.
    void sends(Pattern& pattern, const LaneFrame& frame, std::string_view body) {
        message m(encode(frame));
        if (!frame.is_skipped) m.add(body);
        in.push(std::move(m));
        pattern.readable(*this);
    }
    /// What it was sent since the last call: `1:a 2:b* 3:-`, with * for redelivered and - for skipped.
    std::string frames() {
        std::string out;
        for (const message& m : std::exchange(sent, {})) {
            if (!out.empty()) out += ' ';
            const auto frame = decode_lane_frame(m[0].bytes());
            if (!frame) {
                out += text_of(m);
                continue;
            }
            out += std::to_string(frame->number.value) + ":" + (frame->is_skipped ? "-" : std::string(m.text()));
            if (frame->is_redelivered) out += '*';
        }
        return out;
    }
    /// What it was told since the last call: `resume 3/2 ack 4 retry 2`.
    std::string commands() {
        std::string out;
        for (const message& m : std::exchange(told, {})) {
            const auto command = decode_lane_command(m.bytes());
            if (!out.empty()) out += ' ';
            if (!command) out += "malformed";
            else if (const auto* resume = std::get_if<LaneResume>(&*command))
                out += (resume->is_known ? "resume " : "new ") + std::to_string(resume->delivered.value) + "/" +
                       std::to_string(resume->acked.value);
            else if (const auto* ack = std::get_if<LaneAck>(&*command))
                out += "ack " + std::to_string(ack->acked.value);
            else if (const auto* retry = std::get_if<LaneRetry>(&*command))
                out += "retry " + std::to_string(retry->number.value);
        }
        return out;
    }

    std::size_t room = 1000;
    std::deque<message> sent;
    std::deque<message> told;
    std::string rejected;
};

/// Its connection stands; it announces `id`.
inline void connect(Pattern& pattern, LanePeer& peer, const LaneId& id) {
    peer.lane = lane_property(id);
    pattern.ready(peer);
}

/// The next message for the program, `2:b*`, or how it failed.
inline std::string given(LaneReceiver& receiver) {
    message m;
    if (receiver.receive(m) != Outcome::done) return "(nothing)";
    const LaneGiven given = decode_lane_given(m[0].bytes());
    return std::to_string(given.number.value) + ":" + std::string(m.text()) + (given.is_redelivered ? "*" : "");
}

/// A journal that outlives its senders: messages of one part that were committed, and the state saved last.
class FakeStore final : public LaneStore {
public:
    Found take_found() override {
        Found found;
        if (!saved.empty()) found.state = decode_lane_state(saved).value();
        forget_before(found.state.acked.plus(1));
        found.first = first;
        for (const std::string& text : kept) found.messages.emplace_back(std::string_view(text));
        return found;
    }
    Kept append(const message& m) override {
        if (is_broken) return Kept::broken;
        if (is_full) return Kept::no_room;
        waiting.emplace_back(m.text());
        return Kept::yes;
    }
    void take_back() override { waiting.pop_back(); }
    Kept commit() override {
        if (waiting.empty()) return Kept::yes;
        if (is_broken) return Kept::broken;
        if (is_full) return Kept::no_room;
        for (std::string& text : std::exchange(waiting, {})) kept.push_back(std::move(text));
        ++commits;
        return Kept::yes;
    }
    LaneNumber durable_end() const override { return first.plus(kept.size()); }
    std::size_t waiting_bytes() const override { return waiting.size() * bytes_a_message; }
    Kept save(const LaneState& state) override {
        if (is_broken) return Kept::broken;
        saved = encode(state);
        ++saves;
        return Kept::yes;
    }
    void forget_before(LaneNumber number) override {
        for (; first < number && !kept.empty(); first = first.plus(1)) kept.pop_front();
    }
    const std::string& trouble() const override { return why; }
    void close() override {}
    /// kill -9 of its process.
    void crash() { waiting.clear(); }

    std::string why = "the disk is not well";
    bool is_full = false;
    bool is_broken = false;
    std::size_t bytes_a_message = 100;
    int commits = 0;
    int saves = 0;
    LaneNumber first{1};
    std::deque<std::string> kept;
    std::vector<std::string> waiting;
    Bytes saved;
};

inline Settlement done(const LaneId& id, std::uint64_t number) { return {.lane = id, .number = number}; }
inline Settlement again(const LaneId& id, std::uint64_t number) {
    return {.lane = id, .number = number, .again = true};
}

}  // namespace fantail::patterns

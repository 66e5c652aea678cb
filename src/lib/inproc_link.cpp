// SPDX-License-Identifier: Apache-2.0
//! Handing over and life of a peer in the same process.
#include "lib/inproc_link.hpp"

#include "lib/engine.hpp"
#include "protocols/sp/protocols.hpp"
#include "protocols/zmtp/socket_types.hpp"

namespace fantail::lib {

/// The rules are those of the wires, whichever knows both.
static bool may_talk(patterns::Kind ours, patterns::Kind theirs) {
    if (zmtp::has_socket_type(ours) && zmtp::has_socket_type(theirs))
        return zmtp::may_talk(ours, zmtp::socket_type(theirs));
    if (!sp::has_protocol(ours) || !sp::has_protocol(theirs)) return false;
    return sp::peer_of(sp::protocol_of(ours)) == sp::protocol_of(theirs);
}

InprocLink::InprocLink(Engine& engine, std::string endpoint, std::string name)
    : Connection(engine.input_limits()),
      engine_(engine),
      endpoint_(std::move(endpoint)),
      name_(std::move(name)),
      is_connector_(true) {}

InprocLink::InprocLink(Engine& engine, std::string endpoint, std::shared_ptr<Channel> channel)
    : Connection(engine.input_limits()),
      engine_(engine),
      endpoint_(std::move(endpoint)),
      is_connector_(false),
      channel_(std::move(channel)) {}

InprocLink::~InprocLink() { close_channel(); }

void InprocLink::begin() {
    if (!is_connector_) return accept();
    make_channel();
    InprocNames::instance().connect(name_, channel_);
}

/// What the other end may know before anything is handed over.
void InprocLink::introduce() {
    Side& side = mine();
    side.inbox = engine_.inbox();
    side.kind = engine_.kind();
    side.routing_id = engine_.settings().routing_id;
    side.receive_high_water = engine_.settings().receive_high_water;
    side.conflates = engine_.settings().conflate;
    side.link = this;
}

void InprocLink::make_channel() {
    channel_ = std::make_shared<Channel>();
    channel_->name = name_;
    introduce();
}

void InprocLink::accept() {
    engine_.report({.what = event::type::accepted, .endpoint = endpoint_, .peer = "", .reason = ""});
    introduce();
    if (!may_talk(engine_.kind(), theirs().kind)) {
        mine().refusal = "a pattern that cannot talk to the one there";
        return broke(event::type::handshake_failed, mine().refusal);
    }
    mine().state.store(Side::State::open, std::memory_order_seq_cst);
    tell_state();
    on_open();
    on_news();
}

void InprocLink::on_open() {
    is_open_ = true;
    routing_id = theirs().routing_id;
    engine_.report({.what = event::type::ready, .endpoint = endpoint_, .peer = "", .reason = ""});
    engine_.attach(*this);
    engine_.pattern().ready(*this);
    engine_.pattern().writable(*this);
}

void InprocLink::on_news() {
    if (!channel_ || is_broken_) return;
    const auto state = theirs().state.load(std::memory_order_seq_cst);
    if (state == Side::State::gone && !theirs().refusal.empty())
        return broke(event::type::handshake_failed, theirs().refusal);
    if (!is_open_ && state != Side::State::waiting) on_open();
    if (!is_open_) return;
    drain();
    if (state == Side::State::gone && !is_stopped && !is_broken_)
        return broke(event::type::disconnected, "the other socket has closed");
    // If it is full again, has_room() asks again to be told: what told us now may have been for an earlier time.
    if (has_room()) engine_.pattern().writable(*this);
}

void InprocLink::drain() {
    message m;
    bool any = false;
    while (!in.full() && theirs().out.pop(m)) {
        in.push(std::move(m));
        any = true;
    }
    if (theirs().conflates) any = take_newest() || any;
    if (in.full() && !theirs().out.empty()) engine_.has_stopped(*this);
    if (!any) return;
    std::atomic_thread_fence(
        std::memory_order_seq_cst);  // who was refused looks again after saying so: one of us sees the other
    if (theirs().wants_room.load(std::memory_order_seq_cst) && theirs().wants_room.exchange(false)) tell();
    engine_.pattern().readable(*this);
}

bool InprocLink::resume() {
    if (!channel_ || is_broken_) return false;
    on_news();
    return !in.empty();
}

bool InprocLink::is_full() const {
    const std::uint32_t most = engine_.settings().send_high_water;
    if (most == 0) return false;
    const std::uint64_t ahead = is_open_ ? theirs().receive_high_water : 0;
    return mine().out.has(most + ahead);
}

bool InprocLink::has_room() {
    if (!channel_ || is_broken_) return false;
    if (!is_open_ && (!is_connector_ || engine_.settings().immediate)) return false;
    if (engine_.settings().conflate || !is_full()) return true;
    mine().wants_room.store(true, std::memory_order_seq_cst);
    return !is_full();
}

bool InprocLink::send(message& m) {
    if (!has_room()) return false;
    if (!engine_.settings().conflate) mine().out.push(std::move(m));
    else replace_newest(std::move(m));
    tell_if_open();
    return true;
}

void InprocLink::replace_newest(message&& m) {
    const std::lock_guard lock(mine().newest_mutex);
    mine().newest = std::move(m);
}

bool InprocLink::take_newest() {
    const std::lock_guard lock(theirs().newest_mutex);
    if (!theirs().newest) return false;
    in.push(std::move(*theirs().newest));
    theirs().newest.reset();
    return true;
}

void InprocLink::tell_if_open() {
    if (is_open_) return tell();
    // Either this sees that the other end has opened, or that one sees the message when it looks after opening.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (theirs().state.load(std::memory_order_seq_cst) == Side::State::open) tell();
}

void InprocLink::subscribe(byte_view prefix, bool add) {
    if (!is_open_ || is_broken_) return;
    message m(prefix);
    m.set_tag(static_cast<std::uint32_t>(add ? patterns::Inbound::subscribe : patterns::Inbound::cancel));
    mine().out.push(std::move(m));
    tell_if_open();
}

void InprocLink::tell() { channel_->announce(is_connector_ ? 1 : 0); }

void InprocLink::tell_state() { channel_->announce_state(is_connector_ ? 1 : 0); }

void InprocLink::reject(const char* reason) { broke(event::type::rejected, reason); }

void InprocLink::broke(event::type what, std::string reason) {
    if (is_broken_) return;
    is_broken_ = true;
    loss_ = what;
    loss_reason_ = std::move(reason);
    engine_.has_broken(*this);
}

/// The other end sees the state last: from then on what this end has not taken is the other's again.
void InprocLink::close_channel() {
    if (!channel_) return;
    if (is_connector_) InprocNames::instance().cancel(name_, *channel_);
    mine().link = nullptr;
    mine().state.store(Side::State::gone, std::memory_order_seq_cst);
    if (theirs().state.load(std::memory_order_seq_cst) != Side::State::waiting || !is_connector_) tell_state();
    channel_.reset();
}

void InprocLink::settle_loss() {
    engine_.report({.what = loss_, .endpoint = endpoint_, .peer = "", .reason = std::move(loss_reason_)});
    const std::shared_ptr<Channel> old = channel_;
    const bool other_is_gone = theirs().state.load(std::memory_order_seq_cst) == Side::State::gone;
    close_channel();
    is_broken_ = false;
    const bool was_open = std::exchange(is_open_, false);
    if (is_connector_) {
        make_channel();
        message m;
        if (other_is_gone && old->sides[0].newest) replace_newest(std::move(*old->sides[0].newest));
        while (other_is_gone && old->sides[0].out.pop(m)) {
            if (m.tag() == 0) mine().out.push(std::move(m));
        }
        const auto& pace = engine_.settings().reconnect;
        const bool was_refused = loss_ == event::type::handshake_failed;
        next_attempt_ = engine_.now().plus_ms((was_refused ? pace.delay_max : pace.delay_min).count());
        engine_.note_deadline(next_attempt_);
    }
    if (was_open) engine_.pattern().lost(*this);
}

void InprocLink::on_timer(MonoTime now) {
    if (now < next_attempt_) return;
    next_attempt_ = MonoTime::never();
    InprocNames::instance().connect(name_, channel_);
}

bool InprocLink::has_unsent() const {
    if (!is_connector_ || !channel_ || is_open_) return false;
    return mine().newest.has_value() || mine().out.size_at_most() > 0;
}

}  // namespace fantail::lib

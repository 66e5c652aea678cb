// SPDX-License-Identifier: Apache-2.0
//! The calls of the program's thread.
#include "lib/engine.hpp"

#include <algorithm>
#include <cctype>

#include "lib/inproc_link.hpp"
#include "lib/keeper.hpp"
#include "lib/lane_disk.hpp"
#include "lib/link.hpp"
#include "lib/listener.hpp"
#include "lib/peer_file.hpp"
#include "lib/translate.hpp"
#include "sys/mono.hpp"

namespace fantail::lib {

using patterns::Outcome;

static constexpr std::int64_t burst_gap_ns = 10'000;  ///< a send so soon after the last write belongs to a burst
static constexpr std::int64_t cork_ns_min = 20'000;   ///< how long a burst's output is held back
static constexpr std::uint32_t sends_a_clock_look = 16;
static constexpr std::string_view inproc_scheme = "inproc://";
static constexpr std::int64_t turn_interval_ms = 1;  ///< a socket that only sends looks at its connections so often

Engine::Engine(patterns::Kind kind, const options& settings)
    : kind_(kind),
      settings_(settings),
      journal_(open_journal(kind, settings)),
      lane_id_(lane_id()),
      zmtp_config_(wire_config(kind, settings, lane_id_)),
      sp_config_(lib::sp_config(kind, settings)),
      pattern_(patterns::make_pattern(kind, settings_for_pattern())),
      is_timed_(pattern_->is_timed()),
      ready_(64),
      now_(sys::mono_now()),
      idle_(sys::usable_processors()) {
    const auto tag = [](Pollable& p) { return reinterpret_cast<std::uint64_t>(&p); };
    FANTAIL_ASSERT(poll_.add(alarm_.fd(), tag(alarm_pollable_), {}));
    FANTAIL_ASSERT(poll_.add(bell_.fd(), tag(bell_pollable_), {}));
}

Engine::~Engine() { close(); }

void Engine::join_keeper() {
    if (std::exchange(is_kept_, true)) return;
    Keeper::instance().add(*this, !is_program_polled_);
}

/// Resolves it, if this socket can speak what is spoken there.
result<Endpoint> Engine::resolve(std::string_view address, bool passive) {
    auto endpoint = resolve_endpoint(address, passive);
    if (!endpoint) return public_error(endpoint.error());
    if (patterns::is_lane(kind_) && (endpoint->transport == Transport::inproc || endpoint->wire == Wire::sp))
        return error(errc::invalid_argument, "lanes are between programs: use tcp:// or ipc://");
    if (journal_ && journal_->is_unopened()) return error(errc::journal_failed, journal_->trouble());
    if (endpoint->transport == Transport::inproc || endpoint->transport == Transport::file) return std::move(*endpoint);
    const bool is_sp = endpoint->wire == Wire::sp;
    if (!is_sp && !zmtp::has_socket_type(kind_))
        return error(errc::invalid_argument,
                     "ZeroMQ does not have this pattern: use sp+tcp://, sp+ipc:// or inproc://");
    if (is_sp && !sp::has_protocol(kind_))
        return error(errc::invalid_argument, "SP does not have this pattern: use tcp://, ipc:// or inproc://");
    if (is_sp && !std::holds_alternative<no_security>(settings_.security))
        return error(errc::invalid_argument, "SP has no security: what options::security asks for cannot be had there");
    return std::move(*endpoint);
}

result<std::string> Engine::bind(std::string_view address) {
    auto endpoint = resolve(address, true);
    if (!endpoint) return endpoint.error();
    const Lock lock(mutex_);
    if (!is_open_) return errc::closed;
    if (endpoint->transport == Transport::inproc) return bind_inproc(*endpoint);
    speaks_sp_ = speaks_sp_ || endpoint->wire == Wire::sp;
    auto listener = Listener::open(*this, std::move(*endpoint));
    if (!listener) return public_error(listener.error());
    listeners_.push_back(std::move(*listener));
    join_keeper();
    return listeners_.back()->endpoint();
}

result<std::string> Engine::bind_inproc(const Endpoint& endpoint) {
    if (!InprocNames::instance().bind(endpoint.path, inbox()))
        return error(errc::address_in_use, endpoint.text + " is bound already");
    inproc_names_.push_back(endpoint.path);
    report({.what = event::type::listening, .endpoint = endpoint.text, .peer = "", .reason = ""});
    now_ = sys::mono_now();
    take_news();
    join_keeper();
    return endpoint.text;
}

std::shared_ptr<Inbox> Engine::inbox() {
    if (inbox_) return inbox_;
    inbox_ = std::make_shared<Inbox>();
    const auto tag = reinterpret_cast<std::uint64_t>(static_cast<Pollable*>(&inbox_pollable_));
    FANTAIL_ASSERT(poll_.add(inbox_->bell().fd(), tag, {}));
    if (is_program_polled_) inbox_->ring_always();
    return inbox_;
}

result<void> Engine::connect(std::string_view address) {
    auto endpoint = resolve(address, false);
    if (!endpoint) return endpoint.error();
    const Lock lock(mutex_);
    if (!is_open_) return errc::closed;
    now_ = sys::mono_now();
    if (endpoint->transport == Transport::file) return connect_file(*endpoint);
    connect_to(std::move(*endpoint));
    settle();
    join_keeper();
    return {};
}

void Engine::connect_to(Endpoint endpoint) {
    speaks_sp_ = speaks_sp_ || endpoint.wire == Wire::sp;
    if (endpoint.transport == Transport::inproc)
        links_.push_back(std::make_unique<InprocLink>(*this, endpoint.text, endpoint.path));
    else links_.push_back(std::make_unique<Link>(*this, std::move(endpoint)));
    attach(*links_.back());
    links_.back()->begin();
}

result<void> Engine::unbind(std::string_view address) {
    const Lock lock(mutex_);
    const auto removed = std::erase_if(listeners_, [address](const auto& l) { return l->endpoint() == address; });
    const std::string_view name = address.substr(std::min(address.size(), inproc_scheme.size()));
    if (address.starts_with(inproc_scheme) && std::erase(inproc_names_, name) > 0) {
        InprocNames::instance().unbind(std::string(name));
        return {};
    }
    if (removed == 0) return error(errc::invalid_argument, "not bound to " + std::string(address));
    return {};
}

result<void> Engine::disconnect(std::string_view address) {
    const Lock lock(mutex_);
    flush_dirty();
    const bool was_connected = disconnect_file(address) || disconnect_from(address);
    buried_.clear();
    if (!was_connected) return error(errc::invalid_argument, "not connected to " + std::string(address));
    return {};
}

MonoTime Engine::deadline_of(milliseconds timeout) {
    return timeout.count() < 0 ? MonoTime::never() : sys::mono_now().plus_ms(timeout.count());
}

fantail::error Engine::failure(Outcome outcome) const {
    switch (outcome) {
        case Outcome::would_block: return errc::would_block;
        case Outcome::wrong_state: return errc::wrong_state;
        case Outcome::no_route: return errc::no_route;
        case Outcome::peer_gone: return errc::peer_gone;
        case Outcome::timed_out: return error(errc::timed_out, "the time for answers is over");
        case Outcome::not_supported: return error(errc::invalid_argument, "not what this pattern does");
        case Outcome::no_room: return error(errc::exhausted, pattern_->trouble());
        case Outcome::broken: return error(errc::journal_failed, pattern_->trouble());
        case Outcome::invalid:
            if (const std::string why = pattern_->trouble(); !why.empty()) return error(errc::invalid_argument, why);
            return error(errc::invalid_argument,
                         speaks_sp_ ? "SP's messages have one part, behind the envelope that a dealer or router gives"
                                    : "a part of the message is missing, or no such subscription");
        case Outcome::done: break;
    }
    FANTAIL_ASSERT(!"a failure that is none");
    return errc::system;
}

Outcome Engine::send_now(message& m, Sending how) {
    if (has_news()) take_news();
    if (speaks_sp_ && !sp::fits(kind_, m)) return Outcome::invalid;
    if (!is_timed_) [[likely]]
        return pattern_->send(m);
    pattern_->tick(sys::mono_now());
    const Outcome outcome = how == Sending::posted ? pattern_->post(m) : pattern_->send(m);
    note_deadline(pattern_->deadline());
    return outcome;
}

Outcome Engine::receive_now(message& into) {
    if (has_news()) take_news();
    if (is_timed_) pattern_->tick(sys::mono_now());
    return pattern_->receive(into);
}

result<void> Engine::send(message& m, milliseconds timeout) {
    Lock lock(mutex_);
    ++calls_;
    return send_locked(lock, m, timeout, Sending::awaited);
}

result<void> Engine::send_locked(Lock& lock, message& m, milliseconds timeout, Sending how) {
    if (!is_open_) return errc::closed;
    const Outcome outcome = send_now(m, how);
    if (outcome != Outcome::done) return send_slow(lock, m, timeout, how, outcome);
    after_send();
    return {};
}

result<void> Engine::send_slow(Lock& lock, message& m, milliseconds timeout, Sending how, Outcome outcome) {
    const MonoTime until = deadline_of(timeout);
    for (bool first = true; outcome == Outcome::would_block; first = false) {
        if (timeout.count() == 0 && !first) return errc::would_block;
        if (timeout.count() == 0) flush_dirty(), turn_for_program();
        else if (!wait(lock, until)) return error(errc::timed_out, "no peer with room for a message");
        outcome = send_now(m, how);
    }
    settle();
    if (outcome != Outcome::done) return failure(outcome);
    after_send();
    return {};
}

/// Hot. A message alone goes out at once. Messages that follow each other closely are held back for a few tens of microseconds, so
/// that one write serves many: until there is enough of them, until the program waits for something, or until the keeper
/// finds that no more came. How long depends on what a write costs here.
void Engine::after_send() {
    const bool may_look = ++sends_ % sends_a_clock_look == 0;
    if (is_flush_due_) return flush_now();
    if (dirty_.empty() || is_corked_) {
        if (!may_look) return;
        const MonoTime now = sys::mono_now();
        if (is_corked_ && now.ns - corked_since_.ns > std::max(cork_ns_min, 2 * flush_cost_ns_)) flush_now();
        if (now > last_turn_.plus_ms(turn_interval_ms)) turn_for_program();
        return;
    }
    if (std::exchange(has_received_, false)) return flush_now();  // an answer
    const MonoTime now = sys::mono_now();
    if (now.ns - last_flush_.ns > std::max(burst_gap_ns, flush_cost_ns_)) {
        flush_now();
        if (now > last_turn_.plus_ms(turn_interval_ms)) turn_for_program();
        return;
    }
    is_corked_ = true;
    corked_since_ = now;
    if (!is_burst_watched.load(std::memory_order_relaxed)) Keeper::instance().watch_burst(*this);
}

/// Writes what is held back, and deals with the connections that this has shown to be broken.
void Engine::flush_now() {
    flush_dirty();
    if (broken_.empty()) return;
    settle();
    buried_.clear();
}

result<void> Engine::receive(message& into, milliseconds timeout) {
    Lock lock(mutex_);
    ++calls_;
    if (!is_open_) return errc::closed;
    const Outcome outcome = receive_now(into);
    if (outcome != Outcome::done) return receive_slow(lock, into, timeout, outcome);
    after_receive();
    return {};
}

result<void> Engine::receive_slow(Lock& lock, message& into, milliseconds timeout, Outcome outcome) {
    const MonoTime until = deadline_of(timeout);
    for (bool first = true; outcome == Outcome::would_block; first = false) {
        if (!stopped_.empty() && resume_stopped()) {
            outcome = receive_now(into);
            if (outcome != Outcome::would_block) break;
        }
        if (timeout.count() == 0 && !first) break;
        if (timeout.count() == 0) flush_dirty(), turn_for_program();
        else if (!wait(lock, until)) return errc::timed_out;
        outcome = receive_now(into);
    }
    settle();
    if (outcome == Outcome::done) {
        after_receive();
        return {};
    }
    if (std::exchange(is_bell_ringing_, false)) bell_.take();
    return failure(outcome);
}

void Engine::after_receive() {
    has_received_ = true;
    if (has_over_) sweep_over();
    if (is_program_polled_ && !std::exchange(is_bell_ringing_, true)) bell_.ring();  // there may be more
}

result<void> Engine::change_subscription(byte_view prefix, bool add) {
    const Lock lock(mutex_);
    if (!is_open_) return errc::closed;
    const Outcome outcome = pattern_->subscribe(prefix, add);
    flush_dirty();
    settle();
    if (outcome != Outcome::done) return failure(outcome);
    return {};
}

result<event> Engine::next_event(milliseconds timeout) {
    Lock lock(mutex_);
    ++calls_;
    const MonoTime until = deadline_of(timeout);
    while (monitor_.empty()) {
        if (!is_open_) return errc::closed;
        if (timeout.count() == 0) {
            flush_dirty();
            turn_for_program();
            break;
        }
        if (!wait(lock, until)) break;
    }
    if (!monitor_.empty()) return monitor_.take();
    return timeout.count() == 0 ? errc::would_block : errc::timed_out;
}

int Engine::fd() {
    const Lock lock(mutex_);
    if (!is_program_polled_) {
        is_program_polled_ = true;
        if (is_kept_) Keeper::instance().remove(*this);
        Keeper::instance().add(*this, false);
        is_kept_ = true;
        if (inbox_) inbox_->ring_always();
        bell_.ring();  // what has been read so far is not in any descriptor
        is_bell_ringing_ = true;
    }
    return poll_.fd();
}

void Engine::service() {
    const Lock lock(mutex_);
    ++calls_;
    if (!is_open_) return;
    flush_dirty();
    turn_for_program();
}

void Engine::close() {
    Lock lock(mutex_);
    if (!is_open_) return;
    if (std::exchange(is_kept_, false)) Keeper::instance().remove(*this);
    const MonoTime until = deadline_of(settings_.linger);
    static_cast<void>(pattern_->flush());
    flush_dirty();
    settle();
    while ((has_unsent() || pattern_->unsettled() > 0) && wait(lock, until)) {}
    is_open_ = false;
    listeners_.clear();
    for (const std::string& name : inproc_names_) InprocNames::instance().unbind(name);
    if (inbox_) take_news();  // who has arrived learns that this is closed
    while (!links_.empty()) {
        links_.back()->finish();
        remove_link(*links_.back());
    }
    buried_.clear();
    pattern_->finish();
    if (inbox_) inbox_->close();
}

}  // namespace fantail::lib

// SPDX-License-Identifier: Apache-2.0
//! Driving: waiting, dispatching, writing, losses, timers.
#include <algorithm>

#include "lib/engine.hpp"
#include "lib/inproc_link.hpp"
#include "lib/keeper.hpp"
#include "lib/link.hpp"
#include "lib/listener.hpp"
#include "sys/mono.hpp"

namespace fantail::lib {

patterns::QueueLimits Engine::input_limits() const {
    return {.messages_max = settings_.receive_high_water, .conflate = settings_.conflate};
}

sys::StreamOptions Engine::stream_options() const {
    return {.send_buffer = settings_.kernel_send_buffer, .receive_buffer = settings_.kernel_receive_buffer};
}

/// Waits for something to happen, at most until `until`; false if nothing did. Gives the lock up meanwhile.
bool Engine::wait(Lock& lock, MonoTime until) {
    flush_dirty();
    if (settle()) return true;
    if (has_news() && take_news()) return true;
    const MonoTime from = sys::mono_now();
    if (from >= until) return false;
    idle_.worked(from);
    if (poll_awhile(from)) return true;
    return sleep(lock, from, until);
}

/// In the poll set, or, if nothing but news of this process can come, on a word, which is cheaper.
bool Engine::sleep(Lock& lock, MonoTime from, MonoTime until) {
    const bool by_word = inbox_ != nullptr && watched_ == 0;
    if (inbox_ && !inbox_->begin_sleep(by_word)) return take_news();
    is_attended_ = true;
    lock.unlock();
    std::size_t n = 0;
    if (by_word) {
        const MonoTime next = std::min(until, alarm_at_);
        inbox_->sleep(next == MonoTime::never() ? -1 : std::max<std::int64_t>(next.ns - from.ns, 0));
    } else {
        n = poll_.wait(ready_, until == MonoTime::never() ? -1 : until.ns - from.ns);
    }
    lock.lock();
    is_attended_ = false;
    ++calls_;
    if (std::exchange(is_dormant, false)) Keeper::instance().rejoin(*this);
    if (inbox_) inbox_->end_sleep();
    now_ = last_turn_ = sys::mono_now();
    idle_.slept(from, now_);
    if (by_word && now_ >= alarm_at_) n = turn();
    else dispatch(n);
    return n > 0 || now_ < until;
}

/// Looks a few times before sleeping, as long as that pays.
bool Engine::poll_awhile(MonoTime now) {
    static constexpr int news_looks = 64;
    while (idle_.keep_polling(now, false)) {
        bool has = false;
        for (int i = 0; i < news_looks && inbox_ && !has; ++i) has = inbox_->has_news();
        const std::size_t n = has || watched_ == 0 ? 0 : poll_.wait(ready_, 0);
        now = sys::mono_now();
        if (n == 0 && !has) continue;
        idle_.worked(now);
        now_ = last_turn_ = now;
        dispatch(n);
        return true;
    }
    return false;
}

bool Engine::take_news() {
    if (!has_news()) return false;
    inbox_->take([](InprocLink& link) { link.on_news(); },
                 [this](std::shared_ptr<Channel> channel) { arrived(std::move(channel)); });
    settle();
    return true;
}

void Engine::arrived(std::shared_ptr<Channel> channel) {
    links_.push_back(std::make_unique<InprocLink>(*this, "inproc://" + channel->name, channel));
    links_.back()->begin();
}

/// What is ready now.
std::size_t Engine::turn() {
    const std::size_t n = poll_.wait(ready_, 0);
    now_ = last_turn_ = sys::mono_now();
    return dispatch(n);
}

/// The same; without descriptors of connections there is only the alarm to look for, and its time is known.
std::size_t Engine::turn_for_program() {
    const bool may_skip = inbox_ && watched_ == 0 && !is_program_polled_;
    if (!may_skip) return turn();
    now_ = last_turn_ = sys::mono_now();
    return now_ < alarm_at_ ? dispatch(0) : turn();
}

/// What a peer says may set a deadline, and may have others sent to at once.
void Engine::tell_timed_readable(Connection& link) {
    pattern_->set_time(now_);
    pattern_->readable(link);
    note_deadline(pattern_->deadline());
    is_flush_due_ = is_flush_due_ || !dirty_.empty();
}

std::size_t Engine::dispatch(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        reinterpret_cast<Pollable*>(ready_[i].tag)->on_ready(ready_[i].in, ready_[i].out);
    }
    if (has_news()) take_news();
    if (is_flush_due_) flush_dirty();
    settle();
    buried_.clear();
    return n;
}

void Engine::flush_dirty() {
    is_flush_due_ = is_corked_ = false;
    if (dirty_.empty()) return;
    const MonoTime from = sys::mono_now();
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        dirty_[i]->is_dirty = false;
        dirty_[i]->flush();
    }
    dirty_.clear();
    is_flush_due_ = false;
    last_flush_ = sys::mono_now();
    flush_cost_ns_ = last_flush_.ns - from.ns;
}

void Engine::has_stopped(Connection& link) {
    if (std::exchange(link.is_stopped, true)) return;
    stopped_.push_back(&link);
}

bool Engine::resume_stopped() {
    const std::vector<Connection*> links = std::exchange(stopped_, {});
    bool any = false;
    for (Connection* link : links) {
        link->is_stopped = false;
        any = link->resume() || any;
    }
    settle();
    return any;
}

/// Ends the connections that have broken; true if there were any.
bool Engine::settle() {
    const bool any = !broken_.empty();
    while (!broken_.empty()) {
        Connection& link = *broken_.back();
        broken_.pop_back();
        link.settle_loss();
        if (!link.is_over()) continue;
        if (link.in.empty() || !link.is_attached) remove_link(link);
        else has_over_ = true;
    }
    if (any && is_timed_) flush_dirty();  // what was for the lost ones and went to others
    return any;
}

void Engine::sweep_over() {
    has_over_ = false;
    for (std::size_t i = links_.size(); i-- > 0;) {
        Connection& link = *links_[i];
        if (!link.is_over()) continue;
        if (link.in.empty()) remove_link(link);
        else has_over_ = true;
    }
    buried_.clear();
}

void Engine::remove_link(Connection& link) {
    detach(link);
    std::erase(dirty_, &link);
    std::erase(stopped_, &link);
    std::erase(broken_, &link);
    const auto at = std::ranges::find(links_, &link, &std::unique_ptr<Connection>::get);
    buried_.push_back(std::move(*at));
    *at = std::move(links_.back());
    links_.pop_back();
}

void Engine::attach(Connection& link) {
    if (std::exchange(link.is_attached, true)) return;
    pattern_->attach(link);
}

void Engine::detach(Connection& link) {
    if (std::exchange(link.is_attached, false)) pattern_->detach(link);
}

void Engine::accepted(sys::Fd fd, Endpoint endpoint) {
    links_.push_back(std::make_unique<Link>(*this, std::move(fd), std::move(endpoint)));
    links_.back()->begin();
}

void Engine::note_deadline(MonoTime at) {
    if (at >= alarm_at_) return;
    alarm_at_ = at;
    alarm_.set(at);
}

void Engine::on_alarm() {
    alarm_at_ = MonoTime::never();
    alarm_.set(alarm_at_);
    tick_pattern();
    is_flush_due_ = is_flush_due_ || is_timed_;  // a request that was sent again
    MonoTime next = std::min(pattern_->deadline(), look_at_peer_files());
    for (const auto& link : links_) {
        link->on_timer(now_);
        next = std::min(next, link->deadline());
    }
    for (const auto& listener : listeners_) {
        listener->on_timer(now_);
        next = std::min(next, listener->deadline());
    }
    note_deadline(next);
}

bool Engine::has_unsent() const {
    return std::ranges::any_of(links_, [](const auto& link) { return link->has_unsent(); });
}

Engine::Away Engine::serve_away(bool may_sleep) {
    const Lock lock(mutex_, std::try_to_lock);
    if (!lock) return Away::busy;
    if (is_attended_) {
        is_dormant = may_sleep;
        return Away::attended;
    }
    const bool is_quiet = std::exchange(calls_seen_, calls_) == calls_;
    flush_dirty();
    turn();
    return is_quiet ? Away::quiet : Away::active;
}

Engine::Corked Engine::flush_away(MonoTime now, bool may_leave) {
    const Lock lock(mutex_, std::try_to_lock);
    if (!lock) return Corked::busy;
    if (!is_corked_) {
        if (!may_leave) return Corked::idle;
        is_burst_watched = false;
        return Corked::left;
    }
    static constexpr std::int64_t rest_ns = 50'000;
    if (now.ns - corked_since_.ns < rest_ns) return Corked::still;
    flush_dirty();
    settle();
    buried_.clear();
    return Corked::flushed;
}

}  // namespace fantail::lib

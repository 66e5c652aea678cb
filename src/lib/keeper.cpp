// SPDX-License-Identifier: Apache-2.0
//! The keeper's loop.
#include "lib/keeper.hpp"

#include <csignal>
#include <thread>

#include "base/assert.hpp"
#include "lib/engine.hpp"
#include "sys/mono.hpp"

namespace fantail::lib {

static constexpr std::uint64_t bell_tag = 0;

Keeper& Keeper::instance() {
    // Never destroyed: sockets may be static, and the thread ends with the process.
    static Keeper* const keeper = new Keeper;
    return *keeper;
}

Keeper::Keeper() {
    FANTAIL_ASSERT(poll_.add(bell_.fd(), bell_tag, {}));
    // Signals are the program's: its handlers run on its own threads.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { run(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Keeper::add(Engine& engine, bool serves) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t id = ++last_id_;
    engine.keeper_id = id;
    entries_[id] = {.engine = &engine, .serves = serves};
    if (serves) FANTAIL_ASSERT(poll_.add(engine.poll_fd(), id, {.once = true}));
}

void Keeper::remove(Engine& engine) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(engine.keeper_id);
    if (at == entries_.end()) return;
    if (at->second.serves) poll_.remove(engine.poll_fd());
    active_ -= at->second.is_active ? 1 : 0;
    bursts_ -= at->second.is_burst ? 1 : 0;
    entries_.erase(at);
    engine.is_burst_watched = false;
}

void Keeper::watch_burst(Engine& engine) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(engine.keeper_id);
    if (at == entries_.end() || at->second.is_burst) return;
    at->second.is_burst = true;
    at->second.burst_ticks_idle = 0;
    engine.is_burst_watched = true;
    if (bursts_++ == 0) bell_.ring();
}

void Keeper::rejoin(Engine& engine) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(engine.keeper_id);
    if (at == entries_.end() || !at->second.serves || at->second.is_active) return;
    at->second.is_active = true;
    at->second.attended_ticks = 0;
    if (active_++ == 0) bell_.ring();
}

std::int64_t Keeper::timeout_ns() const {
    if (bursts_ > 0) return burst_tick_ns;
    return active_ > 0 ? tick_ms * 1'000'000 : -1;
}

void Keeper::run() {
    sys::PollSet::Ready ready[64];
    std::int64_t timeout = -1;
    while (true) {
        const std::size_t n = poll_.wait(ready, timeout);
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < n; ++i) on_ready(ready[i].tag);
        tick_all(sys::mono_now());
        timeout = timeout_ns();
    }
}

void Keeper::on_ready(std::uint64_t id) {
    if (id == bell_tag) return bell_.take();
    const auto at = entries_.find(id);
    if (at == entries_.end() || at->second.is_active) return;
    Entry& entry = at->second;
    if (entry.engine->serve_away(false) == Engine::Away::quiet) return arm(id, entry);
    // Its program is at work on it.
    entry.is_active = true;
    entry.attended_ticks = 0;
    ++active_;
}

void Keeper::arm(std::uint64_t id, Entry& entry) { poll_.modify(entry.engine->poll_fd(), id, {.once = true}); }

void Keeper::tick_all(MonoTime now) {
    const bool is_due = now >= last_tick_.plus_ms(tick_ms);
    if (is_due) last_tick_ = now;
    for (auto& [id, entry] : entries_) {
        if (entry.is_burst) burst_tick(entry, now);
        if (is_due && entry.is_active) tick(id, entry);
    }
}

void Keeper::tick(std::uint64_t id, Entry& entry) {
    const bool may_sleep = entry.attended_ticks >= attended_ticks_max;
    switch (entry.engine->serve_away(may_sleep)) {
        case Engine::Away::busy:
        case Engine::Away::active: entry.attended_ticks = 0; return;
        case Engine::Away::attended:
            if (!may_sleep) {
                ++entry.attended_ticks;
                return;
            }
            break;
        case Engine::Away::quiet: arm(id, entry); break;
    }
    entry.is_active = false;
    --active_;
}

void Keeper::burst_tick(Entry& entry, MonoTime now) {
    const bool may_leave = entry.burst_ticks_idle >= burst_ticks_idle_max;
    switch (entry.engine->flush_away(now, may_leave)) {
        case Engine::Corked::busy:
        case Engine::Corked::still:
        case Engine::Corked::flushed: entry.burst_ticks_idle = 0; return;
        case Engine::Corked::idle: ++entry.burst_ticks_idle; return;
        case Engine::Corked::left: break;
    }
    entry.is_burst = false;
    --bursts_;
}

}  // namespace fantail::lib

// SPDX-License-Identifier: Apache-2.0
//! The library's one thread: serves sockets while their programs do something else.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "sys/poll_set.hpp"

namespace fantail::lib {

class Engine;

/// It never takes work from a program's thread that is about to do it: a socket whose program calls often is looked at every
/// tick_ms only, one whose program waits in a call not at all. Any thread may call it, with or without the engine's lock;
/// it takes engines' locks by trying alone.
class Keeper final {
public:
    static constexpr std::int64_t tick_ms = 5;
    static constexpr std::uint32_t attended_ticks_max =
        20;  ///< then it sleeps until the program's thread leaves its call
    static constexpr std::int64_t burst_tick_ns = 100'000;
    static constexpr std::uint32_t burst_ticks_idle_max = 200;

    /// The process's. Its thread starts with the first socket and ends with the process.
    static Keeper& instance();

    /// \param serves false: only bursts are looked after
    void add(Engine& engine, bool serves);
    /// When it returns, the keeper is not in the engine and will not be.
    void remove(Engine& engine);
    /// The engine holds back output. See Engine::after_send.
    void watch_burst(Engine& engine);
    /// The program's thread has left the call over which the keeper went to sleep.
    void rejoin(Engine& engine);

private:
    struct Entry {
        Engine* engine = nullptr;
        bool serves = false;
        bool is_active = false;  ///< looked at every tick, instead of when something is ready
        bool is_burst = false;
        std::uint32_t attended_ticks = 0;
        std::uint32_t burst_ticks_idle = 0;
    };

    Keeper();
    void run();
    [[nodiscard]] std::int64_t timeout_ns() const;
    void on_ready(std::uint64_t id);
    void tick(std::uint64_t id, Entry& entry);
    void burst_tick(Entry& entry, MonoTime now);
    void tick_all(MonoTime now);
    void arm(std::uint64_t id, Entry& entry);

    std::mutex mutex_;
    sys::PollSet poll_;
    sys::Doorbell bell_;
    std::unordered_map<std::uint64_t, Entry> entries_;
    std::uint64_t last_id_ = 0;
    std::uint32_t active_ = 0;
    std::uint32_t bursts_ = 0;
    MonoTime last_tick_;
};

}  // namespace fantail::lib

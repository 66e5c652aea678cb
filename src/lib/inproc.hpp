// SPDX-License-Identifier: Apache-2.0
//! What two sockets of one process share: a channel between them, an inbox each, and the names they meet by.
//
//   engine A ── InprocLink ──┐                     ┌── InprocLink ── engine B
//      │ Inbox ◄── news ── Side 0 ── Channel ── Side 1 ── news ──► Inbox │
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/message_pipe.hpp"
#include "patterns/api.hpp"
#include "sys/poll_set.hpp"
#include "sys/wake_word.hpp"

namespace fantail::lib {

class InprocLink;
class Inbox;
struct Channel;

/// Something with news, in an inbox's list.
struct News {
    InprocLink* link = nullptr;  ///< who is told; its engine's
    // The inbox's.
    std::atomic<bool> is_announced{false};
    std::shared_ptr<Channel> self;  ///< while announced
    News* next = nullptr;
};

/// One end of a channel. What is not atomic is written before the channel is handed over, or belongs to the end's own engine.
struct Side : News {
    enum class State : std::uint8_t { waiting, open, gone };

    MessagePipe out;  ///< what this end sends
    // With `conflate` it sends this instead, while the one before has not been taken.
    std::mutex newest_mutex;
    std::optional<message> newest;
    std::shared_ptr<Inbox> inbox;
    patterns::Kind kind = patterns::Kind::pair;
    std::string routing_id;
    std::uint32_t receive_high_water = 0;
    bool conflates = false;
    std::string refusal;  ///< why it is gone, before it was open
    std::atomic<State> state{State::waiting};
    std::atomic<bool> wants_room{false};  ///< a send was refused: tell it when the other end has read
};

/// sides[0] connected, sides[1] is bound.
struct Channel : std::enable_shared_from_this<Channel> {
    std::string name;
    Side sides[2];
    /// There are messages or there is room for that end: it matters when its program calls. Any thread.
    void announce(int side);
    /// The other end has opened or gone: that end's keeper deals with it if the program is away. Any thread.
    void announce_state(int side);
};

/// Where an engine hears that there is news for some of its sides, and sleeps until there is. Any thread may put news in; the engine's
/// lock is held for everything else.
class Inbox final {
public:
    [[nodiscard]] bool has_news() const { return news_.load(std::memory_order_seq_cst) != nullptr; }
    /// Calls `visit(link)` for each side with news, and `arrived(channel)` for each new one.
    template <class Visit, class Arrived>
    void take(Visit visit, Arrived arrived);
    void put(News& news, std::shared_ptr<Channel> channel);
    /// Its keeper lets it in if the program is away.
    void put_arrival(std::shared_ptr<Channel> channel);
    /// Nothing is heard any more.
    void close();

    /// From here on the engine is woken by news; false if there is some already. \param by_word it will sleep() instead of waiting in its
    /// poll set
    [[nodiscard]] bool begin_sleep(bool by_word);
    void sleep(std::int64_t timeout_ns) { word_.sleep(word_seen_, timeout_ns); }
    void end_sleep() { sleeper_.store(Sleeper::none, std::memory_order_relaxed); }
    /// The program polls: the bell rings for everything.
    void ring_always() { rings_always_.store(true, std::memory_order_seq_cst); }
    /// In the engine's poll set. May be taken only before one looks for news: what was rung for is then seen.
    [[nodiscard]] sys::Doorbell& bell() { return bell_; }

private:
    enum class Sleeper : std::uint8_t { none, in_poll_set, on_word };
    void wake();

    std::atomic<News*> news_{nullptr};
    std::atomic<Sleeper> sleeper_{Sleeper::none};
    std::atomic<bool> rings_always_{false};
    std::uint32_t word_seen_ = 0;
    sys::WakeWord word_;
    sys::Doorbell bell_;
    News arrival_;  ///< stands for all arrivals in the list of news
    News closed_;   ///< is the list once closed
    std::mutex arrivals_mutex_;
    std::vector<std::shared_ptr<Channel>> arrivals_;
};

/// The process's names.
class InprocNames final {
public:
    static InprocNames& instance();
    /// False if the name is taken. Who waits for it arrives in `inbox`.
    [[nodiscard]] bool bind(const std::string& name, std::shared_ptr<Inbox> inbox);
    void unbind(const std::string& name);
    /// sides[0] is set. It arrives where the name is bound, now or later.
    void connect(const std::string& name, std::shared_ptr<Channel> channel);
    /// No longer waits.
    void cancel(const std::string& name, const Channel& channel);

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<Inbox>> bound_;
    std::unordered_map<std::string, std::vector<std::shared_ptr<Channel>>> waiting_;
};

template <class Visit, class Arrived>
void Inbox::take(Visit visit, Arrived arrived) {
    News* side = news_.exchange(nullptr, std::memory_order_seq_cst);
    while (side != nullptr) {
        News& now = *std::exchange(side, side->next);
        if (&now == &arrival_) {
            std::vector<std::shared_ptr<Channel>> channels;
            {
                const std::lock_guard lock(arrivals_mutex_);
                arrival_.is_announced.exchange(false, std::memory_order_seq_cst);
                channels.swap(arrivals_);
            }
            for (auto& channel : channels) arrived(std::move(channel));
            continue;
        }
        const std::shared_ptr<Channel> keep = std::move(now.self);
        now.is_announced.exchange(false, std::memory_order_seq_cst);
        if (now.link != nullptr) visit(*now.link);
    }
}

}  // namespace fantail::lib

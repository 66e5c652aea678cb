// SPDX-License-Identifier: Apache-2.0
//! News and names.
#include "lib/inproc.hpp"

#include <algorithm>

namespace fantail::lib {

void Channel::announce(int side) {
    Side& to = sides[side];
    if (to.inbox) to.inbox->put(to, shared_from_this());
}

void Channel::announce_state(int side) {
    announce(side);
    if (sides[side].inbox) sides[side].inbox->bell().ring();
}

void Inbox::put(News& news, std::shared_ptr<Channel> channel) {
    if (news.is_announced.exchange(true, std::memory_order_seq_cst)) return;
    news.self = std::move(channel);
    News* head = news_.load(std::memory_order_relaxed);
    do {
        if (head == &closed_) {
            news.self.reset();
            return;
        }
        news.next = head;
    } while (!news_.compare_exchange_weak(head, &news, std::memory_order_seq_cst, std::memory_order_relaxed));
    wake();
}

void Inbox::put_arrival(std::shared_ptr<Channel> channel) {
    {
        const std::lock_guard lock(arrivals_mutex_);
        arrivals_.push_back(std::move(channel));
    }
    put(arrival_, nullptr);
    bell_.ring();  // last: who is woken by it takes the bell first and then looks for news
}

void Inbox::close() {
    for (News* side = news_.exchange(&closed_, std::memory_order_seq_cst); side != nullptr;) {
        const std::shared_ptr<Channel> last = std::move(std::exchange(side, side->next)->self);
    }
    const std::lock_guard lock(arrivals_mutex_);
    arrivals_.clear();
}

bool Inbox::begin_sleep(bool by_word) {
    word_seen_ = word_.value();
    sleeper_.store(by_word ? Sleeper::on_word : Sleeper::in_poll_set, std::memory_order_seq_cst);
    if (!has_news()) return true;
    end_sleep();
    return false;
}

void Inbox::wake() {
    if (sleeper_.load(std::memory_order_seq_cst) != Sleeper::none) {
        const Sleeper sleeper = sleeper_.exchange(Sleeper::none, std::memory_order_seq_cst);
        if (sleeper == Sleeper::on_word) word_.wake();
        if (sleeper == Sleeper::in_poll_set) bell_.ring();
    }
    if (rings_always_.load(std::memory_order_seq_cst)) bell_.ring();
}

InprocNames& InprocNames::instance() {
    static InprocNames* const names = new InprocNames;  // never destroyed: sockets may be static
    return *names;
}

bool InprocNames::bind(const std::string& name, std::shared_ptr<Inbox> inbox) {
    const std::lock_guard lock(mutex_);
    if (!bound_.try_emplace(name, inbox).second) return false;
    const auto at = waiting_.find(name);
    if (at == waiting_.end()) return true;
    for (auto& channel : at->second) inbox->put_arrival(std::move(channel));
    waiting_.erase(at);
    return true;
}

void InprocNames::unbind(const std::string& name) {
    const std::lock_guard lock(mutex_);
    bound_.erase(name);
}

void InprocNames::connect(const std::string& name, std::shared_ptr<Channel> channel) {
    const std::lock_guard lock(mutex_);
    const auto at = bound_.find(name);
    if (at != bound_.end()) return at->second->put_arrival(std::move(channel));
    waiting_[name].push_back(std::move(channel));
}

void InprocNames::cancel(const std::string& name, const Channel& channel) {
    const std::lock_guard lock(mutex_);
    const auto at = waiting_.find(name);
    if (at == waiting_.end()) return;
    std::erase_if(at->second, [&channel](const auto& waits) { return waits.get() == &channel; });
    if (at->second.empty()) waiting_.erase(at);
}

}  // namespace fantail::lib

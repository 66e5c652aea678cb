// SPDX-License-Identifier: Apache-2.0
//! Intrusive rings.
#include "broker/ready_ring.hpp"

#include <algorithm>

namespace fantail::broker {

void ReadyRing::add(Consumer& consumer) {
    consumer.linked = true;
    const auto at =
        std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.priority <= consumer.priority; });
    if (at == groups_.end() || at->priority != consumer.priority) {
        consumer.next = consumer.previous = &consumer;
        groups_.insert(at, {consumer.priority, &consumer});
        return;
    }
    Consumer* head = at->head;  // the newcomer's turn is last
    consumer.next = head;
    consumer.previous = head->previous;
    head->previous->next = &consumer;
    head->previous = &consumer;
}

void ReadyRing::remove(Consumer& consumer) {
    if (!consumer.linked) return;
    consumer.linked = false;
    const auto at =
        std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.priority == consumer.priority; });
    if (consumer.next == &consumer) {
        groups_.erase(at);
    } else {
        consumer.previous->next = consumer.next;
        consumer.next->previous = consumer.previous;
        if (at->head == &consumer) at->head = consumer.next;
    }
    consumer.next = consumer.previous = nullptr;
}

std::size_t ReadyRing::size() const {
    std::vector<Consumer*> all;
    collect(all);
    return all.size();
}

void ReadyRing::collect(std::vector<Consumer*>& out) const {
    for (const Group& g : groups_) {
        Consumer* c = g.head;
        do {
            out.push_back(c);
            c = c->next;
        } while (c != g.head);
    }
}

}  // namespace fantail::broker

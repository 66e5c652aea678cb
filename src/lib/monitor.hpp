// SPDX-License-Identifier: Apache-2.0
//! The events of a socket's connections that the program has not read yet.
#pragma once

#include <deque>

#include "fantail/event.hpp"

namespace fantail::lib {

/// The last events_max of them.
class Monitor {
public:
    static constexpr std::size_t events_max = 1024;

    void add(event e) {
        if (events_.size() == events_max) events_.pop_front();
        events_.push_back(std::move(e));
    }
    [[nodiscard]] bool empty() const { return events_.empty(); }
    event take() {
        event e = std::move(events_.front());
        events_.pop_front();
        return e;
    }

private:
    std::deque<event> events_;
};

}  // namespace fantail::lib

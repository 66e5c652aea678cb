// SPDX-License-Identifier: Apache-2.0
//! Asks every core something and brings the answers together on the asking core.
#pragma once

#include <memory>
#include <vector>

#include "runtime/core.hpp"

namespace fantail::server {

/// Runs `ask` on every core and then, on the asking core, `done` with all answers in core order. `T` is moved between
/// threads: it owns all that it holds.
template <class T, class Ask, class Done>
void gather(runtime::Core& home, Ask ask, Done done) {
    struct Pending {
        std::vector<T> answers;
        std::size_t left = 0;
        Done done;
    };
    const std::size_t cores = home.core_count();
    // Only the home core touches it: the others carry the pointer there and back.
    auto pending = std::make_shared<Pending>(Pending{std::vector<T>(cores), cores, std::move(done)});
    for (std::uint16_t i = 0; i < cores; ++i) {
        auto task = [pending, ask, home_id = home.id(), i](runtime::Core& core) mutable {
            auto bring = [pending = std::move(pending), i, answer = ask(core)](runtime::Core&) mutable {
                pending->answers[i] = std::move(answer);
                if (--pending->left == 0) pending->done(std::move(pending->answers));
            };
            core.post(home_id, runtime::TaskMessage{std::move(bring)});
            core.request_turn();
        };
        home.post(CoreId(i), runtime::TaskMessage{std::move(task)});
    }
    home.request_turn();
}

}  // namespace fantail::server

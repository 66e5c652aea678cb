// SPDX-License-Identifier: Apache-2.0
//! Asks cores something, in pieces if it is much, and brings the answers together on the asking core.
#pragma once

#include <memory>
#include <vector>

#include "runtime/core.hpp"

namespace fantail::server {

/// Runs `step` on its core in this turn and the following ones, once in each, until it returns true.
template <class Step>
void in_pieces(runtime::Core& core, Step step) {
    if (step(core)) return;
    auto next = [step = std::move(step)](runtime::Core& self) mutable { in_pieces(self, std::move(step)); };
    core.post(core.id(), runtime::TaskMessage{std::move(next)});
    core.request_turn();
}

/// Runs a copy of `ask` on every core, once a turn until it returns true, and then, on the asking core, `done` with all
/// answers in core order. `T` is moved between threads: it owns all that it holds.
/// \param ask gets the core and its answer so far
template <class T, class Ask, class Done>
void gather_in_pieces(runtime::Core& home, Ask ask, Done done) {
    struct Pending {
        std::vector<T> answers;
        std::size_t left = 0;
        Done done;
    };
    const std::size_t cores = home.core_count();
    // Only the home core touches it: the others carry the pointer there and back.
    auto pending = std::make_shared<Pending>(Pending{std::vector<T>(cores), cores, std::move(done)});
    for (std::uint16_t i = 0; i < cores; ++i) {
        auto step = [pending, ask, answer = T(), home_id = home.id(), i](runtime::Core& core) mutable {
            if (!ask(core, answer)) return false;
            auto bring = [pending = std::move(pending), i, answer = std::move(answer)](runtime::Core&) mutable {
                pending->answers[i] = std::move(answer);
                if (--pending->left == 0) pending->done(std::move(pending->answers));
            };
            core.post(home_id, runtime::TaskMessage{std::move(bring)});
            core.request_turn();
            return true;
        };
        auto task = [step = std::move(step)](runtime::Core& core) mutable { in_pieces(core, std::move(step)); };
        home.post(CoreId(i), runtime::TaskMessage{std::move(task)});
    }
    home.request_turn();
}

/// The same for what is answered at once: `ask` gets the core and returns the answer.
template <class T, class Ask, class Done>
void gather(runtime::Core& home, Ask ask, Done done) {
    auto at_once = [ask = std::move(ask)](runtime::Core& core, T& answer) mutable {
        answer = ask(core);
        return true;
    };
    gather_in_pieces<T>(home, std::move(at_once), std::move(done));
}

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! What a core stands on: time, files, wake-ups and a source of randomness.
#pragma once

#include <functional>

#include "base/time.hpp"
#include "sys/files.hpp"

namespace fantail::runtime {

/// One core's share of the world; the real one is runtime/real_machine.hpp, the simulator has another. Everything but
/// wake() belongs to the core's thread. Outlives its core.
class Machine {
public:
    virtual ~Machine() = default;
    [[nodiscard]] virtual Now now() const = 0;
    /// Runs what is ready without blocking: deferred work, streams, completions of files. \return how many callbacks ran
    virtual std::size_t poll() = 0;
    /// Blocks until a callback ran, wake() was called, or `until` has come. \return how many callbacks ran
    virtual std::size_t wait(MonoTime until) = 0;
    /// Makes wait() return, the present or the next one. Any thread.
    virtual void wake() noexcept = 0;
    /// Runs `work` on the next poll(), never from inside this call.
    virtual void defer(std::move_only_function<void()> work) = 0;

    /// Runs `work` on a thread of its own and then `done` in a poll(), never from inside this call. For long calculations,
    /// which hold up neither the core nor its files: one at a time, in order, behind whatever else wants the processor.
    /// `work` may run while the core is torn down and touches nothing of it; `done` is not called then.
    virtual void calculate(std::move_only_function<void()> work, std::move_only_function<void()> done) = 0;

    [[nodiscard]] virtual sys::Files& files() = 0;
    /// Operations on files whose completion has not run yet.
    [[nodiscard]] virtual std::size_t files_under_way() const = 0;
    /// How many the process may use.
    [[nodiscard]] virtual unsigned processors() const = 0;
    /// A number that nobody can foresee.
    [[nodiscard]] virtual std::uint64_t random_seed() = 0;
};

}  // namespace fantail::runtime

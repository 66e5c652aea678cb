// SPDX-License-Identifier: Apache-2.0
//! What a simulated core stands on: simulated time, its streams, and its share of the disk.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/machine.hpp"
#include "sim/core_files.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

/// Decides in which order a turn finds what is ready. wake() asks for a turn; whoever drives the core takes it some time
/// later.
class SimulatedMachine final : public runtime::Machine {
public:
    /// \param on_wake called for every wake()
    SimulatedMachine(World& world, Disk& disk, Random random, std::function<void()> on_wake);

    void add(SimulatedStream& stream) { streams_.push_back(&stream); }
    void remove(SimulatedStream& stream) { std::erase(streams_, &stream); }

    [[nodiscard]] Now now() const override { return world_.now(); }
    std::size_t poll() override;
    /// Lets the whole world go on: only for what blocks at the start.
    std::size_t wait(MonoTime until) override;
    void wake() noexcept override { on_wake_(); }
    void defer(std::move_only_function<void()> work) override;
    /// Takes its time, which others use.
    void calculate(std::move_only_function<void()> work, std::move_only_function<void()> done) override;
    [[nodiscard]] sys::Files& files() override { return files_; }
    [[nodiscard]] std::size_t files_under_way() const override { return 0; }
    /// One: polling for its own sake would only cost simulated turns.
    [[nodiscard]] unsigned processors() const override { return 1; }
    [[nodiscard]] std::uint64_t random_seed() override { return random_.next(); }

private:
    std::size_t run_deferred();
    std::size_t serve_streams();

    World& world_;
    Random random_;
    std::function<void()> on_wake_;
    CoreFiles files_;
    std::vector<SimulatedStream*> streams_;
    std::vector<std::move_only_function<void()>> deferred_;
    std::shared_ptr<bool> here_ = std::make_shared<bool>(true);  ///< for what comes when the machine may be gone
};

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! One poll of a simulated core.
#include "sim/simulated_machine.hpp"

#include <algorithm>

namespace fantail::sim {

SimulatedMachine::SimulatedMachine(World& world, Disk& disk, Random random, std::function<void()> on_wake)
    : world_(world),
      random_(random),
      on_wake_(std::move(on_wake)),
      files_(disk, [this](std::move_only_function<void()> run) { defer(std::move(run)); }) {}

void SimulatedMachine::defer(std::move_only_function<void()> work) {
    deferred_.push_back(std::move(work));
    on_wake_();
}

void SimulatedMachine::calculate(std::move_only_function<void()> work, std::move_only_function<void()> done) {
    const auto time = static_cast<std::int64_t>(random_.between(1, 40)) * ms;
    world_.after(time, [this, here = std::weak_ptr(here_), work = std::move(work), done = std::move(done)]() mutable {
        if (here.expired()) return;
        work();
        defer(std::move(done));
    });
}

std::size_t SimulatedMachine::poll() {
    // Completions of files, which are deferred, come before or after the streams' news, as it happens.
    if (random_.one_in(2)) {
        const std::size_t completed = run_deferred();
        return completed + serve_streams();
    }
    const std::size_t served = serve_streams();
    return served + run_deferred();
}

std::size_t SimulatedMachine::run_deferred() {
    std::vector<std::move_only_function<void()>> running;
    running.swap(deferred_);
    for (auto& work : running) work();
    return running.size();
}

std::size_t SimulatedMachine::serve_streams() {
    std::vector<SimulatedStream*> ready;
    for (SimulatedStream* stream : streams_) {
        if (stream->ready()) ready.push_back(stream);
    }
    random_.shuffle(ready);
    std::size_t ran = 0;
    for (SimulatedStream* stream : ready) {
        if (std::find(streams_.begin(), streams_.end(), stream) == streams_.end()) continue;  // gone with another
        bool alive = true;
        ran += stream->serve(alive);
        if (alive && stream->ready()) on_wake_();
    }
    return ran;
}

std::size_t SimulatedMachine::wait(MonoTime) {
    world_.run_until(world_.time() + ms);
    return poll();
}

}  // namespace fantail::sim

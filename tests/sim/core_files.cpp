// SPDX-License-Identifier: Apache-2.0
//! How long the operations of the simulated disk take.
#include "sim/core_files.hpp"

namespace fantail::sim {

namespace {
constexpr std::uint64_t disk_concern = 0x4449'534B'0000;
}

Disk::Disk(World& world)
    : world_(world), random_(world.chance(disk_concern)), image_(world.chance(disk_concern + 1).next()) {
    image_.on_begin([this](std::uint64_t operation) {
        std::int64_t delay = static_cast<std::int64_t>(random_.between(60, 400)) * us;
        if (random_.one_in(200)) delay += static_cast<std::int64_t>(random_.below(60)) * ms;
        world_.after(delay * static_cast<std::int64_t>(slowness_), [this, operation] { image_.complete(operation); });
    });
}

}  // namespace fantail::sim

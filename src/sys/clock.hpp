// SPDX-License-Identifier: Apache-2.0
//! The clock: read once a turn by the runtime, handed on as a value to everything else.
#pragma once

#include "base/time.hpp"

namespace fantail::sys {

/// Where time comes from; the simulator has its own.
class Clock {
public:
    virtual ~Clock() = default;
    /// Both clocks of this moment. Never fails, never blocks; about 40 ns.
    [[nodiscard]] virtual Now now() const = 0;
};

/// The machine's clocks: CLOCK_REALTIME and CLOCK_MONOTONIC. Thread-safe, without state.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Now now() const override;
};

}  // namespace fantail::sys

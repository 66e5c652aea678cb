// SPDX-License-Identifier: Apache-2.0
//! The memory driver: a log that keeps everything in RAM and forgets it with the process.
#pragma once

#include <functional>
#include <memory>

#include "storage/engine.hpp"

namespace fantail::storage {

/// Runs a function from the owner's loop, after the calls under way have returned (sys::Files::defer does).
using Defer = std::function<void(std::move_only_function<void()>)>;

/// A log without files: what one turn appends counts as durable in the next. `listener` must outlive the log; the log may
/// be destroyed at any time.
[[nodiscard]] std::unique_ptr<ShardLog> make_memory_log(Defer defer, LogListener& listener);

}  // namespace fantail::storage

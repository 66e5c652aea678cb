// SPDX-License-Identifier: Apache-2.0
//! The queues of a run, drawn from its seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/field_table.hpp"
#include "sim/random.hpp"

namespace fantail::sim {

enum class Kind : std::uint8_t { classic, quorum, stream };
enum class LengthRule : std::uint8_t { none, drop_head, reject, reject_and_dead_letter };

/// One queue, with the rules that clients, model and the broker all know.
struct QueueSpec {
    std::string name;
    Kind kind = Kind::classic;
    std::optional<std::int64_t> ttl_ms;
    std::optional<std::uint64_t> length_max;
    LengthRule length_rule = LengthRule::none;
    std::string dead_letters_to;      ///< a queue; empty: nowhere
    bool takes_dead_letters = false;  ///< nothing is published to it
    std::uint8_t priority_max = 0;
    bool single_active = false;
    std::int64_t dedup_window_ms = 0;
    std::uint64_t delivery_limit = 0;  ///< 0: none
    bool auto_ack = false;             ///< consumed without acks
    bool in_fanout = false;            ///< bound to amq.fanout

    [[nodiscard]] bool is_stream() const { return kind == Kind::stream; }
    [[nodiscard]] bool drops_head() const { return length_rule == LengthRule::drop_head; }
    /// For people.
    [[nodiscard]] std::string description() const;
    /// The arguments of its declaration.
    [[nodiscard]] Bytes arguments() const;
};

/// Stable addresses.
using Topology = std::vector<QueueSpec>;

[[nodiscard]] Topology draw_topology(Random random);
/// The queue of that name, or null.
[[nodiscard]] const QueueSpec* find_queue(const Topology& topology, const std::string& name);

}  // namespace fantail::sim

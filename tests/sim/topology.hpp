// SPDX-License-Identifier: Apache-2.0
//! The queues and exchanges of a run, drawn from its seed.
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
    bool by_policy = false;            ///< what a policy can say is said by one, not by arguments

    [[nodiscard]] bool is_stream() const { return kind == Kind::stream; }
    [[nodiscard]] bool drops_head() const { return length_rule == LengthRule::drop_head; }
    /// For people.
    [[nodiscard]] std::string description() const;
    /// The arguments of its declaration.
    [[nodiscard]] Bytes arguments() const;
};

enum class ExchangeKind : std::uint8_t { direct, fanout, topic, headers };
using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct BindingSpec {
    std::string key;
    HeaderList headers;  ///< of headers exchanges
    bool any = false;    ///< one of them is enough
    std::string to;
    bool to_exchange = false;
    /// The arguments of the binding.
    [[nodiscard]] Bytes arguments() const;
};

struct ExchangeSpec {
    std::string name;
    ExchangeKind kind = ExchangeKind::direct;
    bool predeclared = false;
    std::string alternate;   ///< an exchange; empty: none
    bool by_policy = false;  ///< so is the alternate
    std::vector<BindingSpec> bindings;

    [[nodiscard]] const char* type() const;
    [[nodiscard]] std::string description() const;
    [[nodiscard]] Bytes arguments() const;
};

/// The exchange in which clients make and remove bindings of their own, each with keys that nobody else uses.
inline constexpr const char* own_exchange = "own";

/// Addresses are stable once it is drawn.
struct Topology {
    std::vector<QueueSpec> queues;
    std::vector<ExchangeSpec> exchanges;
};

[[nodiscard]] Topology draw_topology(Random random);
/// A key of one to three words, as publishers and direct bindings use them.
[[nodiscard]] std::string draw_key(Random& random);
[[nodiscard]] HeaderList draw_headers(Random& random);
/// The queue of that name, or null.
[[nodiscard]] const QueueSpec* find_queue(const Topology& topology, const std::string& name);

}  // namespace fantail::sim

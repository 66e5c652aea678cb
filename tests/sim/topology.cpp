// SPDX-License-Identifier: Apache-2.0
//! Draws queues with few rules each, so that rules meet in all pairs over many seeds.
#include "sim/topology.hpp"

namespace fantail::sim {

namespace {

const char* kind_name(Kind kind) {
    return kind == Kind::classic ? "classic" : kind == Kind::quorum ? "quorum" : "stream";
}

const char* overflow_name(LengthRule rule) {
    switch (rule) {
        case LengthRule::reject: return "reject-publish";
        case LengthRule::reject_and_dead_letter: return "reject-publish-dlx";
        case LengthRule::none:
        case LengthRule::drop_head: break;
    }
    return "drop-head";
}

void draw_rules(QueueSpec& queue, Random& random) {
    const bool classic = queue.kind == Kind::classic;
    if (random.one_in(4)) queue.ttl_ms = static_cast<std::int64_t>(random.between(500, 20'000));
    if (random.one_in(3)) {
        queue.length_max = random.between(1, 40);
        queue.length_rule = LengthRule::drop_head;
        if (random.one_in(2)) queue.length_rule = LengthRule::reject;
        else if (classic && random.one_in(3)) queue.length_rule = LengthRule::reject_and_dead_letter;
    }
    if (classic && random.one_in(4)) queue.priority_max = static_cast<std::uint8_t>(random.between(1, 9));
    queue.single_active = random.one_in(5);
    if (random.one_in(4)) queue.dedup_window_ms = static_cast<std::int64_t>(random.between(1'000, 30'000));
    queue.auto_ack = random.one_in(6);
    if (queue.kind == Kind::quorum) queue.delivery_limit = random.one_in(3) ? random.between(1, 4) : 20;
}

}  // namespace

Bytes QueueSpec::arguments() const {
    record::FieldTableBuilder table;
    table.set_text("x-queue-type", kind_name(kind));
    if (ttl_ms) table.set_int("x-message-ttl", *ttl_ms);
    if (length_max) {
        table.set_int("x-max-length", static_cast<std::int64_t>(*length_max));
        table.set_text("x-overflow", overflow_name(length_rule));
    }
    if (!dead_letters_to.empty()) {
        table.set_text("x-dead-letter-exchange", "");
        table.set_text("x-dead-letter-routing-key", dead_letters_to);
    }
    if (priority_max > 0) table.set_int("x-max-priority", priority_max);
    if (single_active) table.set_bool("x-single-active-consumer", true);
    if (dedup_window_ms > 0) table.set_int("x-deduplication-window", dedup_window_ms);
    if (delivery_limit > 0) table.set_int("x-delivery-limit", static_cast<std::int64_t>(delivery_limit));
    return table.take();
}

std::string QueueSpec::description() const {
    std::string text = name + ": " + kind_name(kind);
    if (ttl_ms) text += ", ttl " + std::to_string(*ttl_ms) + " ms";
    if (length_max) text += ", length " + std::to_string(*length_max) + " (" + overflow_name(length_rule) + ")";
    if (!dead_letters_to.empty()) text += ", dead letters to " + dead_letters_to;
    if (priority_max > 0) text += ", priorities to " + std::to_string(priority_max);
    if (single_active) text += ", single active consumer";
    if (dedup_window_ms > 0) text += ", deduplication " + std::to_string(dedup_window_ms) + " ms";
    if (delivery_limit > 0) text += ", delivery limit " + std::to_string(delivery_limit);
    if (auto_ack) text += ", consumed without acks";
    if (in_fanout) text += ", in the fanout";
    return text;
}

Topology draw_topology(Random random) {
    Topology all;
    const std::uint64_t count = random.between(1, 5);
    for (std::uint64_t i = 0; i < count; ++i) {
        QueueSpec queue;
        queue.name = "q" + std::to_string(i);
        const std::uint64_t die = random.below(10);
        queue.kind = die < 5 ? Kind::classic : die < 8 ? Kind::quorum : Kind::stream;
        queue.in_fanout = random.one_in(3);
        if (!queue.is_stream() && random.percent(70)) draw_rules(queue, random);
        const bool letters = !queue.is_stream() && random.one_in(2);
        if (letters) queue.dead_letters_to = "dead" + std::to_string(i);
        else if (queue.length_rule == LengthRule::reject_and_dead_letter) queue.length_rule = LengthRule::reject;
        all.push_back(queue);
        if (!letters) continue;
        QueueSpec dead;
        dead.name = queue.dead_letters_to;
        dead.kind = random.one_in(2) ? Kind::classic : Kind::quorum;
        if (dead.kind == Kind::quorum) dead.delivery_limit = 20;
        dead.takes_dead_letters = true;
        all.push_back(dead);
    }
    return all;
}

const QueueSpec* find_queue(const Topology& topology, const std::string& name) {
    for (const QueueSpec& queue : topology)
        if (queue.name == name) return &queue;
    return nullptr;
}

}  // namespace fantail::sim

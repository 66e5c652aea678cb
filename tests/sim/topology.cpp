// SPDX-License-Identifier: Apache-2.0
//! Draws queues with few rules each, so that rules meet in all pairs over many seeds, and exchanges in front of them.
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
    queue.by_policy = random.one_in(3);
}

BindingSpec draw_binding(ExchangeKind kind, const Topology& all, Random& random) {
    BindingSpec binding;
    binding.key = draw_key(random);
    if (kind == ExchangeKind::topic) {
        // "#" and "*" in place of words, anywhere.
        for (char& c : binding.key) {
            if (c != '.' && random.one_in(3)) c = random.one_in(2) ? '#' : '*';
        }
    }
    if (kind == ExchangeKind::headers) {
        binding.headers = draw_headers(random);
        binding.any = !binding.headers.empty() && random.one_in(2);
    }
    do {
        binding.to = random.pick(all.queues).name;
    } while (find_queue(all, binding.to)->takes_dead_letters);
    if (!all.exchanges.empty() && random.one_in(5)) {
        binding.to = random.pick(all.exchanges).name;
        binding.to_exchange = true;
    }
    return binding;
}

/// Exchanges know those before them, and the alternate may be any: ways may be circles.
void draw_exchanges(Topology& all, Random& random) {
    all.exchanges.push_back({.name = "amq.fanout", .kind = ExchangeKind::fanout, .predeclared = true});
    const std::uint64_t count = random.below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
        ExchangeSpec exchange;
        exchange.name = "x" + std::to_string(i);
        exchange.kind = static_cast<ExchangeKind>(random.below(4));
        if (random.one_in(3)) exchange.alternate = "x" + std::to_string(random.below(count));
        exchange.by_policy = random.one_in(2);
        all.exchanges.push_back(exchange);
    }
    for (std::size_t i = 0; i < all.exchanges.size(); ++i) {
        for (std::uint64_t n = random.below(5); n > 0; --n)
            all.exchanges[i].bindings.push_back(draw_binding(all.exchanges[i].kind, all, random));
    }
    all.exchanges.push_back({.name = own_exchange});
}

}  // namespace

Bytes QueueSpec::arguments() const {
    record::FieldTableBuilder table;
    table.set_text("x-queue-type", kind_name(kind));
    if (priority_max > 0) table.set_int("x-max-priority", priority_max);
    if (single_active) table.set_bool("x-single-active-consumer", true);
    if (by_policy) return table.take();
    if (ttl_ms) table.set_int("x-message-ttl", *ttl_ms);
    if (length_max) {
        table.set_int("x-max-length", static_cast<std::int64_t>(*length_max));
        table.set_text("x-overflow", overflow_name(length_rule));
    }
    if (!dead_letters_to.empty()) {
        table.set_text("x-dead-letter-exchange", "");
        table.set_text("x-dead-letter-routing-key", dead_letters_to);
    }
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
    if (by_policy) text += ", by policy";
    return text;
}

Bytes BindingSpec::arguments() const {
    record::FieldTableBuilder table;
    for (const auto& [name, value] : headers) table.set_text(name, value);
    if (!headers.empty()) table.set_text("x-match", any ? "any" : "all");
    return table.take();
}

const char* ExchangeSpec::type() const {
    switch (kind) {
        case ExchangeKind::direct: return "direct";
        case ExchangeKind::fanout: return "fanout";
        case ExchangeKind::topic: return "topic";
        case ExchangeKind::headers: return "headers";
    }
    return "";
}

Bytes ExchangeSpec::arguments() const {
    record::FieldTableBuilder table;
    if (!alternate.empty() && !by_policy) table.set_text("alternate-exchange", alternate);
    return table.take();
}

std::string ExchangeSpec::description() const {
    std::string text = name + ": " + type();
    if (!alternate.empty()) text += ", else " + alternate + (by_policy ? " by policy" : "");
    for (const BindingSpec& binding : bindings) {
        text += ", " + binding.key;
        if (!binding.headers.empty()) text += binding.any ? " any" : " all";
        for (const auto& [header, value] : binding.headers) text += " " + header + "=" + value;
        text += " to " + binding.to;
    }
    return text;
}

std::string draw_key(Random& random) {
    std::string key;
    for (std::uint64_t n = random.between(1, 3); n > 0; --n) {
        if (!key.empty()) key += '.';
        key += static_cast<char>('a' + random.below(3));
    }
    return key;
}

HeaderList draw_headers(Random& random) {
    HeaderList headers;
    for (const char* name : {"h0", "h1", "h2"}) {
        if (random.one_in(2)) headers.emplace_back(name, random.one_in(2) ? "a" : "b");
    }
    return headers;
}

Topology draw_topology(Random random) {
    Topology all;
    const std::uint64_t count = random.between(1, 5);
    for (std::uint64_t i = 0; i < count; ++i) {
        QueueSpec queue;
        queue.name = "q" + std::to_string(i);
        const std::uint64_t die = random.below(10);
        queue.kind = die < 5 ? Kind::classic : die < 8 ? Kind::quorum : Kind::stream;
        if (queue.kind == Kind::quorum) queue.delivery_limit = 20;  // as if nothing were said
        if (!queue.is_stream() && random.percent(70)) draw_rules(queue, random);
        const bool letters = !queue.is_stream() && random.one_in(2);
        if (letters) queue.dead_letters_to = "dead" + std::to_string(i);
        else if (queue.length_rule == LengthRule::reject_and_dead_letter) queue.length_rule = LengthRule::reject;
        all.queues.push_back(queue);
        if (!letters) continue;
        QueueSpec dead;
        dead.name = queue.dead_letters_to;
        dead.kind = random.one_in(2) ? Kind::classic : Kind::quorum;
        if (dead.kind == Kind::quorum) dead.delivery_limit = 20;
        dead.takes_dead_letters = true;
        all.queues.push_back(dead);
    }
    draw_exchanges(all, random);
    return all;
}

const QueueSpec* find_queue(const Topology& topology, const std::string& name) {
    for (const QueueSpec& queue : topology.queues)
        if (queue.name == name) return &queue;
    return nullptr;
}

}  // namespace fantail::sim

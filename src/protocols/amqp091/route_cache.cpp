// SPDX-License-Identifier: Apache-2.0
//! Resolves and remembers routes.
#include "protocols/amqp091/route_cache.hpp"

#include <algorithm>

#include "protocols/amqp091/queue_arguments.hpp"
#include "protocols/amqp091/topology.hpp"

namespace fantail::amqp091 {

namespace {

bool fits(const PublishRoute& route, const Publication& message, std::uint64_t version) {
    return route.version == version && route.key == message.routing_key && route.exchange == message.exchange;
}

}  // namespace

Replied<PublishRoute*> RouteCache::find(const Publication& message, const Draft& draft) {
    if (!draft.more_keys.empty()) [[unlikely]]
        return resolve(message, draft);
    const std::uint64_t version = link_.catalog().version();
    if (last_ != nullptr && fits(*last_, message, version)) [[likely]]
        return last_;
    PublishRoute& slot = slot_for(message);
    if (!fits(slot, message, version)) return resolve(message, draft);
    last_ = &slot;
    return last_;
}

PublishRoute& RouteCache::slot_for(const Publication& message) {
    if (slots_.empty()) slots_.resize(limits::cached_routes);
    const std::size_t hash =
        std::hash<std::string_view>{}(message.routing_key) * 31 + std::hash<std::string_view>{}(message.exchange);
    auto& slot = slots_[hash & (limits::cached_routes - 1)];
    if (!slot) slot = std::make_unique<PublishRoute>();
    return *slot;
}

Replied<const broker::ExchangeDefinition*> RouteCache::find_open_exchange(std::string_view name) {
    const auto* exchange = link_.catalog().exchange(link_.vhost, name);
    if (exchange == nullptr && name.empty()) {
        default_exchange_.vhost = link_.vhost;
        exchange = &default_exchange_;
    }
    if (exchange == nullptr) return refuse(not_found({"exchange", name, link_.vhost_name}));
    FANTAIL_CHECK(check_permission(link_, broker::Operation::write, "exchange", name));
    if (!exchange->internal) return exchange;
    return refuse(ReplyCode::access_refused, "cannot publish to internal " + described("exchange", name, link_));
}

void RouteCache::fill(PublishRoute& route, const broker::ExchangeDefinition& exchange) const {
    route.queues.clear();
    route.deduplication_window_ms = exchange.deduplication_window_ms;
    route.exchange_id = exchange.id;
    route.exchange_durable = exchange.durable;
    route.histories = found_.histories;
    route.deduplicated = exchange.deduplication_window_ms > 0;
    route.one_by_one = false;
    route.prioritized = false;
    route.batch = 0;
    for (const broker::QueueDefinition* queue : found_.queues) {
        const broker::QueueOptions& options = queue->options;
        const bool deduplicates = options.deduplication_window_ms > 0;
        const std::uint8_t priority_max = queue->highest_level();
        route.queues.push_back({queue->id, priority_max});
        route.deduplicated = route.deduplicated || deduplicates;
        route.one_by_one = route.one_by_one || deduplicates || options.overflow != broker::Overflow::drop_head;
        route.prioritized = route.prioritized || priority_max != 0;
    }
    std::ranges::sort(route.queues, {}, &PublishRoute::Queue::id);
}

Replied<PublishRoute*> RouteCache::resolve(const Publication& message, const Draft& draft) {
    FANTAIL_TRY(const auto* exchange, find_open_exchange(message.exchange));
    if (exchange->type == broker::ExchangeType::topic) {
        FANTAIL_CHECK(check_topic(link_, broker::Operation::write, exchange->name, message.routing_key));
        for (const std::string_view key : draft.more_keys)
            FANTAIL_CHECK(check_topic(link_, broker::Operation::write, exchange->name, key));
    }
    broker::RoutingFacts facts;
    facts.routing_key = message.routing_key;
    facts.more_keys = draft.more_keys;
    record::FieldTableView headers;
    if (draft.scan.headers) {
        headers = *draft.scan.headers;
        facts.headers = &headers;
    }
    facts.message_id = draft.scan.message_id.value_or("");
    // Hashing exchanges may ask for properties that the scan leaves out.
    if (!exchange->hash_property.empty()) {
        if (const auto all = record::Properties::parse(message.properties)) {
            facts.correlation_id = all->correlation_id.value_or("");
            facts.timestamp = static_cast<std::int64_t>(all->timestamp.value_or(0));
        }
    }
    found_.repeatable = false;
    link_.catalog().route(*exchange, facts, found_);
    const bool keep = draft.more_keys.empty() && (found_.repeatable || exchange->name.empty());
    PublishRoute& route = keep ? slot_for(message) : single_use_;
    fill(route, *exchange);
    found_.queues.clear();
    if (!keep) return &route;
    route.version = link_.catalog().version();
    route.exchange = message.exchange;
    route.key = message.routing_key;
    last_ = &route;
    return last_;
}

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Six definitions.
#include "server/predeclared.hpp"

namespace fantail::server {

std::vector<broker::ExchangeDefinition> predeclared_exchanges() {
    using broker::ExchangeType;
    struct Predeclared {
        const char* name;
        ExchangeType type;
        const char* type_name;
        bool internal = false;
    };
    constexpr Predeclared all[] = {
        {"amq.direct", ExchangeType::direct, "direct"},  {"amq.fanout", ExchangeType::fanout, "fanout"},
        {"amq.topic", ExchangeType::topic, "topic"},     {"amq.headers", ExchangeType::headers, "headers"},
        {"amq.match", ExchangeType::headers, "headers"}, {"amq.rabbitmq.trace", ExchangeType::topic, "topic", true},
    };
    std::vector<broker::ExchangeDefinition> exchanges;
    for (const Predeclared& each : all) {
        broker::ExchangeDefinition exchange;
        exchange.name = each.name;
        exchange.type = each.type;
        exchange.type_name = each.type_name;
        exchange.internal = each.internal;
        exchanges.push_back(std::move(exchange));
    }
    return exchanges;
}

}  // namespace fantail::server

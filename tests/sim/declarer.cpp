// SPDX-License-Identifier: Apache-2.0
//! Declares one thing after the other.
#include "sim/declarer.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

void Declarer::start() {
    plan();
    auto link = node_.connect({});
    if (!link) return world_.fail("declarer: nobody listens");
    peer_ = std::make_shared<AmqpPeer>(world_, std::move(link), 30);
    channel_ = peer_->open_channel(*this);
    peer_->open();
}

void Declarer::plan() {
    for (const QueueSpec& queue : topology_.queues) {
        steps_.emplace_back([this, &queue] {
            const Bytes arguments = queue.arguments();
            peer_->send(channel_, QueueDeclare{.queue = queue.name, .durable = true, .arguments = arguments});
        });
    }
    for (const ExchangeSpec& exchange : topology_.exchanges) {
        if (exchange.predeclared) continue;
        steps_.emplace_back([this, &exchange] {
            const Bytes arguments = exchange.arguments();
            peer_->send(
                channel_,
                ExchangeDeclare{
                    .exchange = exchange.name, .type = exchange.type(), .durable = true, .arguments = arguments});
        });
    }
    for (const ExchangeSpec& exchange : topology_.exchanges) plan(exchange);
}

void Declarer::plan(const ExchangeSpec& exchange) {
    for (const BindingSpec& binding : exchange.bindings) {
        steps_.emplace_back([this, &exchange, &binding] {
            const Bytes arguments = binding.arguments();
            if (binding.to_exchange)
                peer_->send(channel_, ExchangeBind{.destination = binding.to,
                                                   .source = exchange.name,
                                                   .routing_key = binding.key,
                                                   .arguments = arguments});
            else
                peer_->send(channel_, QueueBind{.queue = binding.to,
                                                .exchange = exchange.name,
                                                .routing_key = binding.key,
                                                .arguments = arguments});
        });
    }
}

void Declarer::next() {
    if (steps_.empty()) {
        done_ = true;
        const auto peer = std::exchange(peer_, nullptr);
        peer->drop();
        return;
    }
    const auto step = std::move(steps_.front());
    steps_.pop_front();
    step();
}

void Declarer::on_gone(const ChannelEnd& end) {
    if (!done_) world_.fail("declarer: channel over: " + std::to_string(end.code) + " " + end.text);
}

}  // namespace fantail::sim

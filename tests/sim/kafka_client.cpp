// SPDX-License-Identifier: Apache-2.0
//! Connects, and thinks.
#include "sim/kafka_client.hpp"

namespace fantail::sim {

namespace {
constexpr std::uint64_t kafka_concern = 0x4B41'464B'0000;
}

KafkaClient::KafkaClient(const KafkaSurroundings& around, std::string name, std::uint64_t number)
    : around_(around),
      name_(std::move(name)),
      number_(number),
      random_(around.world.chance(kafka_concern + number)),
      think_ns_(static_cast<std::int64_t>(random_.skewed(2, 2'000)) * ms) {}

void KafkaClient::start() {
    around_.world.after(static_cast<std::int64_t>(random_.below(300)) * ms, [this] { connect(); });
    think();
}

void KafkaClient::connect() {
    if (left_ || peer_) return;
    peer_ = std::make_shared<KafkaPeer>(around_.world, around_.node,
                                        KafkaPeer::Owner{[this] { on_open(); }, [this] { reconnect(); }});
    if (peer_->open(random_)) {
        note([&] { return "opens connection " + std::to_string(peer_->link()->number()); });
    } else {
        peer_.reset();
        connect_later();
    }
}

void KafkaClient::connect_later() {
    around_.world.after(static_cast<std::int64_t>(random_.between(20, 1500)) * ms, [this] { connect(); });
}

void KafkaClient::reconnect() {
    if (!peer_) return;
    note([] { return std::string("is without a connection"); });
    peer_->drop();
    peer_.reset();
    on_gone();
    connect_later();
}

void KafkaClient::leave() {
    if (connected() && random_.one_in(2)) say_good_bye();
    left_ = true;
    if (!peer_) return;
    peer_->drop();
    peer_.reset();
    on_gone();
}

std::string KafkaClient::unanswered() const {
    if (peer_ && peer_->owes()) return name_ + " waits for an answer";
    return {};
}

void KafkaClient::think() {
    const auto pause = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(2 * think_ns_))) + us;
    around_.world.after(pause, [this] {
        if (left_ || around_.world.ended()) return;
        if (!resting_ && connected()) {
            if (random_.one_in(300)) reconnect();
            else if (random_.one_in(300))
                peer_->link()->client_stall(static_cast<std::int64_t>(random_.between(1, 3000)) * ms);
            else act();
        }
        think();
    });
}

}  // namespace fantail::sim

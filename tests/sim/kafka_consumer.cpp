// SPDX-License-Identifier: Apache-2.0
//! Fetches again and again.
#include "sim/kafka_consumer.hpp"

namespace fantail::sim {

KafkaConsumer::KafkaConsumer(const KafkaSurroundings& around, std::uint64_t number)
    : KafkaClient(around, "consumer " + std::to_string(number), number),
      fetcher_(around.world, around.model, around.topology, name_, draw_fetch_habits(random_)) {}

void KafkaConsumer::choose_partitions() {
    fetcher_.clear();
    while (fetcher_.places().empty()) {
        for (const PartitionSpec& partition : around_.topology.partitions)
            if (random_.one_in(2)) fetcher_.add(partition, random_.one_in(3) ? Fetcher::from_end : Fetcher::from_start);
    }
}

/// It goes on where it was, mostly.
void KafkaConsumer::on_open() {
    ++epoch_;
    if (fetcher_.places().empty() || random_.one_in(8)) choose_partitions();
    fetch();
}

void KafkaConsumer::fetch() {
    fetcher_.fetch(peer_, [this, epoch = epoch_](std::size_t) {
        if (resting_ || around_.world.ended()) return;
        const std::int64_t pause = random_.one_in(4) ? think_ns_ : 0;
        around_.world.after(pause, [this, epoch] {
            if (epoch == epoch_ && connected() && !resting_) fetch();
        });
    });
}

void KafkaConsumer::act() {}

}  // namespace fantail::sim

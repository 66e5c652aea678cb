// SPDX-License-Identifier: Apache-2.0
//! A simulated Kafka consumer without a group: reads some partitions from their start, their end or where it was.
#pragma once

#include "sim/kafka_client.hpp"
#include "sim/kafka_fetcher.hpp"

namespace fantail::sim {

class KafkaConsumer final : public KafkaClient {
public:
    KafkaConsumer(const KafkaSurroundings& around, std::uint64_t number);

private:
    void on_open() override;
    void act() override;
    void choose_partitions();
    void fetch();

    Fetcher fetcher_;
    std::uint64_t epoch_ = 0;
};

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! A simulated Kafka producer: with or without a number, several requests in flight, and retries as librdkafka makes them.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "sim/kafka_client.hpp"
#include "sim/sent_batch.hpp"

namespace fantail::sim {

class KafkaProducer final : public KafkaClient {
public:
    KafkaProducer(const KafkaSurroundings& around, std::uint64_t number);

private:
    struct Produce {
        std::vector<SentBatch> batches;  ///< of one partition each
        std::uint64_t restarts = 0;      ///< when it was first sent
    };

    void on_open() override;
    void on_gone() override;
    void act() override;
    void take_number();
    void go_on();
    void repeat();
    void make_request();
    SentBatch make_batch(const PartitionSpec& partition);
    void send(const Produce& produce);
    void on_answer(const kafka::ProduceResponse& response);
    [[nodiscard]] bool on_partition(Produce& produce, const PartitionSpec& partition,
                                    const kafka::ProduceResponse::Partition& answer);

    std::int16_t version_;
    std::int16_t acks_;
    bool numbered_;  ///< idempotent
    bool retries_;
    std::size_t in_flight_max_;
    std::uint64_t burst_max_;
    std::int64_t producer_id_ = -1;
    std::map<const PartitionSpec*, std::int32_t> sequences_;
    std::uint64_t ids_ = 0;
    std::uint64_t epoch_ = 0;  ///< of the connection
    bool open_ = false;        ///< and has a number, if it wants one
    std::deque<Produce> unanswered_;
    std::optional<Produce> answered_;  ///< the last one of a producer with a number
    std::size_t in_flight_ = 0;        ///< of them, those that were sent on this connection
};

}  // namespace fantail::sim

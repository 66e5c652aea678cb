// SPDX-License-Identifier: Apache-2.0
//! Produces, and produces again.
#include "sim/kafka_producer.hpp"

#include <algorithm>

#include "protocols/kafka/transactions_client.hpp"
#include "sim/kafka_words.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {
/// Numbers of records tell whose they are, and are none of AMQP clients.
constexpr std::uint64_t ids_per_producer = 1'000'000'000;
constexpr std::uint64_t first_id = 1'000'000'000'000;
constexpr std::uint64_t sessions_per_producer = 100'000;
constexpr std::int32_t timeout_ms = 30'000;
}  // namespace

KafkaProducer::KafkaProducer(const KafkaSurroundings& around, std::uint64_t number)
    : KafkaClient(around, "producer " + std::to_string(number), number) {
    version_ = static_cast<std::int16_t>(random_.between(3, 12));
    numbered_ = random_.one_in(2);
    acks_ = numbered_ ? std::int16_t{-1} : random_.pick<std::int16_t>({-1, -1, 0, 1});
    retries_ = numbered_ || (acks_ != 0 && random_.one_in(2));
    in_flight_max_ = random_.between(1, 5);
    burst_max_ = random_.skewed(1, 30);
}

void KafkaProducer::on_open() {
    ++epoch_;
    in_flight_ = 0;
    if (!numbered_ || producer_id_ >= 0) go_on();
    else take_number();
}

void KafkaProducer::take_number() {
    peer_->ask<InitProducerIdResponse>(InitProducerIdRequest{.transaction_timeout_ms = timeout_ms}, 1,
                                       [this](const InitProducerIdResponse& response) {
                                           if (response.error_code != ApiError::none)
                                               return around_.world.fail(name_ + " is given no number");
                                           around_.model.numbered(response.producer_id);
                                           producer_id_ = response.producer_id;
                                           go_on();
                                       });
}

/// Everything that was not answered is sent again, in its order.
void KafkaProducer::go_on() {
    open_ = true;
    for (const Produce& produce : unanswered_) send(produce);
}

void KafkaProducer::on_gone() {
    open_ = false;
    in_flight_ = 0;
    if (!retries_) unanswered_.clear();
}

void KafkaProducer::act() {
    // One that sends again without a number has one request at a time, or its records change places.
    const std::size_t most = retries_ && !numbered_ ? 1 : in_flight_max_;
    if (!open_ || unanswered_.size() >= most) return;
    if (answered_ && unanswered_.empty() && random_.one_in(10)) return repeat();
    make_request();
    if (open_) send(unanswered_.back());
    if (acks_ == 0) unanswered_.clear();
}

/// As a network does that delivers twice: it must be answered as it was.
void KafkaProducer::repeat() {
    unanswered_.push_back(*answered_);
    for (SentBatch& batch : unanswered_.back().batches) batch.done = false;
    note([&] { return "sends again what begins with " + std::to_string(answered_->batches.front().ids.front()); });
    send(unanswered_.back());
}

void KafkaProducer::make_request() {
    Produce& produce = unanswered_.emplace_back();
    produce.restarts = around_.model.restarts();
    const auto count = [this] { return random_.one_in(3) ? random_.between(1, 3) : 1; };
    for (const PartitionSpec* partition : draw_partitions(around_.topology, random_, count))
        produce.batches.push_back(make_batch(*partition));
}

SentBatch KafkaProducer::make_batch(const PartitionSpec& partition) {
    SentBatch batch{.partition = &partition, .ids = {}, .bytes = {}};
    std::vector<WrittenRecord> records;
    const WallTime now = around_.world.now().wall;
    const bool old = !partition.topic->retention_ms && random_.one_in(10);
    for (std::uint64_t n = random_.between(1, burst_max_); n > 0; --n) {
        LogRecord record;
        record.id = first_id + number_ * ids_per_producer + (++ids_);
        record.partition = &partition;
        record.writer = number_ * sessions_per_producer + (retries_ ? 0 : epoch_);
        record.repeats = retries_ && !numbered_;
        record.time_ms = old ? now.ms - static_cast<std::int64_t>(random_.below(100'000'000)) : now.ms;
        around_.model.sent(record);
        const std::size_t size = random_.one_in(60) ? random_.between(1'000, 30'000) : random_.between(8, 200);
        records.push_back({record.id, size, {record.time_ms}});
        batch.ids.push_back(record.id);
    }
    record::BatchStamp stamp;
    if (numbered_) {
        stamp.producer_id = producer_id_;
        stamp.producer_epoch = 0;
        stamp.base_sequence = sequences_[&partition];
        sequences_[&partition] += static_cast<std::int32_t>(records.size());
    }
    batch.bytes = write_batch(records, stamp, static_cast<record::Codec>(random_.one_in(2) ? 0 : random_.below(5)));
    around_.model.sent(partition, batch.bytes.size());
    note([&] {
        return "writes " + std::to_string(batch.ids.front()) + " to " + std::to_string(batch.ids.back()) + " for " +
               partition.queue() + ", sequence " + std::to_string(stamp.base_sequence) + ", acks " +
               std::to_string(acks_);
    });
    return batch;
}

void KafkaProducer::send(const Produce& produce) {
    ProduceRequest request;
    request.acks = acks_;
    request.timeout_ms = timeout_ms;
    put_batches(produce.batches, request);
    if (acks_ == 0) return peer_->tell(request, version_);
    ++in_flight_;
    peer_->ask<ProduceResponse>(
        request, version_, [this](const ProduceResponse& response) { on_answer(response); }, timeout_ms * ms);
}

void KafkaProducer::on_answer(const ProduceResponse& response) {
    Produce& produce = unanswered_.front();
    --in_flight_;
    bool all = true;
    for (const auto& topic : response.responses) {
        for (const auto& partition : topic.partition_responses) {
            const PartitionSpec* spec = find_partition(around_.topology, topic.name, partition.index);
            if (spec == nullptr) return around_.world.fail(name_ + ": an answer about another partition");
            all = on_partition(produce, *spec, partition) && all;
        }
    }
    if (all || !retries_) {
        if (numbered_) answered_ = std::move(unanswered_.front());
        unanswered_.pop_front();
        return;
    }
    // What is behind it must not overtake it: all of it anew, on another connection.
    reconnect();
}

/// \return whether the batch is where it belongs
bool KafkaProducer::on_partition(Produce& produce, const PartitionSpec& partition,
                                 const ProduceResponse::Partition& answer) {
    const auto batch = std::ranges::find(produce.batches, &partition, &SentBatch::partition);
    if (batch == produce.batches.end() || batch->done) {
        around_.world.fail(name_ + ": an answer about a batch that was not sent");
        return false;
    }
    note([&] {
        return partition.queue() + " answers for " + std::to_string(batch->ids.front()) + ": error " +
               std::to_string(static_cast<int>(answer.error_code)) + ", offset " + std::to_string(answer.base_offset);
    });
    if (answer.error_code == ApiError::none) {
        batch->done = true;
        around_.model.stored(batch->ids, answer.base_offset, acks_ == -1, produce.restarts);
        return true;
    }
    if (answer.error_code != ApiError::request_timed_out)
        around_.world.fail(name_ + ": " + partition.queue() + " refuses a batch with error " +
                           std::to_string(static_cast<int>(answer.error_code)));
    return false;
}

}  // namespace fantail::sim

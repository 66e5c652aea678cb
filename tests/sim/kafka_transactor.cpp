// SPDX-License-Identifier: Apache-2.0
//! The steps of a transactional producer.
#include "sim/kafka_transactor.hpp"

#include <algorithm>

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {

/// Numbers of records and writers are nobody else's.
constexpr std::uint64_t first_id = 3'000'000'000'000;
constexpr std::uint64_t ids_per_producer = 1'000'000'000;
constexpr std::uint64_t first_writer = 2'000'000'000;
constexpr std::uint64_t lives_per_producer = 100'000;
constexpr std::int32_t produce_timeout_ms = 30'000;
constexpr std::int64_t retry_time = 100 * ms;

template <class Topics>
ApiError first_error(const Topics& topics) {
    for (const auto& topic : topics)
        for (const auto& partition : topic.results_by_partition)
            if (partition.partition_error_code != ApiError::none) return partition.partition_error_code;
    return ApiError::none;
}

}  // namespace

KafkaTransactor::KafkaTransactor(const KafkaSurroundings& around, std::string name, std::string id,
                                 std::uint64_t number)
    : KafkaClient(around, std::move(name), number), id_(std::move(id)) {
    fencing_version_ = static_cast<std::int16_t>(random_.below(2));
    timeout_ms_ = static_cast<std::int32_t>(random_.between(1'000, 15'000));
    think_ns_ = std::min(think_ns_, timeout_ms_ * ms / 4);
}

// ---- the course of it

void KafkaTransactor::on_open() { ask(); }

void KafkaTransactor::on_gone() {
    ++asked_;
    renew_ = true;
}

/// What is under way, on this connection.
void KafkaTransactor::ask() {
    if (!connected()) return;
    switch (step_) {
        case Step::opening: return open_producer();
        case Step::idle: return;
        case Step::adding: return add_partitions();
        case Step::producing: return produce();
        case Step::adding_offsets: return add_offsets();
        case Step::committing_offsets: return commit_offsets();
        case Step::looking: return look();
        case Step::ending: return end();
    }
}

void KafkaTransactor::ask_later(std::int64_t delay_ns) {
    around_.world.after(delay_ns, [this, asked = ++asked_] {
        if (asked == asked_) ask();
    });
}

/// Mostly at once; at times it is slow, or slower than it may be.
void KafkaTransactor::go_on(Step next) {
    step_ = next;
    if (step_ == Step::idle) return;
    std::int64_t pause = 0;
    if (random_.one_in(10)) pause = static_cast<std::int64_t>(random_.below(1'000)) * ms;
    if (random_.one_in(80)) pause = static_cast<std::int64_t>(random_.below(2 * timeout_ms_)) * ms;
    if (pause == 0) ask();
    else ask_later(pause);
}

void KafkaTransactor::act() {
    if (random_.one_in(80)) return die();
    if (step_ != Step::idle) return;
    if (renew_ || random_.one_in(50)) go_on(Step::opening);
    else on_idle();
}

/// Its process ends, and another begins.
void KafkaTransactor::die() {
    note([] { return std::string("dies"); });
    give_up();
    life_.reset();
    reconnect();
}

void KafkaTransactor::give_up() {
    const bool was_open = transaction_ != nullptr;
    transaction_.reset();
    batches_.clear();
    step_ = Step::opening;
    ++asked_;
    if (was_open) on_over(false);
}

void KafkaTransactor::begin(bool commit) {
    transaction_ = around_.transactions.begin(life_, timeout_ms_ * ms);
    commit_ = commit;
    portions_ = random_.between(1, 3);
    ends_asked_ = 0;
    note([&] { return "begins transaction " + std::to_string(transaction_->number); });
    after_batches();
}

void KafkaTransactor::after_batches() {
    batches_.clear();
    if (portions_ > 0 && fill()) {
        --portions_;
        return go_on(Step::adding);
    }
    go_on(loop() != nullptr ? Step::adding_offsets : Step::ending);
}

void KafkaTransactor::on_idle() { begin(!random_.one_in(4)); }

bool KafkaTransactor::fill() {
    const auto count = [this] { return random_.between(1, 3); };
    for (const PartitionSpec* partition : draw_partitions(around_.topology, random_, count))
        write(*partition, random_.skewed(1, 20));
    return true;
}

void KafkaTransactor::write(const PartitionSpec& partition, std::uint64_t count) {
    SentBatch batch{.partition = &partition, .ids = {}, .bytes = {}};
    std::vector<WrittenRecord> records;
    around_.transactions.adds(*transaction_, partition);
    for (; count > 0; --count) {
        LogRecord record;
        record.id = first_id + number_ * ids_per_producer + (++ids_);
        record.partition = &partition;
        record.writer = first_writer + number_ * lives_per_producer + lives_;
        record.time_ms = around_.world.now().wall.ms;
        around_.transactions.wrote(transaction_, record.id);
        around_.model.sent(record);
        records.push_back({record.id, random_.between(8, 200), {record.time_ms}});
        batch.ids.push_back(record.id);
    }
    record::BatchStamp stamp;
    stamp.attributes = record::batch_attribute::transactional;
    stamp.producer_id = life_->id;
    stamp.producer_epoch = life_->epoch;
    stamp.base_sequence = sequences_[&partition];
    sequences_[&partition] += static_cast<std::int32_t>(records.size());
    batch.bytes = write_batch(records, stamp, static_cast<record::Codec>(random_.one_in(2) ? 0 : random_.below(5)));
    around_.model.sent(partition, batch.bytes.size());
    note([&] {
        return "writes " + std::to_string(batch.ids.front()) + " to " + std::to_string(batch.ids.back()) + " for " +
               partition.queue() + ", sequence " + std::to_string(stamp.base_sequence);
    });
    batches_.push_back(std::move(batch));
}

// ---- what may be answered

KafkaTransactor::Heed KafkaTransactor::heed(ApiError error, std::int64_t asked_at, const char* what) {
    if (error == ApiError::none) {
        around_.transactions.served(*life_, asked_at, what);
        return Heed::fine;
    }
    note([&] { return std::string(what) + ": error " + std::to_string(static_cast<int>(error)); });
    switch (error) {
        case ApiError::concurrent_transactions:
        case ApiError::coordinator_load_in_progress:
        case ApiError::request_timed_out: return Heed::again;
        case ApiError::producer_fenced:
        case ApiError::invalid_producer_epoch:
        case ApiError::invalid_txn_state:
            if (around_.transactions.may_be_refused(*transaction_)) return Heed::lost;
            [[fallthrough]];
        default:
            around_.world.fail(name_ + ": " + what + " ends in error " + std::to_string(static_cast<int>(error)));
            return Heed::lost;
    }
}

bool KafkaTransactor::heed_and_go_on(ApiError error, std::int64_t asked_at, const char* what, Step next) {
    const Heed how = heed(error, asked_at, what);
    if (how == Heed::fine) go_on(next);
    else if (how == Heed::again) ask_later(retry_time);
    else lose();
    return how == Heed::fine;
}

void KafkaTransactor::lose() {
    ++around_.world.counts.producers_fenced;
    give_up();
    life_.reset();
    // Not at once, or two of one name would fence each other for ever.
    ask_later(static_cast<std::int64_t>(random_.between(500, 10'000)) * ms);
}

// ---- steps

void KafkaTransactor::open_producer() {
    InitProducerIdRequest request;
    request.transactional_id = id_;
    request.transaction_timeout_ms = timeout_ms_;
    const auto version = static_cast<std::int16_t>(3 + fencing_version_);
    if (life_ && random_.one_in(2)) {  // as after an error that it got over
        request.producer_id = life_->id;
        request.producer_epoch = life_->epoch;
    }
    around_.transactions.opening(id_);
    renew_ = false;
    peer_->ask<InitProducerIdResponse>(
        request, version,
        [this, asked = ++asked_, at = around_.world.time()](const InitProducerIdResponse& response) {
            if (asked == asked_) on_opening(response, at);
        },
        timeout_ms_ * ms);
}

void KafkaTransactor::on_opening(const InitProducerIdResponse& response, std::int64_t asked_at) {
    const bool fenced =
        response.error_code == ApiError::producer_fenced || response.error_code == ApiError::invalid_producer_epoch;
    if (response.error_code == ApiError::none) {
        life_ = around_.transactions.opened(id_, response.producer_id, response.producer_epoch, asked_at);
        note([&] { return "is " + id_ + " in epoch " + std::to_string(life_->epoch); });
        ++lives_;
        sequences_.clear();
        step_ = Step::idle;
        return on_opened();
    }
    around_.transactions.not_opened(id_);
    if (fenced && life_ && around_.transactions.may_be_fenced(*life_)) return lose();
    if (response.error_code != ApiError::concurrent_transactions)
        around_.world.fail(name_ + ": InitProducerId ends in error " +
                           std::to_string(static_cast<int>(response.error_code)));
    ask_later(retry_time);
}

void KafkaTransactor::add_partitions() {
    around_.transactions.touch(*transaction_);
    AddPartitionsToTxnRequest request;
    request.transactional_id = id_;
    request.producer_id = life_->id;
    request.producer_epoch = life_->epoch;
    for (const SentBatch& batch : batches_) {
        if (request.topics.empty() || request.topics.back().name != batch.partition->topic->name)
            request.topics.push_back({batch.partition->topic->name, {}});
        request.topics.back().partitions.push_back(batch.partition->index);
    }
    peer_->ask<AddPartitionsToTxnResponse>(
        request, static_cast<std::int16_t>(1 + fencing_version_),
        [this, asked = ++asked_, at = around_.world.time()](const AddPartitionsToTxnResponse& response) {
            if (asked == asked_)
                heed_and_go_on(first_error(response.results), at, "AddPartitionsToTxn", Step::producing);
        });
}

void KafkaTransactor::produce() {
    ProduceRequest request;
    request.transactional_id = id_;
    request.acks = -1;
    request.timeout_ms = produce_timeout_ms;
    put_batches(batches_, request);
    constexpr std::int16_t version = 7;
    peer_->ask<ProduceResponse>(
        request, version,
        [this, asked = ++asked_, at = around_.world.time(),
         restarts = around_.model.restarts()](const ProduceResponse& response) {
            if (asked == asked_) on_produced(response, restarts, at);
        },
        produce_timeout_ms * ms);
}

void KafkaTransactor::on_produced(const ProduceResponse& response, std::uint64_t restarts, std::int64_t asked_at) {
    Heed all = Heed::fine;
    for (const auto& topic : response.responses) {
        for (const auto& partition : topic.partition_responses) {
            const PartitionSpec* spec = find_partition(around_.topology, topic.name, partition.index);
            const auto batch = std::ranges::find(batches_, spec, &SentBatch::partition);
            if (batch == batches_.end()) return around_.world.fail(name_ + ": an answer about another partition");
            const Heed each = heed(partition.error_code, asked_at, "Produce");
            all = std::max(all, each);
            if (each != Heed::fine) continue;
            batch->done = true;
            around_.model.stored(batch->ids, partition.base_offset, true, restarts);
        }
    }
    if (all == Heed::fine) after_batches();
    else if (all == Heed::again) ask_later(retry_time);
    else lose();
}

void KafkaTransactor::add_offsets() {
    const AddOffsetsToTxnRequest request{id_, life_->id, life_->epoch, loop()->group};
    peer_->ask<AddOffsetsToTxnResponse>(
        request, static_cast<std::int16_t>(1 + fencing_version_),
        [this, asked = ++asked_, at = around_.world.time()](const AddOffsetsToTxnResponse& response) {
            if (asked == asked_) heed_and_go_on(response.error_code, at, "AddOffsetsToTxn", Step::committing_offsets);
        });
}

void KafkaTransactor::commit_offsets() {
    TxnOffsetCommitRequest request;
    request.transactional_id = id_;
    request.group_id = loop()->group;
    request.producer_id = life_->id;
    request.producer_epoch = life_->epoch;
    const PartitionSpec& input = *loop()->input;
    request.topics.push_back({input.topic->name, {{input.index, consumed(), -1, std::nullopt}}});
    constexpr std::int16_t version = 3;
    peer_->ask<TxnOffsetCommitResponse>(
        request, version, [this, asked = ++asked_, at = around_.world.time()](const TxnOffsetCommitResponse& response) {
            if (asked != asked_) return;
            heed_and_go_on(response.topics.at(0).partitions.at(0).error_code, at, "TxnOffsetCommit", Step::looking);
        });
}

/// Nobody may see the offsets before the end.
void KafkaTransactor::look() {
    if (!random_.one_in(3)) return go_on(Step::ending);
    OffsetFetchRequest request;
    request.group_id = loop()->group;
    request.require_stable = random_.one_in(2);
    request.topics.emplace();
    request.topics->push_back({loop()->input->topic->name, {loop()->input->index}});
    constexpr std::int16_t version = 7;
    peer_->ask<OffsetFetchResponse>(
        request, version,
        [this, asked = ++asked_, stable_only = request.require_stable](const OffsetFetchResponse& response) {
            if (asked != asked_) return;
            const auto& answer = response.topics.at(0).partitions.at(0);
            const bool undecided = answer.error_code == ApiError::unstable_offset_commit;
            around_.transactions.looked(*transaction_, stable_only, undecided, answer.committed_offset);
            go_on(Step::ending);
        });
}

void KafkaTransactor::end() {
    around_.transactions.ending(*transaction_, commit_);
    ++ends_asked_;
    note([&] { return std::string(commit_ ? "commits" : "aborts"); });
    const EndTxnRequest request{id_, life_->id, life_->epoch, commit_};
    peer_->ask<EndTxnResponse>(request, static_cast<std::int16_t>(1 + fencing_version_),
                               [this, asked = ++asked_, at = around_.world.time()](const EndTxnResponse& response) {
                                   if (asked == asked_) on_end(response.error_code, at);
                               });
}

void KafkaTransactor::on_end(ApiError error, std::int64_t asked_at) {
    const TransactionPtr ended = transaction_;
    const Heed how = heed(error, asked_at, "EndTxn");
    if (how == Heed::again) return ask_later(retry_time);
    if (how == Heed::lost) {
        if (ends_asked_ == 1) around_.transactions.refused(*ended);
        return lose();
    }
    around_.transactions.ended(*ended, commit_);
    transaction_.reset();
    batches_.clear();
    step_ = Step::idle;
    on_over(commit_);
}

}  // namespace fantail::sim

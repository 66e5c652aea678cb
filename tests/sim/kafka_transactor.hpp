// SPDX-License-Identifier: Apache-2.0
//! A simulated transactional producer: begins, adds, produces, ends; is fenced, dies and is late in between.
#pragma once

#include <map>
#include <vector>

#include "protocols/kafka/errors.hpp"
#include "protocols/kafka/groups_client.hpp"
#include "protocols/kafka/transactions_client.hpp"
#include "sim/kafka_client.hpp"
#include "sim/kafka_words.hpp"
#include "sim/sent_batch.hpp"

namespace fantail::sim {

/// As Kafka's own producers do it, what is under way is asked again on another connection when one is gone.
class KafkaTransactor : public KafkaClient {
public:
    /// \param id its transactional id, which others may have too
    KafkaTransactor(const KafkaSurroundings& around, std::string name, std::string id, std::uint64_t number);

protected:
    enum class Step : std::uint8_t {
        opening,
        idle,
        adding,
        producing,
        adding_offsets,
        committing_offsets,
        looking,  ///< at what its group says meanwhile
        ending,
    };

    void act() override;
    /// It has a number.
    virtual void on_opened() {}
    /// The transaction is over, for good or not.
    virtual void on_over(bool /*committed*/) {}
    /// It may begin something.
    virtual void on_idle();
    /// What goes into the transaction next. \return whether there was anything
    virtual bool fill();
    /// The offsets that belong to it; null: none.
    [[nodiscard]] virtual const LoopSpec* loop() const { return nullptr; }
    [[nodiscard]] virtual std::int64_t consumed() const { return 0; }

    void begin(bool commit);
    /// Writes so many records to the partition, in a batch.
    void write(const PartitionSpec& partition, std::uint64_t count);
    [[nodiscard]] Step step() const { return step_; }
    [[nodiscard]] const TransactionPtr& transaction() const { return transaction_; }
    /// Somebody else is the producer by now, or its time was over: it begins anew, later.
    void lose();

private:
    enum class Heed : std::uint8_t { fine, again, lost };

    void on_open() override;
    void on_gone() override;
    void ask();
    void ask_later(std::int64_t delay_ns);
    void go_on(Step next);
    void after_batches();
    void open_producer();
    void add_partitions();
    void produce();
    void add_offsets();
    void commit_offsets();
    void look();
    void end();
    void on_opening(const kafka::InitProducerIdResponse& response, std::int64_t asked_at);
    void on_produced(const kafka::ProduceResponse& response, std::uint64_t restarts, std::int64_t asked_at);
    void on_end(kafka::ApiError error, std::int64_t asked_at);
    [[nodiscard]] Heed heed(kafka::ApiError error, std::int64_t asked_at, const char* what);
    /// Goes to the next step if nothing is wrong. \return whether it does
    bool heed_and_go_on(kafka::ApiError error, std::int64_t asked_at, const char* what, Step next);
    void give_up();
    void die();

    std::string id_;
    std::int16_t fencing_version_;  ///< whether its requests are of versions that tell fencing
    std::int32_t timeout_ms_;
    std::shared_ptr<ProducerLife> life_;
    Step step_ = Step::opening;
    TransactionPtr transaction_;
    bool commit_ = false;
    std::uint64_t portions_ = 0;  ///< that are still to be written
    std::uint64_t ends_asked_ = 0;
    std::vector<SentBatch> batches_;
    std::map<const PartitionSpec*, std::int32_t> sequences_;
    bool renew_ = false;       ///< what was asked on another connection may still come: it needs another epoch
    std::uint64_t asked_ = 0;  ///< steps, by number
    std::uint64_t lives_ = 0;
    std::uint64_t ids_ = 0;
};

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! A simulated loop: consumes what is committed, produces what follows from it, and commits both in one transaction.
#pragma once

#include "protocols/kafka/groups_client.hpp"
#include "sim/kafka_fetcher.hpp"
#include "sim/kafka_transactor.hpp"

namespace fantail::sim {

/// Of those of one loop only the one that was opened last gets anything done.
class KafkaLoop final : public KafkaTransactor {
public:
    KafkaLoop(const KafkaSurroundings& around, const LoopSpec& spec, std::uint64_t number);

private:
    void on_opened() override { find_place(); }
    void on_over(bool committed) override;
    void on_idle() override;
    bool fill() override;
    [[nodiscard]] const LoopSpec* loop() const override { return &spec_; }
    [[nodiscard]] std::int64_t consumed() const override { return to_; }

    /// Asks the group where to go on.
    void find_place();
    void on_place(const kafka::OffsetFetchResponse& response, std::int64_t asked_at);
    void fetch();

    const LoopSpec& spec_;
    Fetcher fetcher_;
    std::int64_t from_ = -1;  ///< what is committed; -1: not known
    std::int64_t to_ = 0;
    std::uint64_t read_ = 0;  ///< records from there to `to_`
    bool fetching_ = false;
    std::uint64_t places_ = 0;  ///< that were looked for
};

}  // namespace fantail::sim

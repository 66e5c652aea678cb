// SPDX-License-Identifier: Apache-2.0
//! Reads partitions over a Kafka connection, as a consumer of Kafka does: fetches with long polls, from offsets that it keeps.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "protocols/kafka/data_client.hpp"
#include "sim/kafka_peer.hpp"
#include "sim/kafka_words.hpp"
#include "sim/log_model.hpp"

namespace fantail::sim {

struct FetchHabits {
    std::int16_t version = 12;
    std::int32_t wait_max_ms = 500;
    std::int32_t bytes_min = 1;
    std::int32_t bytes_max = 1 << 20;
    std::int32_t partition_bytes_max = 1 << 18;
    bool committed_only = false;
};
[[nodiscard]] FetchHabits draw_fetch_habits(Random& random);

/// What it has been told of a partition's end, and how far it is.
struct FetchPlace {
    std::shared_ptr<LogReader> reader;
    LogBounds bounds;
    bool at_end = false;  ///< the last answer had nothing more
};

class Fetcher {
public:
    static constexpr std::int64_t from_start = -1;
    static constexpr std::int64_t from_end = -2;

    Fetcher(World& world, LogModel& model, const LogTopology& topology, std::string name, FetchHabits habits)
        : world_(world), model_(model), topology_(topology), name_(std::move(name)), habits_(habits) {}

    /// Reads it from now on. \param offset or from_start, from_end
    void add(const PartitionSpec& partition, std::int64_t offset);
    void remove(const PartitionSpec& partition) { places_.erase(&partition); }
    void clear() { places_.clear(); }
    /// Somebody wants to see the batches, those that the reader does not get too, and the records that it does.
    std::function<void(const PartitionSpec&, const FetchedBatch&)> on_batch;
    std::function<void(const FetchedRecord&)> on_record;
    [[nodiscard]] const std::map<const PartitionSpec*, FetchPlace>& places() const { return places_; }
    /// Asks once, on this connection, and calls `done` with the answer: how many records it had.
    void fetch(const std::shared_ptr<KafkaPeer>& peer, std::function<void(std::size_t)> done);

private:
    void find_offset(const std::shared_ptr<KafkaPeer>& peer, FetchPlace& place, std::function<void(std::size_t)> done);
    void ask(const std::shared_ptr<KafkaPeer>& peer, std::function<void(std::size_t)> done);
    std::size_t take(FetchPlace& place, const kafka::FetchResponse::Partition& answer, const LogBounds& before);
    std::size_t take(LogReader& reader, const FetchedBatch& batch, bool aborted);
    void on_offset(FetchPlace& place, const kafka::ListOffsetsResponse::Partition& answer, const LogBounds& before);

    World& world_;
    LogModel& model_;
    const LogTopology& topology_;
    std::string name_;
    FetchHabits habits_;
    std::map<const PartitionSpec*, FetchPlace> places_;
};

}  // namespace fantail::sim

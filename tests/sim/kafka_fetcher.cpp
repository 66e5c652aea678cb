// SPDX-License-Identifier: Apache-2.0
//! Fetches, and looks offsets up.
#include "sim/kafka_fetcher.hpp"

#include "sim/kafka_words.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {
constexpr std::int64_t latest = -1;
constexpr std::int64_t earliest = -2;
constexpr std::int16_t list_offsets_version = 5;

/// Which batches were aborted: found as Kafka's own consumers find it.
class AbortedList {
public:
    using List = decltype(FetchResponse::Partition::aborted_transactions)::value_type;
    explicit AbortedList(List list) : list_(std::move(list)) {
        std::ranges::sort(list_, {}, &List::value_type::first_offset);
    }
    [[nodiscard]] bool has(const FetchedBatch& batch) {
        for (; next_ < list_.size() && list_[next_].first_offset < batch.end; ++next_)
            producers_.insert(list_[next_].producer_id);
        if (batch.commits) {
            if (!*batch.commits) producers_.erase(batch.producer);
            return false;
        }
        return batch.transactional && producers_.contains(batch.producer);
    }

private:
    List list_;
    std::size_t next_ = 0;
    std::set<std::int64_t> producers_;
};

}  // namespace

FetchHabits draw_fetch_habits(Random& random) {
    FetchHabits habits;
    habits.version = static_cast<std::int16_t>(random.between(4, 12));
    habits.wait_max_ms =
        static_cast<std::int32_t>(random.one_in(2) ? random.between(0, 500) : random.between(500, 20'000));
    habits.bytes_min = random.one_in(4) ? static_cast<std::int32_t>(random.between(2, 5'000)) : 1;
    habits.bytes_max = random.one_in(4) ? static_cast<std::int32_t>(random.between(1, 20'000)) : 1 << 20;
    habits.partition_bytes_max = random.one_in(4) ? static_cast<std::int32_t>(random.between(1, 5'000)) : 1 << 18;
    habits.committed_only = random.one_in(2);
    return habits;
}

void Fetcher::add(const PartitionSpec& partition, std::int64_t offset) {
    FetchPlace place;
    place.reader = std::make_shared<LogReader>();
    place.reader->name = name_;
    place.reader->partition = &partition;
    place.reader->next = offset;
    place.reader->committed_only = habits_.committed_only;
    if (habits_.bytes_min <= 1) model_.waits(place.reader);
    places_[&partition] = std::move(place);
}

void Fetcher::fetch(const std::shared_ptr<KafkaPeer>& peer, std::function<void(std::size_t)> done) {
    for (auto& [partition, place] : places_)
        if (place.reader->next < 0) return find_offset(peer, place, std::move(done));
    ask(peer, std::move(done));
}

void Fetcher::find_offset(const std::shared_ptr<KafkaPeer>& peer, FetchPlace& place,
                          std::function<void(std::size_t)> done) {
    const PartitionSpec& partition = *place.reader->partition;
    ListOffsetsRequest request;
    request.replica_id = -1;
    request.isolation_level = habits_.committed_only ? 1 : 0;
    request.topics.push_back(
        {partition.topic->name, {{partition.index, -1, place.reader->next == from_end ? latest : earliest}}});
    peer->ask<ListOffsetsResponse>(request, list_offsets_version,
                                   [this, &partition, reader = place.reader, before = model_.told(partition),
                                    done = std::move(done)](const ListOffsetsResponse& response) {
                                       const auto at = places_.find(&partition);
                                       if (at != places_.end() && at->second.reader == reader)
                                           on_offset(at->second, response.topics.at(0).partitions.at(0), before);
                                       done(1);
                                   });
}

void Fetcher::on_offset(FetchPlace& place, const ListOffsetsResponse::Partition& answer, const LogBounds& before) {
    LogReader& reader = *place.reader;
    if (answer.error_code != ApiError::none)
        return world_.fail(name_ + ": ListOffsets ends in error " +
                           std::to_string(static_cast<int>(answer.error_code)));
    const std::int64_t end = habits_.committed_only ? before.stable : before.high_watermark;
    if (reader.next == from_end && answer.offset < end)
        world_.fail(name_ + ": " + reader.partition->queue() + " ends at " + std::to_string(answer.offset) +
                    ", and did at " + std::to_string(end));
    if (reader.next == from_end && habits_.committed_only) model_.judge_end(*reader.partition, answer.offset);
    reader.seek(answer.offset);
}

void Fetcher::ask(const std::shared_ptr<KafkaPeer>& peer, std::function<void(std::size_t)> done) {
    FetchRequest request;
    request.replica_id = -1;
    request.max_wait_ms = habits_.wait_max_ms;
    request.min_bytes = habits_.bytes_min;
    request.max_bytes = habits_.bytes_max;
    request.isolation_level = habits_.committed_only ? 1 : 0;
    std::map<const PartitionSpec*, std::pair<std::shared_ptr<LogReader>, LogBounds>> asked;
    for (auto& [partition, place] : places_) {
        if (request.topics.empty() || request.topics.back().topic != partition->topic->name)
            request.topics.push_back({partition->topic->name, {}, {}});
        auto& wanted = request.topics.back().partitions.emplace_back();
        wanted.partition = partition->index;
        wanted.fetch_offset = place.reader->next;
        wanted.partition_max_bytes = habits_.partition_bytes_max;
        place.reader->waiting_since = world_.time();
        place.reader->link = peer->link();
        asked[partition] = {place.reader, model_.told(*partition)};
    }
    const auto take_all = [this, asked = std::move(asked), done = std::move(done)](const FetchResponse& response) {
        std::size_t records = 0;
        for (const auto& topic : response.responses) {
            for (const auto& partition : topic.partitions) {
                const PartitionSpec* spec = find_partition(topology_, topic.topic, partition.partition_index);
                const auto& [reader, before] = asked.at(spec);
                reader->waiting_since = -1;
                const auto at = places_.find(spec);
                if (at == places_.end() || at->second.reader != reader || world_.failed()) continue;
                records += take(at->second, partition, before);
            }
        }
        done(records);
    };
    peer->ask<FetchResponse>(request, habits_.version, take_all, habits_.wait_max_ms * ms);
}

std::size_t Fetcher::take(FetchPlace& place, const FetchResponse::Partition& answer, const LogBounds& before) {
    LogReader& reader = *place.reader;
    const LogBounds now{std::max<std::int64_t>(answer.log_start_offset, 0), answer.high_watermark,
                        answer.last_stable_offset, 0};
    if (answer.error_code == ApiError::offset_out_of_range) {
        if (habits_.version >= 5) model_.out_of_range(reader, now.start);
        reader.next = from_start;
        return 0;
    }
    // A read of the disk failed: it is tried again.
    if (answer.error_code == ApiError::storage_error) return 0;
    if (answer.error_code != ApiError::none) {
        world_.fail(name_ + ": a fetch ends in error " + std::to_string(static_cast<int>(answer.error_code)));
        return 0;
    }
    if (habits_.version >= 5) model_.bounds(*reader.partition, now, before);
    place.bounds = now;
    std::string wrong;
    const auto batches = read_batches(answer.records.first, wrong);
    if (!wrong.empty()) world_.fail(name_ + ": " + reader.partition->queue() + " has " + wrong);
    const std::int64_t end = habits_.committed_only ? now.stable : now.high_watermark;
    AbortedList aborted(answer.aborted_transactions.value_or(AbortedList::List{}));
    std::size_t records = 0;
    for (const FetchedBatch& batch : batches) {
        model_.batch(*reader.partition, batch.base, batch.bytes);
        if (batch.end > end)
            world_.fail(name_ + ": " + reader.partition->queue() + " gives what is beyond " + std::to_string(end));
        if (on_batch) on_batch(*reader.partition, batch);
        records += take(reader, batch, habits_.committed_only && aborted.has(batch));
    }
    place.at_end = batches.empty();
    return records;
}

std::size_t Fetcher::take(LogReader& reader, const FetchedBatch& batch, bool aborted) {
    if (batch.commits && batch.base >= reader.next && !world_.failed()) model_.marker(reader, batch.base);
    std::size_t records = 0;
    for (const FetchedRecord& record : batch.records) {
        if (record.offset < reader.next || world_.failed()) continue;
        if (aborted) {
            model_.skip(reader, record.offset, record.id);
            continue;
        }
        model_.read(reader, record.offset, record.id);
        if (on_record) on_record(record);
        ++records;
    }
    return records;
}

}  // namespace fantail::sim

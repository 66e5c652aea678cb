// SPDX-License-Identifier: Apache-2.0
//! Fetch: reads of logs, shard by shard, that wait together until there is enough or the time is over.
#include <array>
#include <list>
#include <map>
#include <set>

#include "protocols/kafka/data_messages.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/mapping.hpp"
#include "protocols/kafka/topic_names.hpp"

namespace fantail::kafka {

namespace {

/// Of one response, whatever the client would take.
constexpr std::uint32_t response_bytes_max = 64u << 20;

/// Fetch sessions are refused, which clients understand: every request names all of its partitions.
class FetchExchange final : public ExchangeOf<FetchRequest> {
public:
    using ExchangeOf::ExchangeOf;

    void on_event(broker::Event& event) override {
        auto& answer = std::get<broker::LogsRead>(event);
        const auto at = std::ranges::find(reads_, answer.request, &Read::request);
        if (at == reads_.end()) return;
        at->answered = true;
        for (std::size_t i = 0; i < at->places.size(); ++i) slices_[at->places[i]] = std::move(answer.slices[i]);
        --left_;
        // What one shard has is what the client waits for: the others give what they have.
        if (left_ > 0) end_waits();
        else finish();
    }

    void on_deadline() override {
        set_deadline(MonoTime::never());
        end_waits();
    }

private:
    struct Read {
        RequestId request;
        ShardId shard;
        std::vector<std::size_t> places;
        bool answered = false;
    };

    void start() override {
        if (request().session_id != 0) {  // of another life of the broker
            FetchResponse response;
            response.error_code = ApiError::fetch_session_id_not_found;
            return respond(response);
        }
        std::map<ShardId, broker::ReadLogs> questions;
        std::map<ShardId, std::vector<std::size_t>> places;
        std::set<QueueId> asked;
        bool failed = false;
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = find(topic);
            for (const auto& partition : topic.partitions) {
                ApiError error = check(topic, found, partition);
                const QueueId log = partition_of(found, partition.partition);
                // A read names each log once.
                if (error == ApiError::none && !asked.insert(log).second) error = ApiError::invalid_request;
                errors_.push_back(error);
                failed = failed || error != ApiError::none;
                const std::size_t place = slices_.size();
                slices_.emplace_back();
                if (error != ApiError::none) continue;
                const auto offset = static_cast<std::uint64_t>(partition.fetch_offset);
                const auto bytes = static_cast<std::uint32_t>(std::max(partition.partition_max_bytes, 0));
                questions[shard_of(log)].places.push_back({log, Offset(offset), bytes});
                places[shard_of(log)].push_back(place);
            }
        }
        ask(questions, places, failed);
    }

    void ask(std::map<ShardId, broker::ReadLogs>& questions, std::map<ShardId, std::vector<std::size_t>>& places,
             bool at_once) {
        const bool wait = !at_once && request().max_wait_ms > 0 && request().min_bytes > 0;
        const std::uint32_t most =
            std::min(static_cast<std::uint32_t>(std::max(request().max_bytes, 0)), response_bytes_max);
        const auto count = static_cast<std::uint32_t>(std::max<std::size_t>(1, questions.size()));
        left_ = questions.size();
        for (auto& [shard, question] : questions) {
            question.bytes_min = wait ? static_cast<std::uint32_t>(request().min_bytes) : 0;
            question.bytes_max = most / count;
            question.committed_only = request().isolation_level == 1;
            reads_.push_back({{}, shard, std::move(places[shard]), false});
            reads_.back().request = link().send(*this, shard, std::move(question));
        }
        if (wait) set_deadline(link().now().mono.plus_ms(request().max_wait_ms));
        if (left_ == 0 && !wait) finish();
    }

    [[nodiscard]] const broker::TopicDefinition* find(const FetchRequest::Topic& topic) const {
        return version() < 13 ? link().catalog().topic(link().vhost(), topic.topic)
                              : link().catalog().topic(to_topic_id(topic.topic_id));
    }

    [[nodiscard]] ApiError check(const FetchRequest::Topic& wanted, const broker::TopicDefinition* topic,
                                 const FetchRequest::Partition& partition) const {
        if (topic == nullptr && version() >= 13) return ApiError::unknown_topic_id;
        const std::string_view name = topic != nullptr ? std::string_view(topic->name) : wanted.topic;
        if (!link().may(broker::Operation::read, name)) return ApiError::topic_authorization_failed;
        if (partition_of(topic, partition.partition) == QueueId()) return ApiError::unknown_topic_or_partition;
        if (partition.fetch_offset < 0) return ApiError::offset_out_of_range;
        if (partition.current_leader_epoch > 0) return ApiError::unknown_leader_epoch;
        return ApiError::none;
    }

    void end_waits() {
        if (left_ == 0) return finish();  // nothing to read at all: it waited for the time alone
        for (const Read& read : reads_)
            if (!read.answered) link().tell(read.shard, broker::EndWait{read.request});
    }

    void finish() {
        FetchResponse response;
        std::size_t place = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.responses.emplace_back();
            out.topic = topic.topic;
            out.topic_id = topic.topic_id;
            for (const auto& partition : topic.partitions) {
                out.partitions.push_back(describe(partition.partition, errors_[place], slices_[place]));
                ++place;
            }
        }
        respond(response);
    }

    FetchResponse::Partition describe(std::int32_t index, ApiError error, const broker::LogSlice& slice) {
        FetchResponse::Partition out;
        out.partition_index = index;
        out.error_code = error != ApiError::none ? error : api_error(slice.outcome);
        out.high_watermark = -1;
        if (error != ApiError::none) return out;
        const bool known = slice.outcome == broker::LogOutcome::ok;
        out.high_watermark = known ? static_cast<std::int64_t>(slice.high_watermark.value) : -1;
        out.last_stable_offset = known ? static_cast<std::int64_t>(slice.stable_end.value) : -1;
        out.log_start_offset = static_cast<std::int64_t>(slice.start.value);
        if (request().isolation_level == 1) {
            auto& aborted = out.aborted_transactions.emplace();
            for (const auto& each : slice.aborted)
                aborted.push_back({each.producer_id, static_cast<std::int64_t>(each.first.value)});
        }
        out.records = pieces_of(slice);
        return out;
    }

    /// The batches with their offsets, which stand in front of each.
    Pieces pieces_of(const broker::LogSlice& slice) {
        std::vector<ByteView>& pieces = pieces_.emplace_back();
        pieces.reserve(2 * slice.batches.size());
        for (const StoredBatch& batch : slice.batches) {
            auto& base = bases_.emplace_back();
            store_be(base.data(), batch.base.value);
            pieces.emplace_back(base);
            pieces.push_back(as_consumers_see_it(*batch.bytes).subspan(base.size()));
        }
        return {{}, pieces};
    }

    ByteView as_consumers_see_it(ByteView batch) {
        if (!has_envelopes(batch)) return batch;
        auto mapped = without_envelopes(batch);
        return mapped ? ByteView(mapped_.emplace_back(*std::move(mapped))) : batch;
    }

    std::vector<Read> reads_;
    std::size_t left_ = 0;
    std::vector<ApiError> errors_;          ///< a partition
    std::vector<broker::LogSlice> slices_;  ///< a partition
    std::list<std::array<std::uint8_t, 8>> bases_;
    std::list<std::vector<ByteView>> pieces_;
    std::list<Bytes> mapped_;  ///< batches of other protocols
};

}  // namespace

std::unique_ptr<Exchange> make_fetch(Link& link, const RequestHeader& header) {
    return std::make_unique<FetchExchange>(link, header);
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! Produce: each partition's batch goes to its log, and is answered when it is as safe as the producer asks.
#include "protocols/kafka/data_messages.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/record_set.hpp"
#include "protocols/kafka/topic_names.hpp"

namespace fantail::kafka {

namespace {

/// Keeps names and numbers of its request, but not the records: those are copied once, into what is stored.
class ProduceExchange final : public Exchange {
public:
    using Exchange::Exchange;

    Result<void> begin(ByteView body) override {
        FANTAIL_TRY(const auto request, decode<ProduceRequest>(body, version()));
        acks_ = request.acks;
        transactional_ = request.transactional_id.has_value();
        if (transactional_) may_transact_ = link().may(broker::Operation::write, *request.transactional_id);
        for (const auto& topic : request.topic_data) take(topic);
        asked_all_ = true;
        if (left_ == 0) finish();
        else if (acks_ != 0) set_deadline(link().now().mono.plus_ms(std::max(request.timeout_ms, 0)));
        return {};
    }

    /// What is stored later is stored all the same; a producer with a number may send it again without harm.
    void on_deadline() override {
        for (Partition& each : partitions_)
            if (each.request != RequestId() && !each.answered) each.error = ApiError::request_timed_out;
        finish();
    }

    void on_event(broker::Event& event) override {
        const auto& answer = std::get<broker::LogAppended>(event);
        const auto at = std::ranges::find(partitions_, answer.request, &Partition::request);
        if (at == partitions_.end()) return;
        at->answered = true;
        at->error = api_error(answer.outcome);
        if (answer.outcome == broker::LogOutcome::ok) at->base = static_cast<std::int64_t>(answer.base.value);
        else at->appended_ms = -1;
        at->log_start = static_cast<std::int64_t>(answer.start.value);
        if (--left_ == 0) finish();
    }

private:
    struct Partition {
        RequestId request{};
        bool answered = false;
        std::int32_t index = 0;
        ApiError error = ApiError::none;
        std::string_view reason{};
        std::int64_t base = -1;
        std::int64_t appended_ms = -1;
        std::int64_t log_start = -1;
    };
    struct Topic {
        std::string name;
        Uuid id;
        std::size_t partitions_end = 0;
    };

    void take(const ProduceRequest::Topic& wanted) {
        const auto& catalog = link().catalog();
        const broker::TopicDefinition* topic =
            version() < 13 ? catalog.topic(link().vhost(), wanted.name) : catalog.topic(to_topic_id(wanted.topic_id));
        const std::string_view name = topic != nullptr ? std::string_view(topic->name) : wanted.name;
        const bool may = link().may(broker::Operation::write, name);
        for (const auto& partition : wanted.partition_data) {
            Partition& out = partitions_.emplace_back();
            out.index = partition.index;
            const QueueId log = partition_of(topic, partition.index);
            if (acks_ < -1 || acks_ > 1) out.error = ApiError::invalid_required_acks;
            else if (!may_transact_) out.error = ApiError::transactional_id_authorization_failed;
            else if (!may) out.error = ApiError::topic_authorization_failed;
            else if (topic == nullptr && version() >= 13) out.error = ApiError::unknown_topic_id;
            else if (log == QueueId()) out.error = ApiError::unknown_topic_or_partition;
            else store(out, log, topic->options.log, partition.records);
        }
        topics_.push_back({std::string(wanted.name), wanted.topic_id, partitions_.size()});
    }

    void store(Partition& out, QueueId log, const broker::LogOptions& options, ByteView records) {
        const WallTime now = link().now().wall;
        const Refusal refusal = check_records(records, options, transactional_, now);
        out.error = refusal.error;
        out.reason = refusal.reason;
        if (refusal.error != ApiError::none) return;
        broker::AppendLog append;
        append.log = log;
        append.batch = std::make_shared<const Bytes>(stored_form(records, options, now));
        append.count = record::BatchView::parse(records)->record_count();
        append.body_bytes = records.size();
        append.when_durable = acks_ == -1;
        if (options.append_time) out.appended_ms = now.ms;
        ++left_;
        out.request = link().send(*this, shard_of(log), std::move(append));
    }

    void finish() {
        if (!asked_all_) return;
        if (acks_ == 0) return finish_unanswered();
        ProduceResponse response;
        std::size_t at = 0;
        for (const Topic& topic : topics_) {
            auto& out = response.responses.emplace_back();
            out.name = topic.name;
            out.topic_id = topic.id;
            for (; at < topic.partitions_end; ++at) out.partition_responses.push_back(describe(partitions_[at]));
        }
        respond(response);
    }

    [[nodiscard]] static ProduceResponse::Partition describe(const Partition& partition) {
        ProduceResponse::Partition out;
        out.index = partition.index;
        out.error_code = partition.error;
        out.base_offset = partition.base;
        out.log_append_time_ms = partition.appended_ms;
        out.log_start_offset = partition.log_start;
        if (!partition.reason.empty()) out.error_message = partition.reason;
        return out;
    }

    /// The producer hears of trouble by the end of its connection.
    void finish_unanswered() {
        const bool failed =
            std::ranges::any_of(partitions_, [](const Partition& p) { return p.error != ApiError::none; });
        stay_silent();
        if (failed) link().close();
    }

    std::int16_t acks_ = 0;
    bool transactional_ = false;
    bool may_transact_ = true;
    bool asked_all_ = false;
    std::size_t left_ = 0;  ///< answers of logs
    std::vector<Partition> partitions_;
    std::vector<Topic> topics_;
};

}  // namespace

std::unique_ptr<Exchange> make_produce(Link& link, const RequestHeader& header) {
    return std::make_unique<ProduceExchange>(link, header);
}

}  // namespace fantail::kafka

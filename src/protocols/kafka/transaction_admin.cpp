// SPDX-License-Identifier: Apache-2.0
//! What operators ask about transactions: DescribeProducers, DescribeTransactions, ListTransactions.
#include <list>
#include <map>

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/topic_names.hpp"
#include "protocols/kafka/transaction_errors.hpp"
#include "protocols/kafka/transactions_messages.hpp"

namespace fantail::kafka {

namespace {

using broker::TransactionState;

constexpr TransactionState all_states[] = {TransactionState::empty,           TransactionState::ongoing,
                                           TransactionState::prepare_commit,  TransactionState::prepare_abort,
                                           TransactionState::complete_commit, TransactionState::complete_abort};

std::string_view state_name(TransactionState state) {
    switch (state) {
        case TransactionState::empty: return "Empty";
        case TransactionState::ongoing: return "Ongoing";
        case TransactionState::prepare_commit: return "PrepareCommit";
        case TransactionState::prepare_abort: return "PrepareAbort";
        case TransactionState::complete_commit: return "CompleteCommit";
        case TransactionState::complete_abort: return "CompleteAbort";
    }
    return "Unknown";
}

class DescribeProducersExchange final : public GatheringExchange<DescribeProducersRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.name);
            const bool may = link().may(broker::Operation::read, topic.name);
            for (const std::int32_t index : topic.partition_indexes) {
                auto& out = answers_.emplace_back();
                out.partition_index = index;
                const QueueId log = partition_of(found, index);
                if (!may) out.error_code = ApiError::topic_authorization_failed;
                else if (log == QueueId()) out.error_code = ApiError::unknown_topic_or_partition;
                else ask(answers_.size() - 1, shard_of(log), broker::DescribeLog{log});
            }
        }
        asked_all();
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& described = std::get<broker::LogDescribed>(event);
        auto& out = answers_[place];
        out.error_code = api_error(described.outcome);
        for (const broker::ProducerFigures& each : described.producers) {
            auto& producer = out.active_producers.emplace_back();
            producer.producer_id = each.id;
            producer.producer_epoch = each.epoch;
            producer.last_sequence = each.last_sequence;
            producer.last_timestamp = each.last_time.ms;
            if (each.transaction_start)
                producer.current_txn_start_offset = static_cast<std::int64_t>(each.transaction_start->value);
        }
    }

    void finish() override {
        DescribeProducersResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (std::size_t i = 0; i < topic.partition_indexes.size(); ++i)
                out.partitions.push_back(std::move(answers_[at++]));
        }
        respond(response);
    }

    std::vector<DescribeProducersResponse::Partition> answers_;
};

class DescribeTransactionsExchange final : public GatheringExchange<DescribeTransactionsRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        response_.transaction_states.resize(request().transactional_ids.size());
        for (std::size_t i = 0; i < request().transactional_ids.size(); ++i) {
            const std::string_view id = request().transactional_ids[i];
            auto& out = response_.transaction_states[i];
            out.transactional_id = id;
            out.transaction_start_time_ms = -1;
            if (id.empty()) out.error_code = ApiError::invalid_request;
            else if (!link().may(broker::Operation::write, id))
                out.error_code = ApiError::transactional_id_authorization_failed;
            else
                ask(i, link().shard_of_transactions(id),
                    transaction_command(id, broker::TransactionAction(broker::DescribeTransaction{})));
        }
        asked_all();
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& described = answer_of<broker::TransactionDescribed>(event);
        auto& out = response_.transaction_states[place];
        if (described.outcome != broker::TransactionOutcome::ok) {
            out.error_code = ApiError::transactional_id_not_found;
            return;
        }
        out.transaction_state = state_name(described.state);
        out.transaction_timeout_ms = described.timeout_ms;
        if (described.started) out.transaction_start_time_ms = described.started->ms;
        out.producer_id = described.producer.id;
        out.producer_epoch = described.producer.epoch;
        std::map<std::string, std::vector<std::int32_t>> partitions;
        for (const QueueId log : described.logs) {
            const broker::QueueDefinition* queue = link().catalog().queue(log);
            const broker::TopicDefinition* topic = queue == nullptr ? nullptr : link().catalog().topic(queue->topic);
            if (topic == nullptr || !link().may(broker::Operation::read, topic->name)) continue;
            const auto at = std::ranges::find(topic->partitions, log);
            partitions[topic->name].push_back(static_cast<std::int32_t>(at - topic->partitions.begin()));
        }
        for (auto& [name, indexes] : partitions) out.topics.push_back({names_.emplace_back(name), std::move(indexes)});
    }

    void finish() override { respond(response_); }

    DescribeTransactionsResponse response_;
    std::list<std::string> names_;  ///< of topics
};

/// Asks every shard.
class ListTransactionsExchange final : public GatheringExchange<ListTransactionsRequest> {
    using GatheringExchange::GatheringExchange;

    void start() override {
        for (std::uint16_t i = 0; i < link().host().broker().shard_count(); ++i)
            ask(0, ShardId(i), broker::ListTransactions{});
        asked_all();
    }
    void take(std::size_t, broker::Event& event) override {
        auto& listed = answer_of<broker::TransactionsListed>(event);
        std::ranges::move(listed.transactions, std::back_inserter(all_));
    }
    void finish() override {
        ListTransactionsResponse response;
        for (const std::string_view state : request().state_filters)
            if (std::ranges::find(all_states, state, state_name) == std::end(all_states))
                response.unknown_state_filters.push_back(state);
        for (const broker::TransactionListing& each : all_)
            if (is_wanted(each))
                response.transaction_states.push_back({each.name, each.producer_id, state_name(each.state)});
        respond(response);
    }
    [[nodiscard]] bool is_wanted(const broker::TransactionListing& each) const {
        const auto passes = [](const auto& filter, const auto& value) {
            return filter.empty() || std::ranges::find(filter, value) != filter.end();
        };
        const std::int64_t longer_ms = request().duration_filter;
        const std::int64_t now_ms = link().now().wall.ms;
        return link().may(broker::Operation::write, each.name) &&
               passes(request().state_filters, state_name(each.state)) &&
               passes(request().producer_id_filters, each.producer_id) &&
               (longer_ms < 0 || (each.started && now_ms - each.started->ms > longer_ms));
    }
    std::vector<broker::TransactionListing> all_;
};

}  // namespace

std::unique_ptr<Exchange> make_describe_producers(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeProducersExchange>(link, header);
}
std::unique_ptr<Exchange> make_describe_transactions(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeTransactionsExchange>(link, header);
}
std::unique_ptr<Exchange> make_list_transactions(Link& link, const RequestHeader& header) {
    return std::make_unique<ListTransactionsExchange>(link, header);
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! What a producer does in a transaction besides producing: AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn.
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/group_errors.hpp"
#include "protocols/kafka/topic_names.hpp"
#include "protocols/kafka/transaction_errors.hpp"
#include "protocols/kafka/transactions_messages.hpp"

namespace fantail::kafka {

namespace {

/// From it on clients know that they may be fenced by another (KIP-588).
constexpr std::int16_t version_of_fencing = 2;

/// An exchange that puts one question about a transactional id.
template <class Request>
class TransactionExchange : public ExchangeOf<Request> {
public:
    using ExchangeOf<Request>::ExchangeOf;

protected:
    void ask(broker::TransactionAction action) {
        Link& link = this->link();
        const std::string_view id = this->request().transactional_id;
        link.send(*this, link.shard_of_transactions(id), transaction_command(id, std::move(action)));
    }
    [[nodiscard]] ApiError check_id() const {
        const std::string_view id = this->request().transactional_id;
        if (!this->link().may(broker::Operation::write, id)) return ApiError::transactional_id_authorization_failed;
        return id.empty() ? ApiError::invalid_request : ApiError::none;
    }
    [[nodiscard]] broker::ProducerEpoch producer() const {
        return {this->request().producer_id, this->request().producer_epoch};
    }
    [[nodiscard]] ApiError error_of(broker::TransactionOutcome outcome) const {
        return transaction_error(outcome, this->version() >= version_of_fencing);
    }
};

/// All partitions or none.
class AddPartitionsExchange final : public TransactionExchange<AddPartitionsToTxnRequest> {
    using TransactionExchange::TransactionExchange;

    void start() override {
        broker::AddToTransaction add{producer(), {}, {}};
        const ApiError refused = check_id();
        bool failed = refused != ApiError::none;
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.name);
            const bool may = link().may(broker::Operation::write, topic.name);
            for (const std::int32_t partition : topic.partitions) {
                const QueueId log = partition_of(found, partition);
                ApiError error = refused;
                if (error == ApiError::none && !may) error = ApiError::topic_authorization_failed;
                if (error == ApiError::none && log == QueueId()) error = ApiError::unknown_topic_or_partition;
                failed = failed || error != ApiError::none;
                errors_.push_back(error);
                add.logs.push_back(log);
            }
        }
        if (failed) return finish(ApiError::operation_not_attempted);
        ask(std::move(add));
    }

    void on_event(broker::Event& event) override {
        finish(error_of(answer_of<broker::TransactionDone>(event).outcome));
    }

    /// \param others what became of partitions with which nothing is wrong
    void finish(ApiError others) {
        AddPartitionsToTxnResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.results.emplace_back();
            out.name = topic.name;
            for (const std::int32_t partition : topic.partitions) {
                const ApiError error = errors_[at++];
                out.results_by_partition.push_back({partition, error == ApiError::none ? others : error});
            }
        }
        respond(response);
    }

    std::vector<ApiError> errors_;  ///< a partition
};

class AddOffsetsExchange final : public TransactionExchange<AddOffsetsToTxnRequest> {
    using TransactionExchange::TransactionExchange;

    void start() override {
        const std::string_view group = request().group_id;
        ApiError error = check_id();
        if (error == ApiError::none && group.empty()) error = ApiError::invalid_group_id;
        if (error == ApiError::none && !link().may(broker::Operation::read, group))
            error = ApiError::group_authorization_failed;
        if (error != ApiError::none) return finish(error);
        ask(broker::AddToTransaction{producer(), {}, {{std::string(group), link().shard_of_group(group)}}});
    }
    void on_event(broker::Event& event) override {
        finish(error_of(answer_of<broker::TransactionDone>(event).outcome));
    }
    void finish(ApiError error) {
        AddOffsetsToTxnResponse response;
        response.error_code = error;
        respond(response);
    }
};

class EndTxnExchange final : public TransactionExchange<EndTxnRequest> {
    using TransactionExchange::TransactionExchange;

    void start() override {
        if (const ApiError error = check_id(); error != ApiError::none) return finish(error);
        ask(broker::EndTransaction{producer(), request().committed, false});
    }
    void on_event(broker::Event& event) override {
        finish(error_of(answer_of<broker::TransactionEnded>(event).outcome));
    }
    void finish(ApiError error) {
        EndTxnResponse response;
        response.error_code = error;
        respond(response);
    }
};

/// Goes to the group, which knows the producer from AddOffsetsToTxn.
class TxnOffsetCommitExchange final : public TransactionExchange<TxnOffsetCommitRequest> {
    using TransactionExchange::TransactionExchange;

    void start() override {
        broker::CommitInTransaction commit;
        commit.producer = producer();
        commit.generation = request().generation_id;
        commit.member = request().member_id;
        if (request().group_instance_id) commit.instance = *request().group_instance_id;
        const ApiError refused = check_request();
        for (const auto& topic : request().topics) {
            const broker::TopicDefinition* found = link().catalog().topic(link().vhost(), topic.name);
            const bool may = link().may(broker::Operation::read, topic.name);
            for (const auto& partition : topic.partitions) {
                const QueueId log = partition_of(found, partition.partition_index);
                ApiError error = refused;
                if (error == ApiError::none && !may) error = ApiError::topic_authorization_failed;
                if (error == ApiError::none && log == QueueId()) error = ApiError::unknown_topic_or_partition;
                errors_.push_back(error);
                if (error != ApiError::none) continue;
                places_.push_back(errors_.size() - 1);
                commit.offsets.push_back({log, Offset(static_cast<std::uint64_t>(partition.committed_offset)),
                                          partition.committed_leader_epoch,
                                          std::string(partition.committed_metadata.value_or(""))});
            }
        }
        if (commit.offsets.empty()) return finish();
        link().send(*this, link().shard_of_group(request().group_id),
                    group_command(request().group_id, std::move(commit)));
    }

    [[nodiscard]] ApiError check_request() const {
        if (const ApiError error = check_id(); error != ApiError::none) return error;
        if (request().group_id.empty()) return ApiError::invalid_group_id;
        const bool may = link().may(broker::Operation::read, request().group_id);
        return may ? ApiError::none : ApiError::group_authorization_failed;
    }

    void on_event(broker::Event& event) override {
        const auto& committed = std::get<broker::OffsetsCommitted>(*std::get<broker::GroupAnswered>(event).answer);
        for (std::size_t i = 0; i < places_.size(); ++i) {
            const bool each = committed.outcome == broker::GroupOutcome::ok && i < committed.logs.size();
            errors_[places_[i]] = group_error(each ? committed.logs[i] : committed.outcome);
        }
        finish();
    }

    void finish() {
        TxnOffsetCommitResponse response;
        std::size_t at = 0;
        for (const auto& topic : request().topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& partition : topic.partitions)
                out.partitions.push_back({partition.partition_index, errors_[at++]});
        }
        respond(response);
    }

    std::vector<ApiError> errors_;     ///< a partition
    std::vector<std::size_t> places_;  ///< of those that were sent to the group
};

}  // namespace

std::unique_ptr<Exchange> make_add_partitions_to_txn(Link& link, const RequestHeader& header) {
    return std::make_unique<AddPartitionsExchange>(link, header);
}
std::unique_ptr<Exchange> make_add_offsets_to_txn(Link& link, const RequestHeader& header) {
    return std::make_unique<AddOffsetsExchange>(link, header);
}
std::unique_ptr<Exchange> make_end_txn(Link& link, const RequestHeader& header) {
    return std::make_unique<EndTxnExchange>(link, header);
}
std::unique_ptr<Exchange> make_txn_offset_commit(Link& link, const RequestHeader& header) {
    return std::make_unique<TxnOffsetCommitExchange>(link, header);
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! InitProducerId: a number by which logs tell a producer's repeated batches from new ones, and for a transactional id the epoch
//! that fences who had it before.
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/transaction_errors.hpp"
#include "protocols/kafka/transactions_messages.hpp"

namespace fantail::kafka {

namespace {

/// From it on clients know that they may be fenced by another (KIP-588).
constexpr std::int16_t version_of_fencing = 4;

class InitProducerIdExchange final : public ExchangeOf<InitProducerIdRequest> {
    using ExchangeOf::ExchangeOf;

    void start() override {
        if (request().transactional_id) return open(*request().transactional_id);
        // Nobody else has it: of 2^62 numbers one drawn twice within a producer's life is not to be expected.
        constexpr std::uint64_t mask = (std::uint64_t{1} << 62) - 1;
        finish(ApiError::none, {static_cast<std::int64_t>(link().host().broker().random() & mask), 0});
    }

    void open(std::string_view id) {
        if (const ApiError error = check(id); error != ApiError::none) return finish(error, {});
        broker::OpenProducer open{request().transaction_timeout_ms, std::nullopt};
        if (request().producer_id >= 0) open.expected = {request().producer_id, request().producer_epoch};
        link().send(*this, link().shard_of_transactions(id), transaction_command(id, open));
    }

    [[nodiscard]] ApiError check(std::string_view id) const {
        if (id.empty()) return ApiError::invalid_request;
        if (!link().may(broker::Operation::write, id)) return ApiError::transactional_id_authorization_failed;
        if ((request().producer_id < 0) != (request().producer_epoch < 0)) return ApiError::invalid_request;
        const std::int32_t timeout_ms = request().transaction_timeout_ms;
        const bool fits = timeout_ms > 0 && timeout_ms <= link().options().transaction_timeout_max_ms;
        return fits ? ApiError::none : ApiError::invalid_transaction_timeout;
    }

    void on_event(broker::Event& event) override {
        const auto& opened = answer_of<broker::ProducerOpened>(event);
        finish(transaction_error(opened.outcome, version() >= version_of_fencing), opened.producer);
    }

    void finish(ApiError error, broker::ProducerEpoch producer) {
        InitProducerIdResponse response;
        response.error_code = error;
        const bool fine = error == ApiError::none;
        response.producer_id = fine ? producer.id : -1;
        response.producer_epoch = fine ? producer.epoch : std::int16_t{-1};
        respond(response);
    }
};

}  // namespace

std::unique_ptr<Exchange> make_init_producer_id(Link& link, const RequestHeader& header) {
    return std::make_unique<InitProducerIdExchange>(link, header);
}

}  // namespace fantail::kafka

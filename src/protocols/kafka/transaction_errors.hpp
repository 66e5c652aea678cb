// SPDX-License-Identifier: Apache-2.0
//! Questions to coordinators of transactions, and what their answers are to clients.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "broker/api/events.hpp"
#include "protocols/kafka/errors.hpp"

namespace fantail::kafka {

[[nodiscard]] inline broker::TransactionCommand transaction_command(std::string_view id,
                                                                    broker::TransactionAction action) {
    return {std::string(id), std::make_unique<broker::TransactionAction>(std::move(action))};
}

/// REQUIRES that such a question was asked.
template <class Answer>
[[nodiscard]] Answer& answer_of(broker::Event& event) {
    return std::get<Answer>(*std::get<broker::TransactionAnswered>(event).answer);
}

/// \param knows_fencing whether the client's version tells its being fenced from another's epoch
[[nodiscard]] constexpr ApiError transaction_error(broker::TransactionOutcome outcome, bool knows_fencing) {
    using broker::TransactionOutcome;
    switch (outcome) {
        case TransactionOutcome::ok: return ApiError::none;
        case TransactionOutcome::invalid_name: return ApiError::invalid_request;
        case TransactionOutcome::unknown_producer: return ApiError::invalid_producer_id_mapping;
        case TransactionOutcome::fenced:
            return knows_fencing ? ApiError::producer_fenced : ApiError::invalid_producer_epoch;
        case TransactionOutcome::concurrent: return ApiError::concurrent_transactions;
        case TransactionOutcome::invalid_state: return ApiError::invalid_txn_state;
        case TransactionOutcome::full: return ApiError::policy_violation;
    }
    return ApiError::unknown_server_error;
}

}  // namespace fantail::kafka

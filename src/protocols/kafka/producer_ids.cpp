// SPDX-License-Identifier: Apache-2.0
//! InitProducerId: a number by which logs tell a producer's repeated batches from new ones.
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/transactions_messages.hpp"

namespace fantail::kafka {

namespace {

class InitProducerIdExchange final : public ExchangeOf<InitProducerIdRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override {
        InitProducerIdResponse response;
        if (request().transactional_id) {
            response.error_code = request().transactional_id->empty() ? ApiError::invalid_request
                                                                      : ApiError::transactional_id_authorization_failed;
            return respond(response);
        }
        // Nobody else has it: of 2^62 numbers one drawn twice within a producer's life is not to be expected.
        constexpr std::uint64_t mask = (std::uint64_t{1} << 62) - 1;
        response.producer_id = static_cast<std::int64_t>(link().host().broker().random() & mask);
        response.producer_epoch = 0;
        respond(response);
    }
};

}  // namespace

std::unique_ptr<Exchange> make_init_producer_id(Link& link, const RequestHeader& header) {
    return std::make_unique<InitProducerIdExchange>(link, header);
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! The Kafka error codes: their numbers and names, and what our own errors become.
#include "protocols/kafka/errors.hpp"

#include <gtest/gtest.h>

namespace fantail::kafka {
namespace {

TEST(KafkaErrors, HaveTheNumbersOfTheProtocol) {
    EXPECT_EQ(static_cast<int>(ApiError::unknown_server_error), -1);
    EXPECT_EQ(static_cast<int>(ApiError::unsupported_version), 35);
    EXPECT_EQ(static_cast<int>(ApiError::member_id_required), 79);
    EXPECT_EQ(static_cast<int>(ApiError::unknown_topic_id), 100);
    EXPECT_EQ(static_cast<int>(ApiError::share_session_limit_reached), 133);
}

TEST(KafkaErrors, AreNamedEvenWhenUnknown) {
    EXPECT_EQ(error_name(ApiError::not_coordinator), "not_coordinator");
    EXPECT_EQ(error_name(ApiError{1234}), "error 1234");
}

TEST(KafkaErrors, NoErrorOfOursBecomesSuccess) {
    for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
        EXPECT_NE(api_error(static_cast<ErrorCode>(code)), ApiError::none) << code;
    }
    EXPECT_EQ(api_error(ErrorCode::too_large), ApiError::message_too_large);
    EXPECT_EQ(api_error(ErrorCode::internal), ApiError::unknown_server_error);
}

}  // namespace
}  // namespace fantail::kafka

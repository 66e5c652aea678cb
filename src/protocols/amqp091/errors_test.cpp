// SPDX-License-Identifier: Apache-2.0
//! AMQP 0-9-1 reply codes: what they close and what they say.
#include "protocols/amqp091/errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fantail::amqp091 {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(AmqpReplyCode, SoftErrorsCloseTheChannelAndHardOnesTheConnection) {
    for (const int code : {311, 312, 313, 403, 404, 405, 406}) {
        EXPECT_EQ(severity_of(ReplyCode(code)), Severity::closes_channel) << code;
    }
    for (const int code : {320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541}) {
        EXPECT_EQ(severity_of(ReplyCode(code)), Severity::closes_connection) << code;
    }
    EXPECT_EQ(severity_of(ReplyCode::reply_success), Severity::none);
}

TEST(AmqpReplyCode, TextsBeginWithTheNameOfTheSpec) {
    EXPECT_EQ(name_of(ReplyCode::precondition_failed), "PRECONDITION_FAILED");
    EXPECT_EQ(reply_error(ReplyCode::frame_error).text, "FRAME_ERROR - the bytes are not a valid frame");
    EXPECT_EQ(reply_error(ReplyCode::not_allowed, "no").text, "NOT_ALLOWED - no");
}

TEST(AmqpReplyError, TextsThatClientsMatchOn) {
    const NamedThing queue{"queue", "q", "/"};
    EXPECT_EQ(not_found(queue).text, "NOT_FOUND - no queue 'q' in vhost '/'");
    EXPECT_EQ(not_found({"exchange", "e", "v"}).text, "NOT_FOUND - no exchange 'e' in vhost 'v'");
    EXPECT_EQ(inequivalent(queue, {"durable", "true", "false"}).text,
              "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but "
              "current is 'false'");
    EXPECT_EQ(unknown_delivery_tag(7).text, "PRECONDITION_FAILED - unknown delivery tag 7");
    EXPECT_EQ(in_use(queue).text, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use");
    EXPECT_EQ(not_empty(queue).code, ReplyCode::precondition_failed);
    EXPECT_EQ(reserved_name({"queue", "amq.x", "/"}).text,
              "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'");
    EXPECT_THAT(queue_locked("q", "/").text,
                StartsWith("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'"));
    EXPECT_EQ(no_vhost("v").text, "NOT_ALLOWED - vhost v not found");
    EXPECT_EQ(consumer_tag_in_use("t").code, ReplyCode::not_allowed);
    EXPECT_EQ(login_refused("PLAIN").code, ReplyCode::access_refused);
    EXPECT_EQ(default_exchange_refused().code, ReplyCode::access_refused);
}

TEST(AmqpReplyError, TextsAlwaysFitAShortstr) {
    const std::string name(255, 'n');
    const ReplyError error = not_found({"queue", name, name});
    EXPECT_EQ(error.text.size(), 255u);
    EXPECT_THAT(error.text, StartsWith("NOT_FOUND - no queue 'nnn"));
}

TEST(AmqpReplyError, BrokerErrorsKeepTheirMessageUnlessItIsInternal) {
    EXPECT_EQ(reply_error(Error{ErrorCode::locked, "busy"}).text, "RESOURCE_LOCKED - busy");
    EXPECT_EQ(reply_error(Error{ErrorCode::malformed, "bad"}).code, ReplyCode::syntax_error);
    EXPECT_EQ(reply_error(Error{ErrorCode::unsupported, "no"}).code, ReplyCode::not_implemented);
    EXPECT_EQ(reply_error(Error{ErrorCode::too_large, "big"}).code, ReplyCode::precondition_failed);
    const ReplyError io = reply_error(Error{ErrorCode::io, "/var/lib/secret: EIO"});
    EXPECT_EQ(io.code, ReplyCode::internal_error);
    EXPECT_THAT(io.text, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace fantail::amqp091

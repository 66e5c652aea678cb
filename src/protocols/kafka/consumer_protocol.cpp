// SPDX-License-Identifier: Apache-2.0
//! Decodes the messages that classic consumers exchange through the broker.
#include "protocols/kafka/consumer_protocol.hpp"

#include <string>

namespace fantail::kafka {

namespace {

template <class M>
Result<M> decode_versioned(ByteView bytes) {
    Reader head(bytes);
    const auto stated = head.be<std::int16_t>();
    if (head.failed() || stated < 0)
        return fail(ErrorCode::malformed, std::string(M::message_name) + " without a version");
    if (stated <= M::versions.max) return decode<M>(head.rest(), stated);
    // The bytes behind the fields that we know are those of the newer version.
    Decoder in(head.rest(), M::versions.max, false);
    M message;
    read(in, message);
    if (in.failed()) return std::unexpected(check_decoded(in, M::message_name).error());
    return message;
}

}  // namespace

Result<ConsumerProtocolSubscription> decode_subscription(ByteView metadata) {
    return decode_versioned<ConsumerProtocolSubscription>(metadata);
}

Result<ConsumerProtocolAssignment> decode_assignment(ByteView assignment) {
    if (assignment.empty()) return ConsumerProtocolAssignment{};
    return decode_versioned<ConsumerProtocolAssignment>(assignment);
}

}  // namespace fantail::kafka

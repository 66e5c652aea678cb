// SPDX-License-Identifier: Apache-2.0
//! What the fuzzers of the Kafka codec share: one message in one version, decoded, encoded and decoded again.
#pragma once

#include "protocols/kafka/testing.hpp"

namespace fantail::kafka {

/// The messages that one side decodes.
[[nodiscard]] inline std::vector<TestMessage> messages_decoded_by(bool broker) {
    std::vector<TestMessage> list = all_messages();
    std::erase_if(list, [broker](const TestMessage& message) { return message.broker_decodes != broker; });
    return list;
}

/// The first byte chooses the message, the second its version, the rest is the message. What decodes must encode to
/// something that decodes to the same.
inline void fuzz_message(const std::vector<TestMessage>& messages, ByteView in) {
    if (in.size() < 2) return;
    const TestMessage& message = messages[in[0] % messages.size()];
    const int versions = message.versions.max - message.versions.min + 1;
    const auto version = static_cast<std::int16_t>(message.versions.min + in[1] % versions);
    Bytes again;
    const auto first = message.decode_and_encode(in.subspan(2), version, again);
    if (!first) return;
    Bytes third;
    const auto second = message.decode_and_encode(again, version, third);
    FANTAIL_ASSERT(second.has_value());
    FANTAIL_ASSERT(*first == *second);
    FANTAIL_ASSERT(as_text(again) == as_text(third));
}

}  // namespace fantail::kafka

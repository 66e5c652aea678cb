// SPDX-License-Identifier: Apache-2.0
//! Decodes and encodes whole Kafka messages; which ones, the generated *_messages.hpp say.
#pragma once

#include "base/result.hpp"
#include "protocols/kafka/wire.hpp"

namespace fantail::kafka {

/// What becomes of bytes behind the end of a message. In requests Kafka's brokers pass over them, and librdkafka counts on it:
/// from Metadata 9 on it asks for all topics by a null of four bytes where one is due (its issue 5049).
enum class Behind : std::uint8_t { refused, passed_over };

/// Whether `in` has read its message to the end. Errors: malformed (cut off, senseless, or bytes behind the end).
[[nodiscard]] Result<void> check_decoded(const Decoder& in, std::string_view message_name,
                                         Behind behind = Behind::refused);
/// The error of a version that a message does not have.
[[nodiscard]] std::unexpected<Error> no_such_version(std::string_view message_name, std::int16_t version);

/// Decodes a message that takes the whole of `body`, which must outlive the result: strings and bytes are views into it.
/// Unknown tagged fields are passed over. Errors: malformed, unsupported (no such version).
template <class M>
[[nodiscard]] Result<M> decode(ByteView body, std::int16_t version, Behind behind = Behind::refused) {
    if (!M::versions.contains(version)) return no_such_version(M::message_name, version);
    Decoder in(body, version, M::versions.flexible(version));
    Result<M> message(std::in_place);
    read(in, *message);
    FANTAIL_CHECK(check_decoded(in, M::message_name, behind));
    return message;
}

/// The message would have views into bytes that are gone.
template <class M>
Result<M> decode(Bytes&& body, std::int16_t version, Behind behind = Behind::refused) = delete;

/// Appends a message. Fields that the version does not have are left out. REQUIRES a version that the message has.
template <class M>
void encode(Bytes& out, const M& message, std::int16_t version) {
    FANTAIL_ASSERT(M::versions.contains(version));
    Encoder encoder(out, version, M::versions.flexible(version));
    write(encoder, message);
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! What all Kafka messages share when they are decoded.
#include "protocols/kafka/codec.hpp"

#include <string>

namespace fantail::kafka {

namespace {

std::string versioned(std::string_view message_name, std::int16_t version) {
    return std::string(message_name) + " v" + std::to_string(version);
}

}  // namespace

Result<void> check_decoded(const Decoder& in, std::string_view message_name, Behind behind) {
    if (in.failed()) {
        return fail(ErrorCode::malformed, versioned(message_name, in.version()) + " " + std::string(in.fault()));
    }
    if (in.left() != 0 && behind == Behind::refused) {
        return fail(ErrorCode::malformed, versioned(message_name, in.version()) + " has bytes behind its end");
    }
    return {};
}

std::unexpected<Error> no_such_version(std::string_view message_name, std::int16_t version) {
    return fail(ErrorCode::unsupported, "there is no " + versioned(message_name, version));
}

}  // namespace fantail::kafka

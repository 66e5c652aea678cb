// SPDX-License-Identifier: Apache-2.0
//! Makes Kafka sessions.
#include "protocols/kafka/kafka_protocol.hpp"

#include "protocols/kafka/session.hpp"

namespace fantail::kafka {
namespace {

/// A first request is small, of an API that exists, and in a version that may: no other protocol begins so.
protocols::Protocol::Sniff sniff(ByteView first) {
    using Sniff = protocols::Protocol::Sniff;
    constexpr std::size_t enough = 8;  // size, API, version
    constexpr std::int16_t version_max = 64;
    if (!first.empty() && first[0] != 0) return Sniff::no;
    if (first.size() < enough) return Sniff::maybe;
    const auto api = load_be<std::int16_t>(first.data() + 4);
    const auto version = load_be<std::int16_t>(first.data() + 6);
    return find_api(ApiKey{api}) != nullptr && version >= 0 && version < version_max ? Sniff::yes : Sniff::no;
}

}  // namespace

protocols::Protocol make_protocol(KafkaOptions options) {
    auto shared = std::make_shared<const KafkaOptions>(std::move(options));
    return {"kafka", sniff, [shared](protocols::SessionHost& host) { return std::make_unique<Session>(host, shared); }};
}

}  // namespace fantail::kafka

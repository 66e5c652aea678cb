// SPDX-License-Identifier: Apache-2.0
//! Makes AMQP 0-9-1 sessions.
#include "protocols/amqp091/amqp_protocol.hpp"

#include "protocols/amqp091/session.hpp"

namespace fantail::amqp091 {
namespace {

protocols::Protocol::Sniff sniff(ByteView first) {
    using Sniff = protocols::Protocol::Sniff;
    switch (recognize_opening(first)) {
        case Opening::need_more: return Sniff::maybe;
        case Opening::amqp_0_9_1:
        case Opening::amqp_other: return Sniff::yes;  // the latter gets our header and is closed
        case Opening::amqp_1_0:
        case Opening::amqp_1_0_sasl:
        case Opening::http:
        case Opening::tls:
        case Opening::unknown: return Sniff::no;
    }
    return Sniff::no;
}

}  // namespace

protocols::Protocol make_protocol(AmqpOptions options) {
    auto shared = std::make_shared<const AmqpOptions>(std::move(options));
    return {"amqp 0-9-1", sniff,
            [shared](protocols::SessionHost& host) { return std::make_unique<Session>(host, shared); }};
}

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Link: what all parts of one connection's session share.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "protocols/amqp091/codec.hpp"
#include "protocols/amqp091/errors.hpp"
#include "protocols/amqp091/limits.hpp"
#include "protocols/amqp091/options.hpp"
#include "protocols/session.hpp"

namespace fantail::amqp091 {

/// The outcome of a method: nothing, or what to close the channel or connection with.
using Handled = std::expected<void, ReplyError>;
template <class T>
using Replied = std::expected<T, ReplyError>;

/// Makes the unexpected side of a Handled.
[[nodiscard]] inline std::unexpected<ReplyError> refuse(ReplyError error) { return std::unexpected(std::move(error)); }
[[nodiscard]] inline std::unexpected<ReplyError> refuse(ReplyCode code, std::string_view detail) {
    return std::unexpected(reply_error(code, detail));
}

/// Optional behaviour that the client announced in connection.start-ok.
struct ClientCapabilities {
    bool authentication_failure_close = false;
    bool connection_blocked = false;
    bool consumer_cancel_notify = false;
    bool basic_nack = false;
};

/// One connection: its host, who it is, and what was negotiated. Lives in the Session; its parts hold references.
class Link final {
public:
    Link(protocols::SessionHost& link_host, std::shared_ptr<const AmqpOptions> link_options)
        : host(link_host), options(std::move(link_options)) {}

    protocols::SessionHost& host;
    std::shared_ptr<const AmqpOptions> options;
    std::string user;
    bool impersonator = false;  ///< may state any user-id
    VhostId vhost;
    std::string vhost_name;
    ClientCapabilities client;
    std::uint32_t frame_max = limits::opening_frame_max;
    std::uint16_t channel_max = 0;
    bool wrote = false;  ///< something was sent since the session last looked: no heartbeat is due

    [[nodiscard]] broker::Port& broker() const { return host.broker(); }
    [[nodiscard]] const broker::CatalogView& catalog() const { return host.broker().catalog(); }
    [[nodiscard]] const Now& now() const { return host.now(); }

    /// The output buffer; call only to append.
    [[nodiscard]] Bytes& out() {
        wrote = true;
        return host.out();
    }
    /// Appends one method frame.
    template <class M>
    void send(std::uint16_t channel, const M& method) {
        FrameWriter(out()).method(channel, method);
    }
};

}  // namespace fantail::amqp091

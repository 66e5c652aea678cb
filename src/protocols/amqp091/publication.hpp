// SPDX-License-Identifier: Apache-2.0
//! A published message, and what its properties say that routing and storing must know.
#pragma once

#include <optional>
#include <vector>

#include "protocols/amqp091/confirms.hpp"
#include "protocols/amqp091/link.hpp"
#include "record/properties.hpp"

namespace fantail::amqp091 {

/// The pseudo queue of direct reply-to; with a dot and a token behind it, an address.
inline constexpr std::string_view reply_queue = "amq.rabbitmq.reply-to";

/// Who waits for the answer to a publish: a channel in confirm or transaction mode. Sequence 0: nobody.
struct PublisherRef {
    std::uint16_t channel = 0;
    std::uint32_t serial = 0;  ///< which opening of that channel
    std::uint64_t sequence = 0;
};

/// A message as it was published. Views.
struct Publication {
    PublisherRef from{};
    std::string_view exchange{};
    std::string_view routing_key{};
    ByteView properties{};
    ByteView body{};
    const std::string* reply_address = nullptr;  ///< the channel's direct reply consumer, if it has one
};

/// What the properties mean. Views into the publication's properties or the Inspector that filled it in.
struct Draft {
    record::PropertyScan scan;
    ByteView properties;  ///< to be stored: the publisher's bytes, or a rewritten copy
    broker::BatchTraits traits;
    std::uint8_t priority = 0;
    std::vector<std::string_view> more_keys;  ///< CC and BCC
    std::optional<std::int64_t> delay_ms;     ///< to be held for so long
    bool passing = false;                     ///< no exchange is to remember it
    std::optional<record::FieldValueView> deduplication;
};

/// Checks and reads properties. Keeps its buffers from message to message.
class Inspector final {
public:
    explicit Inspector(const Link& link) : link_(link) {}
    /// Fills `draft()`, which lasts until the next call. Hot.
    /// Errors: 502 (not decodable), 406 (expiration, user-id, CC, reply-to without a reply consumer).
    [[nodiscard]] Handled inspect(const Publication& message);
    [[nodiscard]] const Draft& draft() const { return draft_; }

private:
    [[nodiscard]] bool repeats(ByteView properties) const;
    [[nodiscard]] Handled inspect_rare(const Publication& message);
    [[nodiscard]] Handled inspect_headers();
    void hold_for(std::optional<std::int64_t> delay_ms);
    [[nodiscard]] Handled add_keys(std::string_view name, const record::FieldValueView& value);
    [[nodiscard]] Handled rewrite(const Publication& message, bool to_reply_consumer);

    const Link& link_;
    Draft draft_;
    Bytes last_plain_;  ///< the last plain properties, which draft_.scan then views; publishers repeat them
    Bytes inspected_;   ///< the last others, likewise
    Bytes rewritten_;
    bool has_blind_keys_ = false;
};

}  // namespace fantail::amqp091

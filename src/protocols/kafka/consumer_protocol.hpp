// SPDX-License-Identifier: Apache-2.0
//! What classic consumers tell each other through the broker: subscriptions in JoinGroup, assignments in SyncGroup.
//
//   i16 version, message in that version, in later versions more
//
// Brokers pass these bytes on unread; they look inside only to describe a group whose protocol type is "consumer". Other
// types of groups (Connect, schema registries) have forms of their own.
#pragma once

#include "protocols/kafka/groups_messages.hpp"

namespace fantail::kafka {

/// The metadata of a member, with views into it. A version that is newer than the codec is read as far as the codec knows it,
/// as its definition demands. Errors: malformed.
[[nodiscard]] Result<ConsumerProtocolSubscription> decode_subscription(ByteView metadata);

/// The assignment of a member, with views into it; versions and errors as above. No bytes are no partitions.
[[nodiscard]] Result<ConsumerProtocolAssignment> decode_assignment(ByteView assignment);

}  // namespace fantail::kafka

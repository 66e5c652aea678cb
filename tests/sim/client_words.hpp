// SPDX-License-Identifier: Apache-2.0
//! What simulated clients write into messages, and read back.
#pragma once

#include "record/properties.hpp"
#include "sim/model.hpp"

namespace fantail::sim {

/// A body that tells its message's number in its first eight bytes, and follows from it.
[[nodiscard]] Bytes body_of(std::uint64_t id, std::size_t size);
/// 0 if the body is too short to tell.
[[nodiscard]] std::uint64_t id_of(ByteView body);
/// Encoded properties of a message.
[[nodiscard]] Bytes properties_of(const Message& message);
/// What the headers of a delivery say.
[[nodiscard]] Delivered delivered_of(std::uint64_t id, const record::Properties& properties);

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! What messages of other protocols are to Kafka consumers (docs/guide/mapping.md).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace fantail::kafka {

/// Whether a stored batch has messages that other protocols published.
[[nodiscard]] bool has_envelopes(ByteView batch);
/// The batch as Kafka consumers see it: properties and headers become record headers, an empty key null. As many records
/// in the same order. Errors: malformed.
[[nodiscard]] Result<Bytes> without_envelopes(ByteView batch);

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! What a producer's batch must be before it is stored.
#pragma once

#include <string_view>

#include "base/time.hpp"
#include "broker/api/definitions.hpp"
#include "protocols/kafka/errors.hpp"
#include "record/batch.hpp"

namespace fantail::kafka {

/// Why a partition's records are refused, in words for people.
struct Refusal {
    ApiError error = ApiError::none;
    std::string_view reason{};
};

/// Checks that `records` is one batch in the present format, whole and sound, and what the topic's options ask of it.
[[nodiscard]] Refusal check_records(ByteView records, const broker::LogOptions& options, bool transactional,
                                    WallTime now);

/// An owned copy to be stored: the offset and the leader epoch are ours; with `append_time` so are the times.
[[nodiscard]] Bytes stored_form(ByteView batch, const broker::LogOptions& options, WallTime now);

/// The largest batch where a topic sets no other, in bytes.
inline constexpr std::uint32_t batch_bytes_default = 1'048'588;

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! Compressed batches for tests.
#pragma once

#include "base/bytes.hpp"
#include "record/batch.hpp"
#include "record/compression.hpp"

namespace fantail::record {

/// What a producer would have sent instead of `plain`, but for the checksum.
inline Bytes compressed_batch(ByteView plain, Codec codec) {
    Bytes out = to_bytes(plain.first(batch_header_size));
    append(out, compress(codec, plain.subspan(batch_header_size)).value());
    out[batch_at::attributes + 1] |= static_cast<std::uint8_t>(codec);
    store_be(out.data() + batch_at::batch_length, static_cast<std::int32_t>(out.size() - batch_length_excluded));
    return out;
}

}  // namespace fantail::record

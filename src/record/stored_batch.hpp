// SPDX-License-Identifier: Apache-2.0
//! Where a batch stands in streams, and a batch read back: the words that broker and storage share.
#pragma once

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace fantail {

/// Where a batch stands: it holds the offsets [base, base + count) of `stream`.
struct Target {
    StreamId stream;
    Offset base;
};

/// A batch read back from a stream; its first record has the offset `base`.
struct StoredBatch {
    Offset base;
    std::uint32_t count = 0;
    SharedBytes bytes;
};

/// Pairs the answer to a read with its question.
using ReadToken = StrongId<struct ReadTokenTag>;

}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! Batches that producers of other protocols compressed, unpacked to be walked.
#pragma once

#include <memory>
#include <utility>

#include "record/batch.hpp"
#include "record/compression.hpp"

namespace fantail::amqp091 {

/// Keeps the last batch that it unpacked: a consumer gets one in pieces.
class UnpackedBatch final {
public:
    /// The bytes of a batch that is not compressed; empty if it cannot be unpacked. Valid until the next call and as long as
    /// `batch` lives.
    [[nodiscard]] ByteView of(const SharedBytes& batch) {
        const auto attributes = load_be<std::uint16_t>(batch->data() + record::batch_at::attributes);
        if ((attributes & record::batch_attribute::compression_mask) == 0) [[likely]]
            return *batch;
        if (packed_ != batch) unpack(batch);
        return bytes_;
    }

private:
    void unpack(const SharedBytes& batch) {
        packed_ = batch;
        bytes_ = {};
        const auto view = record::BatchView::parse(*batch);
        if (!view) return;
        if (auto bytes = record::decompress_batch(*view, record::unpacked_size_max)) bytes_ = *std::move(bytes);
    }

    SharedBytes packed_;
    Bytes bytes_;
};

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! Tests of the output queue.
#include "patterns/output_queue.hpp"

#include <gtest/gtest.h>

namespace fantail::patterns {
namespace {

/// Takes everything, `step` bytes at a time.
std::string drain(OutputQueue& queue, std::size_t step) {
    std::string all;
    while (!queue.empty()) {
        ByteView piece;
        EXPECT_EQ(queue.gather({&piece, 1}), 1u);
        const std::size_t now = std::min(step, piece.size());
        all += as_text(piece.first(now));
        queue.consumed(now);
    }
    return all;
}

TEST(OutputQueue, KeepsBytesInOrderWhateverIsTakenAtOnce) {
    for (const std::size_t step : {1u, 7u, 100'000u}) {
        ChunkPool pool;
        OutputQueue queue(pool);
        std::string expected;
        for (int i = 0; i < 50; ++i) {
            const std::string small(static_cast<std::size_t>(i * 40), static_cast<char>('a' + i % 26));
            queue.append(as_bytes(small));
            part large(std::string_view(std::string(OutputQueue::refer_size_min + static_cast<std::size_t>(i), 'L')));
            expected += small + std::string(large.text());
            queue.append_body(std::move(large));
            queue.end_message();
        }
        EXPECT_EQ(queue.bytes(), expected.size());
        EXPECT_EQ(queue.messages(), 50u);
        EXPECT_EQ(drain(queue, step), expected);
        EXPECT_EQ(queue.messages(), 0u);
    }
}

TEST(OutputQueue, RefersToLargeBodiesInsteadOfCopying) {
    ChunkPool pool;
    OutputQueue queue(pool);
    part body = part::with_size(100'000);
    const std::uint8_t* data = body.data();
    queue.append_body(std::move(body));
    ByteView piece;
    ASSERT_EQ(queue.gather({&piece, 1}), 1u);
    EXPECT_EQ(piece.data(), data);
}

}  // namespace
}  // namespace fantail::patterns

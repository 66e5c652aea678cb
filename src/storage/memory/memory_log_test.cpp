// SPDX-License-Identifier: Apache-2.0
//! The memory driver keeps the interface's promises without files.
#include "storage/memory/memory_log.hpp"

#include <gtest/gtest.h>

#include "record/batch.hpp"

namespace fantail::storage {
namespace {

class MemoryLogTest : public testing::Test, public LogListener {
protected:
    void on_durable(Lsn lsn) override { durable = lsn; }
    void on_read(ReadToken token, Result<std::vector<StoredBatch>> batches) override {
        answers[token.value] = std::move(*batches);
    }
    void on_state(LogState, const Error&) override { FAIL(); }
    void turn() {
        log->submit({});
        for (auto fns = std::exchange(deferred, {}); auto& fn : fns) fn();
    }
    Lsn append(std::vector<Target> targets, std::uint32_t count) {
        record::BatchBuilder builder;
        for (std::uint32_t i = 0; i < count; ++i) builder.append_message({}, {}, {}, as_bytes("body"));
        return log->append_batch(
            {.targets = targets, .count = count, .bytes = std::make_shared<Bytes>(builder.finish(Offset(0)))});
    }
    std::vector<StoredBatch> read(std::uint64_t stream, std::uint64_t from, std::uint32_t bytes_max = 1 << 20) {
        log->read(StreamId(stream), Offset(from), bytes_max, ReadToken(1));
        turn();
        return answers[1];
    }
    std::vector<std::move_only_function<void()>> deferred;
    std::unordered_map<std::uint64_t, std::vector<StoredBatch>> answers;
    Lsn durable;
    std::unique_ptr<ShardLog> log = make_memory_log([this](auto fn) { deferred.push_back(std::move(fn)); }, *this);
};

TEST_F(MemoryLogTest, IsDurableOneTurnLaterAndNeverInsideACall) {
    const auto lsn = append({{StreamId(1), Offset(0)}}, 2);
    log->submit({});
    EXPECT_EQ(durable, Lsn(0));
    EXPECT_GT(log->undurable_bytes(), 0u);
    turn();
    EXPECT_EQ(durable, lsn);
    EXPECT_EQ(log->undurable_bytes(), 0u);
}

TEST_F(MemoryLogTest, ReadsFromTheHoldingBatchWithTheStreamsOwnOffsets) {
    append({{StreamId(1), Offset(0)}, {StreamId(2), Offset(70)}}, 3);
    append({{StreamId(1), Offset(3)}}, 1);
    auto got = read(1, 2);
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].base, Offset(0));
    got = read(2, 0);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(record::BatchView::parse(*got[0].bytes)->base_offset(), Offset(70));
    EXPECT_EQ(read(1, 0, 1).size(), 1u);
    EXPECT_TRUE(read(1, 4).empty());
}

TEST_F(MemoryLogTest, ReleasedAndForgottenOffsetsAreGone) {
    append({{StreamId(1), Offset(0)}, {StreamId(2), Offset(0)}}, 2);
    append({{StreamId(1), Offset(2)}}, 2);
    log->release(StreamId(1), Offset(0), Offset(1));
    EXPECT_EQ(read(1, 0).size(), 2u);
    log->release(StreamId(1), Offset(1), Offset(2));
    EXPECT_EQ(read(1, 0)[0].base, Offset(2));
    EXPECT_EQ(read(2, 0).size(), 1u);
    log->forget(StreamId(2));
    EXPECT_TRUE(read(2, 0).empty());
}

TEST_F(MemoryLogTest, CallsNobodyAfterItsEnd) {
    append({{StreamId(1), Offset(0)}}, 1);
    log->submit({});
    log.reset();
    for (auto& fn : deferred) fn();
    EXPECT_EQ(durable, Lsn(0));
}

}  // namespace
}  // namespace fantail::storage

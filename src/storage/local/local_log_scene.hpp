// SPDX-License-Identifier: Apache-2.0
//! For tests of the local log: a log on a simulated disk that is filled, crashes and is opened again.
#pragma once

#include <gtest/gtest.h>

#include "storage/local/test_log.hpp"

namespace fantail::storage {

/// One log in `/data/shard-0`; open() as often as a test wants to start.
class LocalLogTest : public testing::Test {
protected:
    void open(LocalOptions options = small_options()) {
        owner = std::make_unique<TestOwner>(disk);
        const auto opened = owner->open(std::move(options));
        ASSERT_TRUE(opened) << opened.error().message;
    }
    void crash() {
        disk.crash();
        owner->log.reset();
    }
    /// The error of opening what is on the disk.
    Error refused(LocalOptions options = small_options()) {
        owner = std::make_unique<TestOwner>(disk);
        const auto opened = owner->open(std::move(options));
        return opened ? Error{ErrorCode::internal, "it opened"} : opened.error();
    }
    /// Fills about `n` journal files with batches of stream 1 and writes all out.
    void fill(std::size_t files, std::uint64_t stream = 1) {
        for (std::size_t i = 0; i < files * 32; ++i) {
            owner->append(stream, 1, 8000);
            owner->turn();
            if (i % 8 == 7) owner->settle_down();
        }
        owner->settle_down();
    }
    [[nodiscard]] std::vector<std::string> names(const std::string& ending) {
        std::vector<std::string> out;
        const auto all = disk.list("/data/shard-0").value();
        for (const auto& n : all)
            if (n.ends_with(ending)) out.push_back(n);
        return out;
    }
    void expect_readable(std::uint64_t stream, std::uint64_t first, std::uint64_t end) {
        for (auto at = first; at < end;) {
            auto got = owner->read(stream, at);
            ASSERT_FALSE(owner->read_error) << owner->read_error->message;
            ASSERT_FALSE(got.empty()) << at;
            ASSERT_EQ(got[0].base.value, at);
            at = got.back().base.value + got.back().count;
        }
    }
    SimulatedFiles disk{1};
    std::unique_ptr<TestOwner> owner;
};

}  // namespace fantail::storage

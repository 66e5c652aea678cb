// SPDX-License-Identifier: Apache-2.0
//! RealFiles on a real directory, with io_uring and with threads.
#include "sys/real_files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "sys/aligned_buffer.hpp"
#include "sys/clock.hpp"

namespace fantail::sys {
namespace {

namespace fs = std::filesystem;

AlignedBuffer filled(std::size_t size, std::uint8_t value) {
    AlignedBuffer buffer(size);
    std::memset(buffer.data(), value, buffer.size());
    return buffer;
}

class RealFilesTest : public ::testing::TestWithParam<FileEngine> {
protected:
    void SetUp() override {
        // The build directory lies on a real disk; the system's temporary one may be memory.
        std::string pattern = (fs::current_path() / "files-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory = pattern;
        auto opened = RealFiles::open(loop, GetParam());
        if (!opened && GetParam() == FileEngine::uring) GTEST_SKIP() << opened.error().message;
        ASSERT_TRUE(opened);
        files = std::move(*opened);
    }
    void TearDown() override {
        files.reset();
        if (!directory.empty()) fs::remove_all(directory);
    }

    [[nodiscard]] std::string path(std::string_view name) const { return directory + '/' + std::string(name); }

    template <class Condition>
    [[nodiscard]] bool run_until(Condition condition) {
        const MonoTime end = SystemClock().now().mono.plus_ms(20'000);
        while (!condition() && SystemClock().now().mono < end) {
            if (loop.poll() + files->poll() == 0) loop.wait(end);
        }
        return condition();
    }
    /// Runs an operation to its end.
    template <class T, class Start>
    Result<T> await(Start start) {
        std::optional<Result<T>> got;
        start([&](Result<T> result) {
            EXPECT_FALSE(got.has_value()) << "completed twice";
            got = std::move(result);
        });
        EXPECT_FALSE(got.has_value()) << "completed inside the call";
        EXPECT_TRUE(run_until([&] { return got.has_value(); })) << "never completed";
        return got ? std::move(*got) : fail(ErrorCode::internal, "never completed");
    }
    Result<FileId> create_zeroed(const std::string& p, std::uint64_t size) {
        return await<FileId>([&](auto done) { files->create_zeroed(p, size, std::move(done)); });
    }
    Result<FileId> create(const std::string& p) {
        return await<FileId>([&](auto done) { files->create(p, std::move(done)); });
    }
    Result<void> write(FileId file, std::uint64_t offset, ByteView bytes) {
        return await<void>([&](auto done) { files->write(file, offset, bytes, std::move(done)); });
    }
    Result<void> read(FileId file, std::uint64_t offset, MutableBytes into) {
        return await<void>([&](auto done) { files->read(file, offset, into, std::move(done)); });
    }

    Loop loop;
    std::string directory;
    std::unique_ptr<RealFiles> files;
};
INSTANTIATE_TEST_SUITE_P(Engines, RealFilesTest, ::testing::Values(FileEngine::uring, FileEngine::threads),
                         [](const auto& each) { return each.param == FileEngine::uring ? "Uring" : "Threads"; });

TEST_P(RealFilesTest, WhatIsWrittenIsReadBack) {
    const FileId file = create_zeroed(path("a"), 1 << 20).value();
    const AlignedBuffer ones = filled(8192, 1);
    ASSERT_TRUE(write(file, 4096, {ones.data(), ones.size()}));
    AlignedBuffer back(16384);
    ASSERT_TRUE(read(file, 0, back.bytes()));
    EXPECT_EQ(back.data()[4095], 0);
    EXPECT_EQ(back.data()[4096], 1);
    EXPECT_EQ(back.data()[12287], 1);
    EXPECT_EQ(back.data()[12288], 0);
    AlignedBuffer again(4096);
    ASSERT_TRUE(files->read_at(file, 4096, again.bytes()));
    EXPECT_EQ(again.data()[0], 1);
}

TEST_P(RealFilesTest, AZeroedFileHasEveryBlockAllocated) {
    const std::uint64_t size = (3u << 20) + 4096;
    const FileId file = create_zeroed(path("a"), size).value();
    EXPECT_EQ(files->size(file), size);
    struct stat info{};
    ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
    EXPECT_GE(static_cast<std::uint64_t>(info.st_blocks) * 512, size);
    EXPECT_EQ(files->read_whole(path("a")), Bytes(size, 0));
}

TEST_P(RealFilesTest, ManyWritesInFlightAllComplete) {
    constexpr int writes = 600;  // more than the ring has entries
    const FileId file = create_zeroed(path("a"), writes * 4096).value();
    std::vector<AlignedBuffer> buffers;
    int completed = 0;
    for (int i = 0; i < writes; ++i) {
        buffers.push_back(filled(4096, static_cast<std::uint8_t>(i)));
        files->write(file, static_cast<std::uint64_t>(i) * 4096, buffers.back().bytes(), [&](Result<void> result) {
            EXPECT_TRUE(result.has_value());
            ++completed;
        });
    }
    ASSERT_TRUE(run_until([&] { return completed == writes; }));
    EXPECT_EQ(files->under_way(), 0u);
    const Bytes contents = files->read_whole(path("a")).value();
    for (int i = 0; i < writes; ++i)
        EXPECT_EQ(contents[static_cast<std::size_t>(i) * 4096 + 17], static_cast<std::uint8_t>(i));
}

TEST_P(RealFilesTest, AWriteCompletesThoughTheLoopSleeps) {
    const FileId file = create_zeroed(path("a"), 4096).value();
    const AlignedBuffer block = filled(4096, 9);
    for (int i = 0; i < 200; ++i) {
        bool done = false;
        files->write(file, 0, {block.data(), block.size()}, [&](Result<void>) { done = true; });
        // Without a time-out: a lost wake-up hangs the test.
        while (!done) {
            if (files->poll() == 0) loop.wait(MonoTime::never());
        }
    }
}

TEST_P(RealFilesTest, ACompletionMayStartTheNextOperation) {
    const FileId file = create_zeroed(path("a"), 4096 * 10).value();
    const AlignedBuffer block = filled(4096, 1);
    int written = 0;
    std::function<void()> next = [&] {
        files->write(file, static_cast<std::uint64_t>(written) * 4096, {block.data(), block.size()},
                     [&](Result<void> result) {
                         ASSERT_TRUE(result.has_value());
                         if (++written < 10) next();
                     });
    };
    next();
    EXPECT_TRUE(run_until([&] { return written == 10; }));
}

TEST_P(RealFilesTest, SyncCompletesBehindWritesToANewFile) {
    const FileId file = create(path("a")).value();
    const AlignedBuffer block = filled(8192, 3);
    ASSERT_TRUE(write(file, 0, {block.data(), block.size()}));
    EXPECT_TRUE(await<void>([&](auto done) { files->sync(file, std::move(done)); }));
    EXPECT_EQ(files->read_whole(path("a")).value(), Bytes(8192, 3));
}

TEST_P(RealFilesTest, ASyncThatFailsSaysSo) {
    const auto device = files->open("/dev/full");
    ASSERT_TRUE(device);
    const auto synced = await<void>([&](auto done) { files->sync(*device, std::move(done)); });
    ASSERT_FALSE(synced) << "a device without a disk cannot be synced";
}

TEST_P(RealFilesTest, AReadPastTheEndIsMalformed) {
    const FileId file = create_zeroed(path("a"), 8192).value();
    AlignedBuffer into(8192);
    EXPECT_EQ(read(file, 4096, into.bytes()).error().code, ErrorCode::malformed);
    EXPECT_EQ(read(file, 1 << 20, into.bytes()).error().code, ErrorCode::malformed);
    EXPECT_EQ(files->read_at(file, 4096, into.bytes()).error().code, ErrorCode::malformed);
}

TEST_P(RealFilesTest, AFullDeviceIsNoSpace_ENOSPC) {
    const auto full = files->open("/dev/full");
    ASSERT_TRUE(full) << full.error().message;
    const AlignedBuffer block = filled(4096, 1);
    const auto written = write(*full, 0, {block.data(), block.size()});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::no_space);
    EXPECT_NE(written.error().message.find("/dev/full"), std::string::npos);
}

TEST_P(RealFilesTest, AWriteThatTheKernelCutsShortGoesOnAndReportsWhyItCannotEnd_EFBIG) {
    const FileId file = create(path("a")).value();
    const AlignedBuffer block = filled(16384, 1);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{8192, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto written = write(file, 0, {block.data(), block.size()});
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::io);
    EXPECT_EQ(files->size(file), 8192u) << "the first part was written";
}

TEST_P(RealFilesTest, AZeroedFileThatDoesNotFitIsRemoved) {
    const auto space = files->free_space(directory);
    ASSERT_TRUE(space);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{8192, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto file = create_zeroed(path("a"), 1 << 20);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, handler);
    EXPECT_FALSE(file.has_value());
    EXPECT_FALSE(fs::exists(path("a")));
}

TEST_P(RealFilesTest, CloseLetsWritesUnderWayEndAndFreesTheDescriptorThen) {
    const FileId file = create_zeroed(path("a"), 4096 * 64).value();
    const AlignedBuffer block = filled(4096, 3);
    int completed = 0;
    for (std::uint64_t i = 0; i < 64; ++i) {
        files->write(file, i * 4096, {block.data(), block.size()}, [&](Result<void> result) {
            EXPECT_TRUE(result.has_value());
            ++completed;
        });
    }
    files->close(file);
    ASSERT_TRUE(run_until([&] { return completed == 64; }));
    EXPECT_EQ(files->read_whole(path("a")), Bytes(4096 * 64, 3));
    const FileId next = files->open(path("a")).value();
    EXPECT_EQ(next, file) << "the slot is free again";
}

TEST_P(RealFilesTest, DestroyedWithOperationsUnderWayItWaitsAndCallsNothing) {
    const FileId file = create_zeroed(path("a"), 4096 * 300).value();
    const AlignedBuffer block = filled(4096, 3);
    for (std::uint64_t i = 0; i < 300; ++i) {
        files->write(file, i * 4096, {block.data(), block.size()}, [](Result<void>) { ADD_FAILURE(); });
    }
    files->remove(path("nothing"), [](Result<void>) { ADD_FAILURE(); });
    files.reset();
    loop.poll();
    std::ifstream in(path("a"), std::ios::binary);
    const std::string contents((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(contents, std::string(4096 * 300, 3));
}

TEST_P(RealFilesTest, PunchedBlocksReadAsZerosAndGiveSpaceBack) {
    const FileId file = create_zeroed(path("a"), 64 * 4096).value();
    const AlignedBuffer block = filled(64 * 4096, 5);
    ASSERT_TRUE(write(file, 0, {block.data(), block.size()}));
    // Bytes 1000 … 40000: only the whole blocks 1 … 8 go.
    ASSERT_TRUE(await<void>([&](auto done) { files->punch(file, 1000, 39000, std::move(done)); }));
    const Bytes contents = files->read_whole(path("a")).value();
    EXPECT_EQ(contents.size(), 64u * 4096);
    EXPECT_EQ(contents[4095], 5);
    EXPECT_EQ(contents[9 * 4096], 5);
    struct stat info{};
    ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
    const bool has_holes = info.st_blocks * 512 < 64 * 4096;
    EXPECT_EQ(contents[4096], has_holes ? 0 : 5);
    EXPECT_EQ(contents[9 * 4096 - 1], has_holes ? 0 : 5);
}

TEST_P(RealFilesTest, ReplaceSwapsTheWholeContentsAndLeavesNothingElse) {
    for (const std::string_view text : {"first, and longer", "second"}) {
        const ByteView bytes = as_bytes(text);
        ASSERT_TRUE(await<void>(
            [&](auto done) { files->replace(path("state"), Bytes(bytes.begin(), bytes.end()), std::move(done)); }));
        EXPECT_EQ(as_text(files->read_whole(path("state")).value()), text);
    }
    EXPECT_EQ(files->list(directory), std::vector<std::string>{"state"});
}

TEST_P(RealFilesTest, SlowOperationsRunInOrder) {
    std::vector<int> order;
    files->replace(path("a"), Bytes(10, 1), [&](Result<void> r) {
        EXPECT_TRUE(r.has_value());
        order.push_back(1);
    });
    files->rename(path("a"), path("b"), [&](Result<void> r) {
        EXPECT_TRUE(r.has_value());
        order.push_back(2);
    });
    files->open_later(path("b"), [&](Result<FileId> r) {
        EXPECT_TRUE(r.has_value());
        order.push_back(3);
    });
    files->remove(path("b"), [&](Result<void> r) {
        EXPECT_TRUE(r.has_value());
        order.push_back(4);
    });
    files->open_later(path("b"), [&](Result<FileId> r) {
        ASSERT_FALSE(r);
        EXPECT_EQ(r.error().code, ErrorCode::not_found);
        order.push_back(5);
    });
    ASSERT_TRUE(run_until([&] { return order.size() == 5; }));
    EXPECT_EQ(order, (std::vector{1, 2, 3, 4, 5}));
}

TEST_P(RealFilesTest, RemovingAMissingFileIsNoErrorAndRenamingOneIsNotFound) {
    EXPECT_TRUE(await<void>([&](auto done) { files->remove(path("x"), std::move(done)); }));
    const auto renamed = await<void>([&](auto done) { files->rename(path("x"), path("y"), std::move(done)); });
    ASSERT_FALSE(renamed);
    EXPECT_EQ(renamed.error().code, ErrorCode::not_found);
}

TEST_P(RealFilesTest, AnErrorNamesAFileByItsPresentName) {
    const FileId file = create(path("before")).value();
    ASSERT_TRUE(await<void>([&](auto done) { files->rename(path("before"), path("now"), std::move(done)); }));
    Bytes into(1);
    const auto read = files->read_at(file, 1u << 30, into);
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, testing::StartsWith(path("now")));
}

TEST_P(RealFilesTest, ALockedFileIsUnavailableUntilItIsClosed) {
    const FileId lock = files->lock(path("lock")).value();
    const auto second = files->lock(path("lock"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
    files->close(lock);
    EXPECT_TRUE(files->lock(path("lock")).has_value());
}

TEST_P(RealFilesTest, ListsOnlyRegularFilesSorted) {
    ASSERT_TRUE(files->make_directory(path("deep/er")));
    ASSERT_TRUE(files->make_directory(path("deep/er"))) << "it may be there";
    ASSERT_TRUE(create(path("deep/b")));
    ASSERT_TRUE(create(path("deep/a")));
    EXPECT_EQ(files->list(path("deep")), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(files->list(path("none")).error().code, ErrorCode::not_found);
    EXPECT_FALSE(files->make_directory(path("deep/a")).has_value()) << "a file is in the way";
}

TEST_P(RealFilesTest, AMissingFileIsNotFound) {
    EXPECT_EQ(files->open(path("x")).error().code, ErrorCode::not_found);
    EXPECT_EQ(files->read_whole(path("x")).error().code, ErrorCode::not_found);
    EXPECT_EQ(create(path("none/x")).error().code, ErrorCode::not_found);
}

TEST_P(RealFilesTest, CreatingTruncates) {
    ASSERT_TRUE(create_zeroed(path("a"), 8192));
    const FileId file = create(path("a")).value();
    EXPECT_EQ(files->size(file), 0u);
}

TEST_P(RealFilesTest, DeferredWorkRunsInOrderFromTheLoop) {
    std::vector<int> order;
    files->defer([&] { order.push_back(1); });
    files->defer([&] { order.push_back(2); });
    EXPECT_TRUE(order.empty());
    loop.poll();
    EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(RealFiles, WorksWhereThereIsNoDirectIo) {
    if (!fs::exists("/dev/shm")) GTEST_SKIP();
    std::string pattern = "/dev/shm/fantail-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    Loop loop;
    {
        auto files = RealFiles::open(loop).value();
        std::optional<Result<void>> written;
        const AlignedBuffer block = filled(4096, 1);
        files->create(pattern + "/a", [&](Result<FileId> file) {
            ASSERT_TRUE(file) << file.error().message;
            files->write(*file, 0, {block.data(), block.size()},
                         [&](Result<void> result) { written = std::move(result); });
        });
        while (!written) {
            if (files->poll() == 0) loop.wait(SystemClock().now().mono.plus_ms(1000));
        }
        EXPECT_TRUE(written->has_value());
        EXPECT_EQ(files->read_whole(pattern + "/a"), Bytes(4096, 1));
    }
    fs::remove_all(pattern);
}

}  // namespace
}  // namespace fantail::sys

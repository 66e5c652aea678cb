// SPDX-License-Identifier: Apache-2.0
//! What a turn of the loop, a wake-up and a durable write cost.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "sys/aligned_buffer.hpp"
#include "sys/clock.hpp"
#include "sys/real_files.hpp"
#include "sys/socket.hpp"

namespace fantail::sys {
namespace {

void empty_turn(benchmark::State& state) {
    Loop loop;
    auto files = RealFiles::open(loop).value();
    for (auto _ : state) benchmark::DoNotOptimize(loop.poll() + files->poll());
}
BENCHMARK(empty_turn);

void wake_of_a_running_loop(benchmark::State& state) {
    Loop loop;
    for (auto _ : state) loop.wake();
}
BENCHMARK(wake_of_a_running_loop);

/// One request and one reply over a unix socket pair, both ends on one loop: two turns' worth of socket work.
void ping_pong(benchmark::State& state) {
    Loop loop;
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) return state.SkipWithError("socketpair");
    Socket a = Socket::adopt(loop, Fd(fds[0])).value();
    Socket b = Socket::adopt(loop, Fd(fds[1])).value();
    std::uint8_t bytes[128] = {};
    const ByteView piece(bytes, 100);
    bool back = false;
    b.when_readable([&] {
        if (b.read_some(bytes)) benchmark::DoNotOptimize(b.write_some({&piece, 1}));
    });
    a.when_readable([&] { back = a.read_some(bytes).has_value(); });
    for (auto _ : state) {
        back = false;
        benchmark::DoNotOptimize(a.write_some({&piece, 1}));
        while (!back) loop.poll();
    }
}
BENCHMARK(ping_pong);

void report(benchmark::State& state, std::vector<std::int64_t>& latencies) {
    std::ranges::sort(latencies);
    state.counters["p50_us"] = static_cast<double>(latencies[latencies.size() / 2]) / 1000;
    state.counters["p99_us"] = static_cast<double>(latencies[latencies.size() * 99 / 100]) / 1000;
    state.SetItemsProcessed(static_cast<std::int64_t>(latencies.size()));
}

/// A zero-filled file beside the working directory, which lies on a disk more often than the temporary directory.
struct DiskFile {
    static constexpr std::uint64_t size = 32u << 20;
    explicit DiskFile(FileEngine engine) : files(RealFiles::open(loop, engine).value()) {
        directory = (std::filesystem::current_path() / "bench-XXXXXX").string();
        if (::mkdtemp(directory.data()) == nullptr) std::abort();
        bool ready = false;
        files->create_zeroed(path(), size, [&](Result<FileId> made) {
            file = made.value();
            ready = true;
        });
        while (!ready) {
            if (files->poll() == 0) loop.wait(MonoTime::never());
        }
    }
    ~DiskFile() {
        files.reset();
        std::filesystem::remove_all(directory);
    }
    [[nodiscard]] std::string path() const { return directory + "/journal"; }
    std::string directory;
    Loop loop;
    std::unique_ptr<RealFiles> files;
    FileId file;
};

/// Durable writes of 4 KiB, range(0) in flight. range(1): 0 io_uring, 1 threads. range(2): 1 polls and never sleeps.
void durable_write(benchmark::State& state) {
    DiskFile disk(state.range(1) == 0 ? FileEngine::uring : FileEngine::threads);
    AlignedBuffer block(4096);
    std::memset(block.data(), 1, block.size());
    const SystemClock clock;
    std::vector<std::int64_t> latencies;
    std::uint64_t at = 0;
    std::int64_t in_flight = 0;
    for (auto _ : state) {
        while (in_flight < state.range(0)) {
            ++in_flight;
            disk.files->write(disk.file, at, block.bytes(), [&, start = clock.now().mono.ns](Result<void> result) {
                if (!result) std::abort();
                latencies.push_back(clock.now().mono.ns - start);
                --in_flight;
            });
            at = (at + block.size()) % DiskFile::size;
        }
        while (disk.loop.poll() + disk.files->poll() == 0) {
            if (state.range(2) == 0) disk.loop.wait(MonoTime::never());
        }
    }
    while (in_flight > 0) disk.files->poll();
    report(state, latencies);
}
BENCHMARK(durable_write)
    ->ArgsProduct({{1, 8, 32}, {0, 1}, {0, 1}})
    ->ArgNames({"in_flight", "threads", "busy"})
    ->MinTime(1.5)
    ->UseRealTime();

/// The floor: the same write by a plain blocking call.
void durable_write_blocking(benchmark::State& state) {
    const DiskFile disk(FileEngine::threads);
    const Fd fd(::open(disk.path().c_str(), O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC));
    AlignedBuffer block(4096);
    std::memset(block.data(), 1, block.size());
    const SystemClock clock;
    std::vector<std::int64_t> latencies;
    std::uint64_t at = 0;
    for (auto _ : state) {
        const std::int64_t start = clock.now().mono.ns;
        if (::pwrite(fd.get(), block.data(), block.size(), static_cast<off_t>(at)) != 4096) std::abort();
        latencies.push_back(clock.now().mono.ns - start);
        at = (at + block.size()) % DiskFile::size;
    }
    report(state, latencies);
}
BENCHMARK(durable_write_blocking)->MinTime(1.5)->UseRealTime();

}  // namespace
}  // namespace fantail::sys

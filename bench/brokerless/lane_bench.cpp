// SPDX-License-Identifier: Apache-2.0
//! A lane between two processes, and what its disk does without it.
#include "brokerless/lane_bench.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

#include "brokerless/ends.hpp"

namespace fantail::bench {
namespace {

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double median(std::vector<double>& us) {
    std::ranges::sort(us);
    return us[us.size() / 2];
}

/// A new folder here, gone afterwards.
class Folder {
public:
    Folder() {
        char name[] = "lane-bench-XXXXXX";
        if (::mkdtemp(name) == nullptr) give_up("no folder can be made here");
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// The median time of a pwrite and an fdatasync over blocks that are there, in µs.
double disk_us(const Folder& folder, std::size_t size) {
    static constexpr std::size_t file_size = 32u << 20;
    static constexpr int turns = 200;
    const std::string path = folder.path() + "/limit";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    std::vector<char> bytes(size, 'x');
    for (std::size_t at = 0; at < file_size; at += size) {
        if (::pwrite(fd, bytes.data(), size, static_cast<off_t>(at)) < 0) give_up("write");
    }
    ::fdatasync(fd);
    std::vector<double> us;
    for (int i = 0; i < turns; ++i) {
        const auto start = Clock::now();
        const auto at = static_cast<off_t>(static_cast<std::size_t>(i) * size % (file_size - size));
        if (::pwrite(fd, bytes.data(), size, at) < 0 || ::fdatasync(fd) != 0) give_up("write");
        us.push_back(us_since(start));
    }
    ::close(fd);
    ::unlink(path.c_str());
    return median(us);
}

void report_limit(const Folder& folder, const LaneRun& run) {
    if (run.journal != "disk") return;
    static constexpr std::size_t block = 4096;
    const std::size_t bytes = std::min<std::size_t>(run.window * run.size, 1u << 20);
    const std::size_t size = (bytes + block - 1) / block * block;
    const double us = disk_us(folder, size);
    std::printf("limit: pwrite+fdatasync of %zu bytes p50 %.0f us, %.0f messages/s\n", size, us,
                static_cast<double>(size) / static_cast<double>(run.size) / us * 1e6);
}

lane_journal journal_named(const std::string& name) {
    if (name == "memory") return lane_journal::memory;
    if (name == "os") return lane_journal::os;
    if (name == "disk") return lane_journal::disk;
    give_up("no journal " + name);
}

void receive_all(const LaneRun& run) {
    options settings;
    settings.lane.window = run.window;
    settings.lane.acknowledge_automatically = true;
    lane_receiver in(settings);
    if (auto done = in.connect(run.address); !done) give_up(done.error().text());
    for (std::uint64_t i = 1; i <= run.count + 1; ++i) {
        auto got = in.receive();
        if (!got) give_up(got.error().text());
        if (got->number != i) give_up("a message is missing");
    }
    // The last one is acknowledged by asking for another.
    static_cast<void>(in.receive(milliseconds(1000)));
}

void check(const result<void>& done) {
    if (!done) give_up(done.error().text());
}

void send_one_by_one(const LaneRun& run, lane_sender& out) {
    std::vector<double> us;
    for (std::uint64_t i = 0; i < run.count; ++i) {
        const auto start = Clock::now();
        check(out.send(message(part::with_size(run.size))));
        check(out.wait_acknowledged());
        us.push_back(us_since(start));
    }
    std::printf("lane, journal %s, window 1: send to acknowledgement p50 %.1f us\n", run.journal.c_str(), median(us));
}

void send_many(const LaneRun& run, lane_sender& out) {
    const auto start = Clock::now();
    for (std::uint64_t i = 0; i < run.count; ++i) {
        if (auto posted = out.post(message(part::with_size(run.size))); !posted) give_up(posted.error().text());
    }
    check(out.flush());
    check(out.wait_acknowledged());
    std::printf("lane, journal %s, window %u: %.0f messages/s\n", run.journal.c_str(), run.window,
                static_cast<double>(run.count) / us_since(start) * 1e6);
}

}  // namespace

void measure_lane(const LaneRun& run) {
    const Folder folder;
    report_limit(folder, run);
    const pid_t child = ::fork();
    if (child == 0) {
        receive_all(run);
        ::_exit(0);
    }
    options settings;
    settings.lane.journal = journal_named(run.journal);
    settings.lane.journal_directory = folder.path() + "/lane";
    {
        lane_sender out(settings);
        if (auto bound = out.bind(run.address); !bound) give_up(bound.error().text());
        check(out.send("first"));  // the connection is there once it is acknowledged
        check(out.wait_acknowledged());
        run.window == 1 ? send_one_by_one(run, out) : send_many(run, out);
    }
    ::waitpid(child, nullptr, 0);
    report_limit(folder, run);
}

}  // namespace fantail::bench

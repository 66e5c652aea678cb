// SPDX-License-Identifier: Apache-2.0
//! fantail-limits: what this machine's sockets, disk and memory allow, measured in the same run as the brokers; one JSON line.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "driver/histogram.hpp"
#include "driver/process_stats.hpp"
#include "driver/report.hpp"

using namespace fantail::bench;

namespace {

constexpr std::size_t message_bytes = 100;
constexpr std::size_t block_bytes = 4096;
constexpr std::size_t file_bytes = std::size_t{64} << 20;

struct Settings {
    std::string directory = ".";
    double seconds = 2;
    std::size_t sequential_mib = 512;
};

std::int64_t deadline(double seconds) { return now_ns() + static_cast<std::int64_t>(seconds * 1e9); }

struct SocketPair {
    int near = -1;
    int far = -1;
    ~SocketPair() {
        ::close(near);
        ::close(far);
    }
};

/// Two ends of one TCP connection on loopback.
std::unique_ptr<SocketPair> tcp_pair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, plain, size) != 0 || ::listen(listener, 1) != 0 || ::getsockname(listener, plain, &size) != 0)
        fail("cannot listen");
    auto out = std::make_unique<SocketPair>();
    out->near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(out->near, plain, size) != 0) fail("cannot connect");
    out->far = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
    const int one = 1;
    for (const int s : {out->near, out->far}) ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return out;
}

bool receive_exactly(int socket, std::uint8_t* at, std::size_t size) {
    while (size > 0) {
        const auto got = ::recv(socket, at, size, 0);
        if (got <= 0) return false;
        at += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

/// A file that was written before: a sync of it costs the disk's flush and no change of metadata.
class SyncedFile final {
public:
    explicit SyncedFile(const std::string& directory)
        : path_(directory + "/fantail-limits.tmp"), block_(block_bytes, 'j') {
        file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (file_ < 0) fail("cannot create a file in --dir");
        ::unlink(path_.c_str());
        const std::vector<char> zeros(1 << 20);
        for (std::size_t at = 0; at < file_bytes; at += zeros.size()) {
            if (::pwrite(file_, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) fail("cannot write in --dir");
        }
        if (::fdatasync(file_) != 0) fail("fdatasync failed");
    }
    ~SyncedFile() { ::close(file_); }
    SyncedFile(const SyncedFile&) = delete;
    SyncedFile& operator=(const SyncedFile&) = delete;

    void write_and_sync() {
        if (::pwrite(file_, block_.data(), block_.size(), static_cast<off_t>(at_)) < 0 || ::fdatasync(file_) != 0)
            fail("write or fdatasync failed");
        at_ = (at_ + block_bytes) % file_bytes;
    }

private:
    std::string path_;
    std::vector<char> block_;
    int file_ = -1;
    std::size_t at_ = 0;
};

/// Round trips of 100 bytes; the far end calls `before_answer` for each one.
template <typename Work>
Histogram round_trips(double seconds, int cpu, Work before_answer) {
    const auto pair = tcp_pair();
    std::thread echo([&, far = pair->far] {
        if (cpu >= 0 && !pin_to_cpu(cpu)) fail("cannot bind to a CPU");
        std::array<std::uint8_t, message_bytes> message{};
        while (receive_exactly(far, message.data(), message.size())) {
            before_answer();
            if (::send(far, message.data(), message.size(), MSG_NOSIGNAL) < 0) return;
        }
    });
    Histogram histogram;
    std::thread caller([&, near = pair->near] {
        if (cpu >= 0 && !pin_to_cpu(cpu)) fail("cannot bind to a CPU");
        std::array<std::uint8_t, message_bytes> message{};
        const std::int64_t until = deadline(seconds);
        for (std::int64_t start = now_ns(); start < until;) {
            if (::send(near, message.data(), message.size(), MSG_NOSIGNAL) < 0 ||
                !receive_exactly(near, message.data(), message.size()))
                break;
            const std::int64_t end = now_ns();
            histogram.record(end - start);
            start = end;
        }
        ::shutdown(near, SHUT_RDWR);
    });
    caller.join();
    echo.join();
    return histogram;
}

Histogram synced_writes(double seconds, SyncedFile& file) {
    Histogram histogram;
    const std::int64_t until = deadline(seconds);
    for (std::int64_t start = now_ns(); start < until;) {
        file.write_and_sync();
        const std::int64_t end = now_ns();
        histogram.record(end - start);
        start = end;
    }
    return histogram;
}

double memcpy_gb_per_s(double seconds) {
    constexpr std::size_t size = std::size_t{64} << 20;
    std::vector<char> from(size, 'a');
    std::vector<char> to(size, 'b');
    std::uint64_t copied = 0;
    const std::int64_t start = now_ns();
    const std::int64_t until = deadline(seconds);
    while (now_ns() < until) {
        std::memcpy(to.data(), from.data(), size);
        // Reading one byte back keeps the copy from being optimised away.
        from[copied % size] = to[size / 2];
        copied += size;
    }
    return static_cast<double>(copied) / static_cast<double>(now_ns() - start);
}

double tcp_stream_gb_per_s(double seconds) {
    constexpr std::size_t write_bytes = 64 * 1024;
    constexpr std::size_t read_bytes = 256 * 1024;
    const auto pair = tcp_pair();
    std::uint64_t received = 0;
    std::thread reader([&, far = pair->far] {
        std::vector<std::uint8_t> buffer(read_bytes);
        for (ssize_t got = 1; got > 0; received += static_cast<std::uint64_t>(std::max<ssize_t>(got, 0)))
            got = ::recv(far, buffer.data(), buffer.size(), 0);
    });
    const std::vector<std::uint8_t> buffer(write_bytes, 'x');
    const std::int64_t start = now_ns();
    const std::int64_t until = deadline(seconds);
    while (now_ns() < until && ::send(pair->near, buffer.data(), buffer.size(), MSG_NOSIGNAL) > 0) {}
    ::shutdown(pair->near, SHUT_WR);
    reader.join();
    return static_cast<double>(received) / static_cast<double>(now_ns() - start);
}

struct Sequential {
    double write_gb_per_s = 0;
    double read_mb_per_s = 0;
};

/// Zeros where the file system refuses O_DIRECT.
Sequential direct_sequential(const Settings& settings) {
    constexpr std::size_t size = 1 << 20;
    const std::string path = settings.directory + "/fantail-limits.tmp";
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0600);
    if (file < 0) return {};
    ::unlink(path.c_str());
    const std::unique_ptr<void, decltype(&std::free)> block(std::aligned_alloc(block_bytes, size), &std::free);
    std::memset(block.get(), 'd', size);
    const std::int64_t start = now_ns();
    for (std::size_t i = 0; i < settings.sequential_mib; ++i) {
        if (::write(file, block.get(), size) != static_cast<ssize_t>(size)) fail("an O_DIRECT write failed");
    }
    if (::fdatasync(file) != 0) fail("fdatasync failed");
    const std::int64_t written = now_ns();
    for (std::size_t i = 0; i < settings.sequential_mib; ++i) {
        const auto at = static_cast<off_t>(i * size);
        if (::pread(file, block.get(), size, at) != static_cast<ssize_t>(size)) fail("an O_DIRECT read failed");
    }
    const std::int64_t read = now_ns();
    ::close(file);
    const auto bytes = static_cast<double>(settings.sequential_mib * size);
    return {bytes / static_cast<double>(written - start), 1e3 * bytes / static_cast<double>(read - written)};
}

Settings parse(int argc, char** argv) {
    Settings settings;
    CLI::App app("Measures this machine's limits and prints one JSON line.", "fantail-limits");
    app.add_option("--dir", settings.directory, "directory for temporary files, on the disk to be measured")
        ->check(CLI::ExistingDirectory);
    app.add_option("--seconds", settings.seconds, "seconds of each measurement")->check(CLI::Range(0.05, 60.0));
    app.add_option("--sequential-mib", settings.sequential_mib, "MiB of the sequential write and read")
        ->check(CLI::Range(1, 16'384));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    const Settings settings = parse(argc, argv);
    arm_watchdog(static_cast<unsigned>(settings.seconds * 10) + 120);
    const auto nothing = [] {};
    Report report;
    report.add_text("workload", "limits");
    report.add_latency("rtt_one_cpu", round_trips(settings.seconds, 0, nothing));
    report.add_latency("rtt_free", round_trips(settings.seconds, -1, nothing));
    SyncedFile file(settings.directory);
    report.add_latency("sync", synced_writes(settings.seconds, file));
    report.add_latency("sync_rtt", round_trips(settings.seconds, -1, [&] { file.write_and_sync(); }));
    report.add("memcpy_gb_per_s", memcpy_gb_per_s(settings.seconds / 2));
    report.add("tcp_stream_gb_per_s", tcp_stream_gb_per_s(settings.seconds / 2));
    const Sequential sequential = direct_sequential(settings);
    report.add("direct_write_gb_per_s", sequential.write_gb_per_s);
    report.add("direct_read_mb_per_s", sequential.read_mb_per_s);
    report.print();
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! Round trips and one-way rates between two processes, or two threads of one, by the library or by libzmq.
//
//   brokerless_bench fantail|zmq roundtrip|oneway|fanout tcp|ipc|inproc|inproc-poll SIZE COUNT
//   brokerless_bench fantail lane-memory|lane-os|lane-disk tcp|ipc SIZE COUNT WINDOW
// Prints one line: round trips in µs (median and 99th percentile), or messages per second as the receiver counts them. `fanout` has
// one publisher and 100 subscribers in one process; its figure is deliveries per second. `inproc` has two threads instead of two
// processes, and with `inproc-poll` they receive without waiting, again and again. A lane's journal is in a new folder of the
// working directory, and beside its figure stands what its file system does without it (lane_bench.hpp).
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "brokerless/ends.hpp"
#include "brokerless/lane_bench.hpp"

namespace fantail::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Run {
    std::string mode;
    std::string transport;
    std::size_t size;
    std::uint64_t count;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string address_of(const Run& run) {
    return run.transport == "ipc" ? "ipc://@fantail-bench-" + std::to_string(::getpid()) : "tcp://127.0.0.1:*";
}

double cpu_seconds() {
    double total = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        ::getrusage(who, &usage);
        for (const timeval& t : {usage.ru_utime, usage.ru_stime})
            total += static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    }
    return total;
}

/// Runs `child` in a process of its own with the address that this process has bound.
template <class Child>
pid_t with_child(const std::string& address, Child child) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    child(address);
    ::_exit(0);
}

/// The address is learned by a socket that is gone before the fork: no thread of a library survives one.
template <class End>
std::string choose_address(const Run& run) {
    if (run.transport == "ipc") return address_of(run);
    int pipe_ends[2];
    if (::pipe(pipe_ends) != 0) give_up("pipe");
    const pid_t pid = ::fork();
    if (pid == 0) {
        const std::string bound = End(Role::pull).bind(address_of(run));
        if (::write(pipe_ends[1], bound.data(), bound.size()) < 0) ::_exit(1);
        ::_exit(0);
    }
    char text[256] = {};
    const auto got = ::read(pipe_ends[0], text, sizeof text - 1);
    ::waitpid(pid, nullptr, 0);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

void report(std::vector<double>& us) {
    std::ranges::sort(us);
    std::printf("p50 %.2f us  p99 %.2f us\n", us[us.size() / 2], us[us.size() * 99 / 100]);
}

template <class End>
void roundtrip(const Run& run) {
    const std::string address = choose_address<End>(run);
    const std::uint64_t warm = run.count / 10;
    const pid_t child = with_child(address, [&](const std::string& where) {
        End echo(Role::pair);
        echo.connect(where);
        for (std::uint64_t i = 0; i < run.count + warm; ++i) echo.send(run.size, echo.receive());
    });
    End end(Role::pair);
    end.bind(address);
    std::vector<double> us;
    us.reserve(run.count);
    for (std::uint64_t i = 0; i < run.count + warm; ++i) {
        const auto start = Clock::now();
        end.send(run.size, i);
        if (end.receive() != i) give_up("a wrong echo");
        if (i >= warm) us.push_back(seconds_since(start) * 1e6);
    }
    ::waitpid(child, nullptr, 0);
    report(us);
}

bool is_inproc(const Run& run) { return run.transport.starts_with("inproc"); }

std::uint64_t receive_as(const Run& run, auto& end) {
    return run.transport == "inproc-poll" ? end.receive_polling() : end.receive();
}

template <class End>
void roundtrip_inproc(const Run& run) {
    const std::uint64_t total = run.count + run.count / 10;
    End end(Role::pair);
    end.bind("inproc://bench");
    std::thread other([&] {
        End echo(Role::pair);
        echo.connect("inproc://bench");
        for (std::uint64_t i = 0; i < total; ++i) echo.send(run.size, receive_as(run, echo));
    });
    std::vector<double> us;
    us.reserve(total);
    for (std::uint64_t i = 0; i < total; ++i) {
        const auto start = Clock::now();
        end.send(run.size, i);
        if (receive_as(run, end) != i) give_up("a wrong echo");
        us.push_back(seconds_since(start) * 1e6);
    }
    other.join();
    us.erase(us.begin(), us.begin() + static_cast<std::ptrdiff_t>(run.count / 10));
    report(us);
}

template <class End>
void oneway_inproc(const Run& run) {
    End pull(Role::pull);
    pull.bind("inproc://bench");
    std::thread other([&] {
        End push(Role::push);
        push.connect("inproc://bench");
        for (std::uint64_t i = 0; i < run.count; ++i) push.send(run.size, i);
    });
    if (receive_as(run, pull) != 0) give_up("not the first message");
    const auto start = Clock::now();
    for (std::uint64_t i = 1; i < run.count; ++i) {
        if (receive_as(run, pull) != i) give_up("a message is missing");
    }
    const double seconds = seconds_since(start);
    other.join();
    std::printf("%.0f messages/s\n", static_cast<double>(run.count) / seconds);
}

template <class End>
void oneway(const Run& run) {
    const std::string address = choose_address<End>(run);
    const pid_t child = with_child(address, [&](const std::string& where) {
        End push(Role::push);
        push.connect(where);
        for (std::uint64_t i = 0; i < run.count; ++i) push.send(run.size, i);
    });
    double seconds = 0;
    {
        End pull(Role::pull);
        pull.bind(address);
        if (pull.receive() != 0) give_up("not the first message");
        const auto start = Clock::now();
        for (std::uint64_t i = 1; i < run.count; ++i) {
            if (pull.receive() != i) give_up("a message is missing");
        }
        seconds = seconds_since(start);
    }
    ::waitpid(child, nullptr, 0);
    const double n = static_cast<double>(run.count);
    std::printf("%.0f messages/s  %.0f MB/s  %.3f CPU-us/message\n", n / seconds,
                n * static_cast<double>(run.size) / seconds / 1e6, cpu_seconds() / n * 1e6);
}

template <class End>
void fanout(const Run& run) {
    static constexpr std::size_t subscribers_count = 100;
    static constexpr std::uint64_t paced = 400;  // fewer than the high-water mark: none is dropped
    const std::string address = choose_address<End>(run);
    const std::string back = "ipc://@fantail-bench-back-" + std::to_string(::getpid());
    const pid_t child = with_child(address, [&](const std::string& where) {
        std::vector<std::unique_ptr<End>> subscribers;
        End done(Role::push);
        done.connect(back);
        for (std::size_t i = 0; i < subscribers_count; ++i) {
            subscribers.push_back(std::make_unique<End>(Role::subscriber));
            subscribers.back()->subscribe_all();
            subscribers.back()->connect(where);
        }
        ::usleep(1'000'000);  // for subscriptions to arrive; the measurement begins afterwards
        done.send(8, 0);
        for (std::uint64_t sent = 0; sent < run.count; sent += paced) {
            for (const auto& subscriber : subscribers) {
                for (std::uint64_t i = 0; i < paced; ++i) {
                    if (subscriber->receive() != sent + i) give_up("a message is missing");
                }
            }
            done.send(8, sent);
        }
    });
    End publisher(Role::publisher);
    publisher.bind(address);
    End done(Role::pull);
    done.bind(back);
    done.receive();
    const auto start = Clock::now();
    for (std::uint64_t sent = 0; sent < run.count; sent += paced) {
        for (std::uint64_t i = 0; i < paced; ++i) publisher.send(run.size, sent + i);
        done.receive();
    }
    const double seconds = seconds_since(start);
    ::waitpid(child, nullptr, 0);
    std::printf("%.0f deliveries/s\n", static_cast<double>(run.count * subscribers_count) / seconds);
}

void lane(const Run& run, std::uint32_t window) {
    static constexpr std::string_view prefix = "lane-";
    if (!run.mode.starts_with(prefix)) give_up("no mode " + run.mode);
    measure_lane({.journal = run.mode.substr(prefix.size()),
                  .address = choose_address<Ours>(run),
                  .size = run.size,
                  .count = run.count,
                  .window = window});
}

template <class End>
void measure(const Run& run) {
    if (is_inproc(run) && run.mode == "roundtrip") return roundtrip_inproc<End>(run);
    if (is_inproc(run) && run.mode == "oneway") return oneway_inproc<End>(run);
    if (run.mode == "roundtrip") return roundtrip<End>(run);
    if (run.mode == "oneway") return oneway<End>(run);
    if (run.mode == "fanout") return fanout<End>(run);
    give_up("no mode " + run.mode);
}

}  // namespace
}  // namespace fantail::bench

int main(int argc, char** argv) {
    using namespace fantail::bench;
    if (argc != 6 && argc != 7)
        give_up("usage: brokerless_bench fantail|zmq MODE TRANSPORT SIZE COUNT [WINDOW]; see brokerless_bench.cpp");
    const Run run{argv[2], argv[3], std::max<std::size_t>(8, std::stoul(argv[4])), std::stoull(argv[5])};
    const std::string library = argv[1];
    if (library == "fantail" && argc == 7) lane(run, static_cast<std::uint32_t>(std::stoul(argv[6])));
    else if (library == "fantail") measure<Ours>(run);
#ifdef WITH_ZMQ
    else if (library == "zmq") measure<Theirs>(run);
#endif
    else give_up("no library " + library);
    return 0;
}

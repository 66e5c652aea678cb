// SPDX-License-Identifier: Apache-2.0
//! Flat JSON by hand: the fields are few and their names are ours.
#include "driver/report.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace fantail::bench {
namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

void on_alarm(int) {
    static constexpr std::string_view line = "{\"error\": \"the run exceeded its time limit\"}\n";
    [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, line.data(), line.size());
    ::_exit(3);
}

}  // namespace

void Report::add_raw(std::string_view name, std::string_view json) {
    if (!fields_.empty()) fields_ += ", ";
    fields_ += fmt::format("\"{}\": {}", name, json);
}

void Report::add(std::string_view name, double value) {
    add_raw(name, std::isfinite(value) ? fmt::format("{:.6g}", value) : "null");
}

void Report::add(std::string_view name, std::uint64_t value) { add_raw(name, fmt::format("{}", value)); }

void Report::add_text(std::string_view name, std::string_view value) { add_raw(name, quoted(value)); }

void Report::add_flag(std::string_view name, bool value) { add_raw(name, value ? "true" : "false"); }

void Report::add_latency(std::string_view name, const Histogram& histogram) {
    const auto micros = [&](double percent) { return static_cast<double>(histogram.percentile(percent)) / 1e3; };
    add(fmt::format("{}_p50_us", name), micros(50));
    add(fmt::format("{}_p99_us", name), micros(99));
    add(fmt::format("{}_p99_9_us", name), micros(99.9));
    add(fmt::format("{}_max_us", name), static_cast<double>(histogram.max()) / 1e3);
    add(fmt::format("{}_mean_us", name), histogram.mean() / 1e3);
    add(fmt::format("{}_samples", name), histogram.count());
}

void Report::print() const {
    fmt::print("{{{}}}\n", fields_);
    std::fflush(stdout);
}

void fail(std::string_view what) {
    fmt::print("{{\"error\": {}}}\n", quoted(what));
    std::fflush(stdout);
    // Other threads may be blocked in a socket: no destructors, no waiting for them.
    std::_Exit(1);
}

void arm_watchdog(unsigned seconds) {
    struct sigaction action{};
    action.sa_handler = on_alarm;
    ::sigaction(SIGALRM, &action, nullptr);
    ::alarm(seconds);
}

std::int64_t now_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

}  // namespace fantail::bench

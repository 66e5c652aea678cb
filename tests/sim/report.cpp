// SPDX-License-Identifier: Apache-2.0
//! What the simulator prints.
#include "sim/report.hpp"

#include <algorithm>
#include <cstdio>

namespace fantail::sim {

namespace {

constexpr std::size_t tail_lines = 60;

struct Line {
    const char* name;
    std::uint64_t Counts::* count;
};
constexpr Line lines[] = {
    {"messages published", &Counts::published},
    {"confirmed or committed", &Counts::confirmed},
    {"delivered", &Counts::delivered},
    {"settled", &Counts::settled},
    {"records written to topics", &Counts::records_written},
    {"records acknowledged as durable", &Counts::records_acknowledged},
    {"records read from topics", &Counts::records_read},
    {"shares of groups told", &Counts::generations},
    {"offsets committed", &Counts::commits},
    {"transactions committed", &Counts::transactions_committed},
    {"transactions aborted", &Counts::transactions_aborted},
    {"producers fenced", &Counts::producers_fenced},
    {"waits judged", &Counts::waits_judged},
    {"connections", &Counts::connections},
    {"turns of cores", &Counts::turns},
    {"crashes", &Counts::crashes},
    {"clean restarts", &Counts::clean_restarts},
    {"connections cut", &Counts::lost_connections},
    {"half-open connections", &Counts::half_open},
    {"slow networks", &Counts::slow_networks},
    {"paused nodes", &Counts::paused_nodes},
    {"failed writes", &Counts::failed_writes},
    {"failed syncs", &Counts::failed_syncs},
    {"full disks", &Counts::full_disks},
    {"policies put again", &Counts::policy_changes},
    {"steps of the wall clock", &Counts::clock_steps},
    {"rotten bits", &Counts::rotten_bits},
    {"runs ended by noticed damage", &Counts::rot_detected},
};

}  // namespace

double Report::elapsed_s() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void Report::add(const RunOptions& options, const Outcome& outcome) {
    simulated_ns_ += outcome.simulated_ns;
    faults_ += outcome.faults;
    for (const Line& line : lines) totals_.*line.count += outcome.counts.*line.count;
    if (options.history && outcome.failure.empty()) {
        for (const std::string& text : outcome.history) std::printf("%s\n", text.c_str());
    }
    if (outcome.failure.empty()) {
        ++passed_;
        return;
    }
    ++failed_;
    explain(options, outcome);
    std::fflush(stdout);
}

/// The end of the history, and before it what tells of the message that the failure is about, of faults and of restarts.
void Report::print_history(const Outcome& outcome, bool whole) {
    const std::size_t named = outcome.failure.find("message ");
    std::string id = named == std::string::npos ? "" : outcome.failure.substr(named + 8);
    id = id.substr(0, id.find_first_not_of("0123456789"));
    const std::size_t tail = outcome.history.size() - std::min(outcome.history.size(), tail_lines);
    for (std::size_t i = 0; i < outcome.history.size(); ++i) {
        const std::string& text = outcome.history[i];
        const bool tells = (!id.empty() && text.contains(id)) || text.contains("FAULT") || text.contains("  node: ") ||
                           text.contains("  shard ");
        if (whole || i >= tail || tells) std::printf("  %s\n", text.c_str());
    }
}

void Report::explain(const RunOptions& options, const Outcome& outcome) const {
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(options.seed), outcome.failure.c_str());
    if (detail_ == Detail::line) return;
    RunOptions shortest = detail_ == Detail::shrunk ? shrink(options) : options;
    shortest.history = true;
    const Outcome again = run(shortest);
    std::printf("again: %s\n", again.failure.c_str());
    std::printf("%s\n", again.setting.c_str());
    print_history(again, options.history);
    std::printf("repeat with: fantail-sim %s\n", shortest.arguments().c_str());
}

void Report::print_totals() const {
    const double real_s = elapsed_s();
    const double minutes = static_cast<double>(simulated_ns_) / 60e9;
    for (const Line& line : lines)
        std::printf("%12llu %s\n", static_cast<unsigned long long>(totals_.*line.count), line.name);
    std::printf("%12.1f simulated minutes in %.1f s: %.0f a minute\n", minutes, real_s, minutes / real_s * 60);
    std::printf("%zu passed, %zu failed\n", passed_, failed_);
}

}  // namespace fantail::sim

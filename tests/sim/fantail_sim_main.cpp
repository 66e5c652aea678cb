// SPDX-License-Identifier: Apache-2.0
//! Runs seeds through the simulator and says what was seen.
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "sim/report.hpp"

namespace {

/// What to print if the broker's own assertions end the process.
char repeat_text[512];

void on_abort(int) {
    [[maybe_unused]] const auto written = ::write(2, repeat_text, std::strlen(repeat_text));
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    using namespace fantail::sim;
    CLI::App app{"One-seed simulation of the whole broker: see tests/sim/README.md"};
    RunOptions options;
    std::vector<std::uint64_t> seeds;
    std::uint64_t runs = 1;
    double seconds = 0;
    std::vector<std::size_t> without;
    bool quiet = false;
    bool whole = false;
    bool first = false;
    app.add_option("--seed", options.seed, "first seed");
    app.add_option("--runs", runs, "seeds, one after the other");
    app.add_option("--seeds", seeds, "these before them")->delimiter(',');
    app.add_option("--seconds", seconds, "stop after so much real time; 0: after all runs");
    app.add_option("--without", without, "numbers of faults to leave out")->delimiter(',');
    app.add_option("--end-ms", options.end_ms, "clients stop then");
    app.add_option("--clients", options.clients_max, "at most so many");
    app.add_flag("--history", options.history, "print what happened, failed or not");
    app.add_flag("--whole", whole, "do not shrink failures");
    app.add_flag("--first", first, "end with the first failure");
    app.add_flag("--quiet", quiet, "of a failure print one line");
    CLI11_PARSE(app, argc, argv);
    options.without_faults.insert(without.begin(), without.end());

    std::signal(SIGABRT, on_abort);
    std::signal(SIGSEGV, on_abort);
    Report report(quiet ? Report::Detail::line : whole ? Report::Detail::whole : Report::Detail::shrunk);
    for (std::uint64_t i = 0; i < runs; ++i) seeds.push_back(options.seed + i);
    for (const std::uint64_t seed : seeds) {
        options.seed = seed;
        std::snprintf(repeat_text, sizeof repeat_text, "\nthe broker gave up; repeat with: fantail-sim %s\n",
                      options.arguments().c_str());
        report.add(options, run(options));
        if (report.failed() >= (first ? 1 : Report::failures_max)) break;
        if (seconds > 0 && report.elapsed_s() >= seconds) break;
    }
    report.print_totals();
    return report.failed() == 0 ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
//! The list of subcommands.
#include "cli/commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command_parts.hpp"

namespace fantail::cli {

void add_commands(CLI::App& app, int& exit_code) {
    add_publish(app, exit_code);
    add_consume(app, exit_code);
    add_queues(app, exit_code);
    add_exchanges(app, exit_code);
    add_bindings(app, exit_code);
    add_topics(app, exit_code);
    add_groups(app, exit_code);
    add_connections(app, exit_code);
    add_access(app, exit_code);
    add_policies(app, exit_code);
    add_definitions(app, exit_code);
}

int report(const Error& error) {
    fmt::print(stderr, "fantail: {}\n", error.message);
    return 1;
}

}  // namespace fantail::cli

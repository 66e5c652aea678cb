// SPDX-License-Identifier: Apache-2.0
//! The subcommands of `fantail` that talk to a running broker.
#pragma once

namespace CLI {
class App;
}

namespace fantail::cli {

/// Adds publish, consume, queues, exchanges, bindings, topics, groups, connections, users, vhosts, permissions and policies to `app`. A
/// command that ran puts its exit code into `exit_code`: 0 done, 1 refused or failed (the reason is on stderr).
void add_commands(CLI::App& app, int& exit_code);

}  // namespace fantail::cli

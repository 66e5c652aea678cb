// SPDX-License-Identifier: Apache-2.0
//! The pieces that add_commands() is put together from, one file each.
#pragma once

#include "base/result.hpp"

namespace CLI {
class App;
}

namespace fantail::cli {

void add_publish(CLI::App& app, int& exit_code);
void add_consume(CLI::App& app, int& exit_code);
void add_exchanges(CLI::App& app, int& exit_code);
void add_bindings(CLI::App& app, int& exit_code);
void add_connections(CLI::App& app, int& exit_code);
void add_definitions(CLI::App& app, int& exit_code);
void add_queues(CLI::App& app, int& exit_code);
void add_topics(CLI::App& app, int& exit_code);
void add_groups(CLI::App& app, int& exit_code);
void add_access(CLI::App& app, int& exit_code);  ///< users, vhosts, permissions
void add_policies(CLI::App& app, int& exit_code);

/// Writes the reason to stderr. \return 1
int report(const Error& error);

/// 0, or 1 and the reason on stderr.
template <class T>
[[nodiscard]] int exit_code_of(const Result<T>& outcome) {
    return outcome ? 0 : report(outcome.error());
}

}  // namespace fantail::cli

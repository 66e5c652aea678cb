// SPDX-License-Identifier: Apache-2.0
//! The `list` that every noun of the administration port has.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/admin_client.hpp"
#include "cli/table.hpp"

namespace fantail::cli {

struct ListCommand {
    std::string noun;  ///< "queues"
    std::string path;  ///< "/api/queues"
    std::vector<Column> columns;
    bool of_vhost = true;  ///< --vhost narrows it
};

/// Adds `list [--vhost V] [--json]` to the noun's command.
CLI::App* add_list(CLI::App& group, std::shared_ptr<AdminTarget> target, ListCommand list, int& exit_code);

/// Adds the noun's command itself: it wants a subcommand and knows --admin, --user, --password.
CLI::App* add_group(CLI::App& app, const std::string& noun, const std::string& about,
                    std::shared_ptr<AdminTarget>& target);

}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! fantail connections: list, close.
#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

void add_connections(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* connections = add_group(app, "connections", "list and close connections", target);
    add_list(*connections, target,
             {"connections",
              "/api/connections",
              {{"id", "ID"},
               {"name", "NAME"},
               {"protocol", "PROTOCOL"},
               {"user_provided_name", "CLIENT"},
               {"user", "USER"},
               {"vhost", "VHOST"},
               {"state", "STATE"},
               {"channels", "CHANNELS", Show::number},
               {"consumers", "CONSUMERS", Show::number},
               {"recv_oct", "IN", Show::bytes},
               {"send_oct", "OUT", Show::bytes}}},
             exit_code);
    CLI::App* close = connections->add_subcommand("close", "close a connection, telling the client why");
    auto id = std::make_shared<std::string>();
    close->add_option("ID", *id, "or name, as `connections list` shows it")->required();
    close->footer("Example:\n  fantail connections close 281474976710673");
    close->callback([target, id, &exit_code] {
        exit_code = exit_code_of(AdminClient(*target).remove(api_path("/api/connections", {*id})));
    });
}

}  // namespace fantail::cli

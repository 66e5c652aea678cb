// SPDX-License-Identifier: Apache-2.0
//! Lists as tables or JSON.
#include "cli/list_command.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/command_parts.hpp"
#include "protocols/http/http_request.hpp"

namespace fantail::cli {

namespace {

struct ListOptions {
    std::string vhost;
    bool json = false;
};

Result<void> print_list(const AdminTarget& target, const ListCommand& list, const ListOptions& options) {
    const std::string query = options.vhost.empty() ? "" : "vhost=" + http::encode_percent(options.vhost);
    FANTAIL_TRY(const boost::json::array rows, AdminClient(target).list(list.path, query));
    const std::string text = options.json ? boost::json::serialize(rows) + "\n" : format_table(list.columns, rows);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
}

}  // namespace

CLI::App* add_group(CLI::App& app, const std::string& noun, const std::string& about,
                    std::shared_ptr<AdminTarget>& target) {
    CLI::App* group = app.add_subcommand(noun, about);
    target = add_admin_target(*group);
    group->require_subcommand(0, 1);  // alone it lists
    return group;
}

CLI::App* add_list(CLI::App& group, std::shared_ptr<AdminTarget> target, ListCommand list, int& exit_code) {
    CLI::App* command = group.add_subcommand("list", "show them in a table");
    auto options = std::make_shared<ListOptions>();
    if (list.of_vhost) command->add_option("--vhost", options->vhost, "only of this vhost")->type_name("NAME");
    command->add_flag("--json", options->json, "print JSON");
    command->footer("Example:\n  fantail " + list.noun + " list" + (list.of_vhost ? " --vhost /" : " --json"));
    auto print = [target, list = std::move(list), options, &exit_code] {
        exit_code = exit_code_of(print_list(*target, list, *options));
    };
    command->callback(print);
    group.add_flag("--json", options->json, "list as JSON");
    group.callback([&group, print = std::move(print)] {
        if (group.get_subcommands().empty()) print();
    });
    return command;
}

}  // namespace fantail::cli

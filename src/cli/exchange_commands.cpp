// SPDX-License-Identifier: Apache-2.0
//! fantail exchanges: list, declare, delete.
#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

struct ExchangeOptions {
    std::string name;
    std::string vhost = "/";
    std::string type = "direct";
    bool transient = false;
    bool auto_delete = false;
    bool internal = false;
    std::vector<std::string> arguments;
    [[nodiscard]] std::string path() const { return api_path("/api/exchanges", {vhost, name}); }
};

std::shared_ptr<ExchangeOptions> add_choice(CLI::App& command) {
    auto options = std::make_shared<ExchangeOptions>();
    command.add_option("NAME", options->name, "the exchange")->required();
    command.add_option("--vhost", options->vhost, "its vhost (default: /)")->type_name("NAME");
    return options;
}

Result<void> declare(const AdminTarget& target, const ExchangeOptions& options) {
    FANTAIL_TRY(boost::json::object arguments, parse_arguments(options.arguments));
    const boost::json::object body{{"type", options.type},
                                   {"durable", !options.transient},
                                   {"auto_delete", options.auto_delete},
                                   {"internal", options.internal},
                                   {"arguments", std::move(arguments)}};
    FANTAIL_CHECK(AdminClient(target).put(options.path(), body));
    return {};
}

void add_declare(CLI::App& exchanges, const std::shared_ptr<AdminTarget>& target, int& exit_code) {
    CLI::App* command = exchanges.add_subcommand("declare", "make an exchange, or check that it is as described");
    command->alias("create");
    auto options = add_choice(*command);
    command
        ->add_option("--type", options->type,
                     "direct, fanout, topic, headers, x-consistent-hash, x-delayed-message … (default: direct)")
        ->type_name("TYPE");
    command->add_flag("--transient", options->transient, "it goes with a restart");
    command->add_flag("--auto-delete", options->auto_delete, "it goes with its last binding");
    command->add_flag("--internal", options->internal, "only other exchanges may send to it");
    command->add_option("--argument", options->arguments, "as alternate-exchange=other; may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all();
    command->footer("Example:\n  fantail exchanges declare events --type topic");
    command->callback([=, &exit_code] { exit_code = exit_code_of(declare(*target, *options)); });
}

}  // namespace

void add_exchanges(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* exchanges = add_group(app, "exchanges", "list, declare and delete exchanges", target);
    add_list(*exchanges, target,
             {"exchanges",
              "/api/exchanges",
              {{"vhost", "VHOST"},
               {"name", "NAME"},
               {"type", "TYPE"},
               {"durable", "DURABLE", Show::flag},
               {"auto_delete", "AUTO-DELETE", Show::flag},
               {"internal", "INTERNAL", Show::flag},
               {"policy", "POLICY"}}},
             exit_code);
    add_declare(*exchanges, target, exit_code);

    CLI::App* deleting = exchanges->add_subcommand("delete", "delete an exchange with its bindings");
    auto deleted = add_choice(*deleting);
    auto if_unused = std::make_shared<bool>(false);
    deleting->add_flag("--if-unused", *if_unused, "only without bindings");
    deleting->footer("Example:\n  fantail exchanges delete events --if-unused");
    deleting->callback([=, &exit_code] {
        exit_code = exit_code_of(AdminClient(*target).remove(deleted->path() + (*if_unused ? "?if-unused=true" : "")));
    });
}

}  // namespace fantail::cli

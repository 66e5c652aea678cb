// SPDX-License-Identifier: Apache-2.0
//! fantail bindings: list, add, delete.
#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

struct BindingOptions {
    std::string source;
    std::string destination;
    std::string vhost = "/";
    std::string key;
    bool to_exchange = false;
    std::vector<std::string> arguments;
    [[nodiscard]] std::string path() const {
        return api_path("/api/bindings", {vhost, "e", source, to_exchange ? "e" : "q", destination});
    }
};

std::shared_ptr<BindingOptions> add_ends(CLI::App& command) {
    auto options = std::make_shared<BindingOptions>();
    command.add_option("EXCHANGE", options->source, "where messages come from")->required();
    command.add_option("QUEUE", options->destination, "where they go")->required();
    command.add_option("--key", options->key, "routing key or pattern, as the exchange's type reads it")
        ->type_name("KEY");
    command.add_flag("--to-exchange", options->to_exchange, "QUEUE is the name of an exchange");
    command.add_option("--vhost", options->vhost, "where (default: /)")->type_name("NAME");
    command.add_option("--argument", options->arguments, "as x-match=any; may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all();
    return options;
}

Result<void> add(const AdminTarget& target, const BindingOptions& options) {
    FANTAIL_TRY(boost::json::object arguments, parse_arguments(options.arguments));
    const boost::json::object body{{"routing_key", options.key}, {"arguments", std::move(arguments)}};
    FANTAIL_CHECK(AdminClient(target).post(options.path(), boost::json::serialize(body)));
    return {};
}

/// The broker's key of the binding that has the routing key and arguments. Errors: not_found.
Result<std::string> key_of(const boost::json::array& bindings, const BindingOptions& options) {
    FANTAIL_TRY(const boost::json::object arguments, parse_arguments(options.arguments));
    for (const boost::json::value& each : bindings) {
        const bool is_it = each.at("routing_key").as_string() == options.key && each.at("arguments") == arguments;
        if (is_it) return std::string(each.at("properties_key").as_string());
    }
    return fail(ErrorCode::not_found, "no binding from '" + options.source + "' to '" + options.destination +
                                          "' with this key and these arguments");
}

Result<void> remove(const AdminTarget& target, const BindingOptions& options) {
    AdminClient client(target);
    FANTAIL_TRY(const boost::json::array bindings, client.list(options.path(), ""));
    FANTAIL_TRY(const std::string key, key_of(bindings, options));
    FANTAIL_CHECK(client.remove(api_path(options.path(), {key})));
    return {};
}

}  // namespace

void add_bindings(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* bindings = add_group(app, "bindings", "list, add and delete bindings", target);
    add_list(*bindings, target,
             {"bindings",
              "/api/bindings",
              {{"vhost", "VHOST"},
               {"source", "SOURCE"},
               {"destination", "DESTINATION"},
               {"destination_type", "TO"},
               {"routing_key", "KEY"},
               {"arguments", "ARGUMENTS", Show::json}}},
             exit_code);
    CLI::App* adding = bindings->add_subcommand("add", "bind a queue, or an exchange, to an exchange");
    adding->alias("create");
    auto added = add_ends(*adding);
    adding->footer("Example:\n  fantail bindings add amq.topic greetings --key 'test.#'");
    adding->callback([=, &exit_code] { exit_code = exit_code_of(add(*target, *added)); });

    CLI::App* deleting = bindings->add_subcommand("delete", "remove a binding");
    auto deleted = add_ends(*deleting);
    deleting->footer("Example:\n  fantail bindings delete amq.topic greetings --key 'test.#'");
    deleting->callback([=, &exit_code] { exit_code = exit_code_of(remove(*target, *deleted)); });
}

}  // namespace fantail::cli

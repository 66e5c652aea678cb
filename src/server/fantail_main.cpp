// SPDX-License-Identifier: Apache-2.0
//! The `fantail` program: the broker and the commands that talk to it.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <optional>

#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "server/config/settings.hpp"
#include "server/config/version.hpp"
#include "server/serve.hpp"

namespace {

using fantail::Result;
using fantail::server::Settings;

/// Where settings come from, weakest first: defaults, file, --set, the options with names of their own.
struct ServeOptions {
    std::string config;
    std::optional<std::string> data_dir;
    std::vector<std::string> listen;
    std::vector<std::string> set;
};

void add_options(CLI::App& command, ServeOptions& options) {
    command.add_option("--config", options.config, "TOML configuration file")->type_name("FILE");
    command.add_option("--data-dir", options.data_dir, "where everything is kept (default: ./data)")->type_name("DIR");
    command
        .add_option("--listen", options.listen,
                    "a listener: amqp, amqps, kafka or http; port 0 for a free one; may be repeated")
        ->type_name("NAME=HOST:PORT")
        ->take_all();
    command.add_option("--set", options.set, "one setting (docs/guide/configuration.md); may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all();
}

Result<void> set_pair(Settings& settings, const std::string& prefix, const std::string& pair) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos)
        return fantail::fail(fantail::ErrorCode::malformed, "'" + pair + "' is not KEY=VALUE");
    return fantail::server::set_setting(settings, prefix + pair.substr(0, equals), pair.substr(equals + 1));
}

/// \param faults gets everything that is wrong
Settings make_settings(const ServeOptions& options, std::vector<std::string>& faults) {
    Settings settings = fantail::server::default_settings();
    const auto set = [&](const std::string& prefix, const std::string& pair) {
        if (auto outcome = set_pair(settings, prefix, pair); !outcome) faults.push_back(outcome.error().message);
    };
    if (!options.config.empty()) faults = read_settings(settings, options.config);
    for (const std::string& pair : options.set) set("", pair);
    if (options.data_dir) settings.data_dir = *options.data_dir;
    for (const std::string& pair : options.listen) set("listeners.", pair);
    for (std::string& fault : check_settings(settings)) faults.push_back(std::move(fault));
    return settings;
}

int with_settings(const ServeOptions& options, int (*run)(const Settings&)) {
    std::vector<std::string> faults;
    const Settings settings = make_settings(options, faults);
    if (faults.empty()) return run(settings);
    for (const std::string& fault : faults) fmt::print(stderr, "fantail: {}\n", fault);
    return 2;
}

bool has_command(const CLI::App& app, std::string_view name) {
    return !app.get_subcommands([name](const CLI::App* each) { return each->get_name() == name; }).empty();
}

int unknown_command(const CLI::App& app, std::string_view name) {
    fmt::print(stderr, "fantail: there is no command '{}'; there are:\n", fantail::cli::printable(name));
    for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
        fmt::print(stderr, "  {:<14} {}\n", each->get_name(), each->get_description());
    return static_cast<int>(CLI::ExitCodes::ExtrasError);
}

int check_config(const Settings& settings) {
    for (const auto& info : fantail::server::setting_infos())
        fmt::print("{} = {}\n", info.key,
                   info.key == "auth.default_password" ? "(not shown)" : setting_text(settings, info.key));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Fantail: asynchronous messaging. RabbitMQ's clients work with it unmodified.", "fantail"};
    app.set_version_flag("--version", std::string("fantail ") + fantail::server::version);
    app.require_subcommand(1);
    int exit_code = 0;

    ServeOptions serve_options;
    CLI::App* serve = app.add_subcommand("serve", "run the broker in the foreground");
    add_options(*serve, serve_options);
    serve->footer(
        "Stops on SIGTERM and Ctrl-C, reads certificates again on SIGHUP.\nExample:\n"
        "  fantail serve --data-dir /var/lib/fantail --listen amqp=0.0.0.0:5672 --set broker.cores=4");
    serve->callback([&] { exit_code = with_settings(serve_options, fantail::server::serve); });

    ServeOptions check_options;
    CLI::App* check =
        app.add_subcommand("check-config", "read the configuration, print what would be in force, and exit");
    add_options(*check, check_options);
    check->footer("Example:\n  fantail check-config --config /etc/fantail.toml");
    check->callback([&] { exit_code = with_settings(check_options, check_config); });

    fantail::cli::add_commands(app, exit_code);
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (!first.empty() && !first.starts_with('-') && !has_command(app, first)) return unknown_command(app, first);
    CLI11_PARSE(app, argc, argv);
    return exit_code;
}

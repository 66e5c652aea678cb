// SPDX-License-Identifier: Apache-2.0
//! The `fantail` program: the broker and the commands that talk to it.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "server/config/settings.hpp"
#include "server/config/version.hpp"
#include "server/serve.hpp"

namespace {

using fantail::Result;
using fantail::server::Settings;

/// Where settings come from, weakest first: defaults, file, --set, the options with names of their own.
struct ServeOptions {
    std::string config;
    std::string data_dir;
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

Result<Settings> make_settings(const ServeOptions& options) {
    Settings settings = fantail::server::default_settings();
    if (!options.config.empty()) FANTAIL_CHECK(read_settings(settings, options.config));
    for (const std::string& pair : options.set) FANTAIL_CHECK(set_pair(settings, "", pair));
    if (!options.data_dir.empty()) settings.data_dir = options.data_dir;
    for (const std::string& pair : options.listen) FANTAIL_CHECK(set_pair(settings, "listeners.", pair));
    FANTAIL_CHECK(check_settings(settings));
    return settings;
}

int with_settings(const ServeOptions& options, int (*run)(const Settings&)) {
    const auto settings = make_settings(options);
    if (settings) return run(*settings);
    fmt::print(stderr, "fantail: {}\n", settings.error().message);
    return 2;
}

int check_config(const Settings& settings) {
    for (const auto& info : fantail::server::setting_infos())
        fmt::print("{} = {}\n", info.key, setting_text(settings, info.key));
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
    CLI11_PARSE(app, argc, argv);
    return exit_code;
}

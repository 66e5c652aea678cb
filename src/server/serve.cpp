// SPDX-License-Identifier: Apache-2.0
//! Puts settings, listeners and node together.
#include "server/serve.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "protocols/amqp091/predeclared.hpp"
#include "runtime/node.hpp"
#include "server/admin_context.hpp"
#include "server/password.hpp"
#include "server/protocols.hpp"
#include "sys/loop.hpp"
#include "sys/process.hpp"

namespace fantail::server {

namespace {

void set_up_logging(const Settings& settings) {
    auto logger = spdlog::stderr_logger_mt("fantail");
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    logger->set_level(spdlog::level::from_str(settings.log_level));
    spdlog::set_default_logger(std::move(logger));
}

broker::ControllerOptions controller_options(const Settings& settings) {
    broker::ControllerOptions options;
    options.default_vhost = "/";
    options.predeclared = amqp091::predeclared_exchanges();
    if (!settings.auth_default_user.empty()) {
        broker::UserDefinition user;
        user.name = settings.auth_default_user;
        user.password_hash = hash_password(settings.auth_default_password);
        user.tags = {"administrator"};
        options.default_users.push_back(std::move(user));
    }
    return options;
}

runtime::NodeOptions node_options(const Settings& settings, Authenticator& authenticator) {
    runtime::NodeOptions options;
    if (settings.durability == "disk") options.data_dir = settings.data_dir;
    options.cores = static_cast<std::uint16_t>(settings.cores == 0 ? sys::usable_cpu_count() : settings.cores);
    options.shards = static_cast<std::uint16_t>(settings.shards);
    options.placement = settings.placement == "spread" ? runtime::Placement::spread : runtime::Placement::pack;
    options.salvage = settings.salvage;
    options.controller = controller_options(settings);
    options.authenticate = [&authenticator](const broker::UserDefinition* user, std::string_view password, const protocols::PeerInfo& peer) {
        return authenticator.check(user, password, peer);
    };
    options.report = [](const std::string& line) { spdlog::warn("{}", line); };
    return options;
}

void print_endpoints(const runtime::Node& node, const Settings& settings) {
    std::string ready = "ready";
    fmt::print(stderr, "\n  {:<8} {}\n", "listener", "address");
    for (const runtime::BoundListener& each : node.listeners()) {
        fmt::print(stderr, "  {:<8} {}:{}\n", each.name, each.host, each.port);
        ready += fmt::format(" {}={}:{}", each.name, each.host, each.port);
    }
    fmt::print(stderr, "  {:<8} {}\n\n", "data", settings.durability == "disk" ? settings.data_dir : "in memory only");
    std::printf("%s\n", ready.c_str());
    std::fflush(stdout);
}

int fail_to_start(const Error& error) {
    spdlog::error("cannot start: {}", error.message);
    return 1;
}

}  // namespace

int serve(const Settings& settings) {
    set_up_logging(settings);
    if (auto raised = sys::raise_open_files_limit(); !raised) spdlog::warn("open files: {}", raised.error().message);

    Authenticator authenticator(settings.auth_guest_loopback_only);
    AdminContext admin;
    auto listeners = make_listeners(settings, admin);
    if (!listeners) return fail_to_start(listeners.error());
    runtime::NodeOptions options = node_options(settings, authenticator);
    options.listeners = std::move(*listeners);

    sys::Loop loop;
    bool stopping = false;
    sys::SignalWatch signals(loop, [&](int signal) {
        if (signal == SIGHUP) reload_certificates(settings, admin);
        else stopping = true;
    });
    runtime::Node node(std::move(options));
    admin.node = &node;
    if (auto started = node.start(); !started) return fail_to_start(started.error());
    admin.ready = true;
    print_endpoints(node, settings);
    while (!stopping) loop.wait(MonoTime::never());
    spdlog::info("stopping");
    admin.ready = false;
    node.stop();
    return 0;
}

}  // namespace fantail::server

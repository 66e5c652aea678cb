// SPDX-License-Identifier: Apache-2.0
//! Puts settings, listeners and node together.
#include "server/serve.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>

#include "base/clock_step.hpp"
#include "runtime/core.hpp"
#include "runtime/node.hpp"
#include "server/auth/login_log.hpp"
#include "server/auth/password.hpp"
#include "server/node_backend.hpp"
#include "server/predeclared.hpp"
#include "server/protocols.hpp"
#include "server/server_state.hpp"
#include "server/watch/machine.hpp"
#include "server/watch/resource_alarm.hpp"
#include "server/watch/rest_watch.hpp"
#include "sys/clock.hpp"
#include "sys/loop.hpp"
#include "sys/mono.hpp"
#include "sys/process.hpp"
#include "sys/tls.hpp"

namespace fantail::server {

namespace {

constexpr std::int64_t watch_interval_ms = 1000;

void set_up_logging(const Settings& settings) {
    auto logger = spdlog::stderr_logger_mt("fantail");
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    logger->set_level(spdlog::level::from_str(settings.log_level));
    spdlog::set_default_logger(std::move(logger));
}

broker::ControllerOptions controller_options(const Settings& settings) {
    broker::ControllerOptions options;
    options.default_vhost = "/";
    options.predeclared = predeclared_exchanges();
    if (!settings.auth_default_user.empty()) {
        broker::UserDefinition user;
        user.name = settings.auth_default_user;
        // The manual tells this password to everybody: a slow hash would protect nothing and delay every first start.
        const bool known = settings.auth_default_password == Settings().auth_default_password;
        user.password_hash =
            hash_password(settings.auth_default_password, known ? known_password_iterations : password_iterations);
        user.tags = {"administrator"};
        options.default_users.push_back(std::move(user));
    }
    return options;
}

runtime::NodeOptions node_options(const Settings& settings, Authenticator& authenticator, LoginLog& logins) {
    runtime::NodeOptions options;
    if (settings.durability == "disk") options.data_dir = settings.data_dir;
    options.cores = static_cast<std::uint16_t>(settings.cores == 0 ? sys::usable_cpu_count() : settings.cores);
    options.shards = static_cast<std::uint16_t>(settings.shards);
    options.placement = settings.placement == "spread" ? runtime::Placement::spread : runtime::Placement::pack;
    options.salvage = settings.salvage;
    options.controller = controller_options(settings);
    options.transactions.idle_max_ms = settings.kafka_transactional_id_expiration_ms;
    options.check_login = [&authenticator, &logins](const broker::UserDefinition* user, std::string_view password,
                                                    const protocols::PeerInfo& peer) {
        return logins.watched(authenticator.check(user, password, peer), user, peer);
    };
    options.report = [](const std::string& line) { spdlog::warn("{}", line); };
    return options;
}

std::string address_text(const runtime::BoundListener& listener) {
    const bool ipv6 = listener.host.contains(':');
    return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", listener.host, ipv6 ? "]" : "", listener.port);
}

void print_endpoints(const runtime::Node& node, const Settings& settings) {
    std::string ready = "ready";
    fmt::print(stderr, "\n  {:<8} {}\n", "listener", "address");
    for (const runtime::BoundListener& each : node.listeners()) {
        fmt::print(stderr, "  {:<8} {}\n", each.name, address_text(each));
        ready += fmt::format(" {}={}", each.name, address_text(each));
    }
    fmt::print(stderr, "  {:<8} {}\n\n", "data", settings.durability == "disk" ? settings.data_dir : "in memory only");
    std::printf("%s\n", ready.c_str());
    std::fflush(stdout);
}

/// New connections get the new certificates; bad ones are reported and the old ones kept.
void reload_certificates(const Settings& settings, ServerState& state) {
    if (!state.tls) {
        spdlog::info("SIGHUP: no TLS listener, nothing to reload");
        return;
    }
    auto context = load_certificates(settings);
    if (!context) {
        spdlog::error("certificates not reloaded, the old ones stay: {}", context.error().message);
        return;
    }
    state.tls->context.store(std::move(*context));
    spdlog::info("certificates reloaded");
}

Result<void> set_up_tls(const Settings& settings, ServerState& state) {
    const auto amqps = settings.listeners.find("amqps");
    if (amqps == settings.listeners.end() || !amqps->second.enabled()) return {};
    FANTAIL_TRY(auto context, load_certificates(settings));
    state.tls = std::make_shared<runtime::TlsSlot>();
    state.tls->context.store(std::move(context));
    return {};
}

ResourceLimits resource_limits(const Settings& settings) {
    ResourceLimits limits;
    limits.memory_max = memory_limit(settings.memory_high_water, usable_memory());
    if (settings.durability == "disk") limits.disk_free_min = static_cast<std::uint64_t>(settings.disk_free_min);
    return limits;
}

NodeFacts node_facts(const Settings& settings, const runtime::NodeOptions& options) {
    const ResourceLimits limits = resource_limits(settings);
    return {.name = "fantail@" + sys::host_name(),
            .cluster = "fantail",
            .rabbitmq_version = settings.amqp_version,
            .memory_max = limits.memory_max,
            .disk_free_min = limits.disk_free_min,
            .descriptors_max = options.descriptors_max,
            .process_id = sys::process_id(),
            .cores = options.cores};
}

/// Resident memory without what only the allocator keeps: that must not hold publishers back.
std::uint64_t memory_in_use(std::uint64_t high_water) {
    const std::uint64_t bytes = sys::resident_bytes();
    if (high_water == 0 || bytes <= high_water - high_water / 10) return bytes;
    sys::give_back_free_memory();
    return sys::resident_bytes();
}

void check_resources(ResourceAlarm& alarm, const Settings& settings, runtime::Node& node, ServerState& state) {
    const bool changed = alarm.update({memory_in_use(alarm.limits().memory_max), disk_free(settings.data_dir)});
    if (!changed) return;
    if (alarm.on()) spdlog::warn("publishers are held back: {}", alarm.reason());
    else spdlog::info("publishers may go on");
    state.set_alarm(alarm.reason());
    state.memory_alarm = alarm.memory_short();
    state.disk_alarm = alarm.disk_short();
    for (std::uint16_t i = 0; i < node.core_count(); ++i)
        node.run_on(CoreId(i), [on = alarm.on(), reason = alarm.reason()](runtime::Core& core) {
            core.set_alarm("resources", on, reason);
        });
}

/// What a burst of work made large goes back to the machine.
void give_back_memory(runtime::Node& node) {
    for (std::uint16_t i = 0; i < node.core_count(); ++i)
        node.run_on(CoreId(i), [](runtime::Core& core) {
            core.give_back_memory();
            sys::give_back_free_memory();
        });
}

/// The wall clock was set: sleeping cores look at what has become due.
void wake_cores(runtime::Node& node) {
    spdlog::info("the wall clock was set");
    for (std::uint16_t i = 0; i < node.core_count(); ++i) node.run_on(CoreId(i), [](runtime::Core&) {});
}

int fail_to_start(const Error& error) {
    spdlog::error("cannot start: {}", error.message);
    return 1;
}

}  // namespace

int serve(const Settings& settings) {
    set_up_logging(settings);
    sys::tune_allocator();
    const auto descriptors = sys::raise_open_files_limit();
    if (!descriptors) spdlog::warn("open files: {}", descriptors.error().message);

    Authenticator authenticator(settings.auth_guest_loopback_only);
    LoginLog logins([](const std::string& line) { spdlog::warn("{}", line); }, [] { return sys::mono_now(); });
    const sys::SystemClock clock;
    ServerState state;
    state.started = clock.now();
    if (auto tls = set_up_tls(settings, state); !tls) return fail_to_start(tls.error());
    NodeBackend backend(state);
    runtime::NodeOptions options = node_options(settings, authenticator, logins);
    options.descriptors_max = descriptors.value_or(0);
    options.listeners = make_listeners(settings, backend, state.tls);
    state.facts = node_facts(settings, options);
    state.data_dir = settings.data_dir;

    sys::Loop loop;
    bool stopping = false;
    sys::SignalWatch signals(loop, [&](int signal) {
        if (signal == SIGHUP) reload_certificates(settings, state);
        else stopping = true;
    });
    runtime::Node node(std::move(options));
    backend.set_node(node);
    // Before the listeners open: a client that connects at once must find the truth.
    state.ready = true;
    if (auto started = node.start(); !started) return fail_to_start(started.error());
    print_endpoints(node, settings);
    ResourceAlarm alarm(resource_limits(settings));
    ClockStep wall_clock;
    RestWatch rest;
    while (!stopping) {
        if (wall_clock.seen(clock.now())) wake_cores(node);
        check_resources(alarm, settings, node, state);
        if (rest.rested(sys::cpu_time_ns(), clock.now().mono)) give_back_memory(node);
        loop.wait(clock.now().mono.plus_ms(watch_interval_ms));
    }
    spdlog::info("stopping");
    state.ready = false;
    node.stop();
    return 0;
}

}  // namespace fantail::server

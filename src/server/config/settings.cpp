// SPDX-License-Identifier: Apache-2.0
//! The table of settings and its reading.
#include "server/config/settings.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>

namespace fantail::server {

namespace {

using Set = std::function<Result<void>(Settings&, std::string_view)>;
using Get = std::function<std::string(const Settings&)>;

struct Entry {
    std::string key;
    std::string unit;
    std::string range;
    std::string about;
    Set set;
    Get get;
};

std::unexpected<Error> bad_value(std::string_view what, std::string_view value) {
    return fail(ErrorCode::malformed, fmt::format("'{}' is not {}", value, what));
}

Entry number(std::string key, std::string unit, std::int64_t least, std::int64_t most, std::int64_t Settings::* field,
             std::string about) {
    auto set = [field, least, most](Settings& s, std::string_view text) -> Result<void> {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
            return bad_value(fmt::format("a number from {} to {}", least, most), text);
        s.*field = value;
        return {};
    };
    auto get = [field](const Settings& s) { return std::to_string(s.*field); };
    return {std::move(key), std::move(unit), fmt::format("{}..{}", least, most), std::move(about), set, get};
}

Entry size(std::string key, std::int64_t least, std::int64_t most, std::int64_t Settings::* field, std::string about) {
    auto set = [field, least, most](Settings& s, std::string_view text) -> Result<void> {
        FANTAIL_TRY(const std::int64_t value, parse_size(text));
        if (value < least || value > most)
            return bad_value(fmt::format("a size from {} to {} bytes", least, most), text);
        s.*field = value;
        return {};
    };
    auto get = [field](const Settings& s) { return std::to_string(s.*field); };
    return {std::move(key), "bytes", fmt::format("{}..{}", least, most), std::move(about), set, get};
}

bool is_share(std::string_view text) {
    double share = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    return text.contains('.') && error == std::errc() && end == text.data() + text.size() && share >= 0 && share <= 1;
}

constexpr std::int64_t share_or_size_min = 1 << 20;

/// A share of something, or a size.
Entry share_or_size(std::string key, std::string Settings::* field, std::string about) {
    auto set = [field](Settings& s, std::string_view text) -> Result<void> {
        const auto size = parse_size(text);
        // A bare 1 was meant as a share.
        if (!is_share(text) && (!size || (*size != 0 && *size < share_or_size_min)))
            return bad_value("a share from 0.0 to 1.0, a size of 1 MiB or more, or 0", text);
        s.*field = std::string(text);
        return {};
    };
    auto get = [field](const Settings& s) { return s.*field; };
    return {std::move(key), "share or bytes", "0.0..1.0, or a size", std::move(about), set, get};
}

Entry flag(std::string key, bool Settings::* field, std::string about) {
    auto set = [field](Settings& s, std::string_view text) -> Result<void> {
        if (text != "true" && text != "false") return bad_value("true or false", text);
        s.*field = text == "true";
        return {};
    };
    auto get = [field](const Settings& s) { return std::string(s.*field ? "true" : "false"); };
    return {std::move(key), "", "true, false", std::move(about), set, get};
}

Entry text(std::string key, std::string Settings::* field, std::string about) {
    auto set = [field](Settings& s, std::string_view value) -> Result<void> {
        s.*field = std::string(value);
        return {};
    };
    auto get = [field](const Settings& s) { return s.*field; };
    return {std::move(key), "", "text", std::move(about), set, get};
}

Entry choice(std::string key, std::vector<std::string> allowed, std::string Settings::* field, std::string about) {
    const std::string range = fmt::format("{}", fmt::join(allowed, ", "));
    auto set = [field, allowed, range](Settings& s, std::string_view value) -> Result<void> {
        if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
            return bad_value("one of " + range, value);
        s.*field = std::string(value);
        return {};
    };
    auto get = [field](const Settings& s) { return s.*field; };
    return {std::move(key), "", range, std::move(about), set, get};
}

constexpr const char* listener_form = "HOST:PORT[, HOST:PORT…] or off";

Result<ListenAddress> parse_address(std::string_view value) {
    const std::size_t colon = value.rfind(':');
    std::uint16_t port = 0;
    if (colon == std::string_view::npos) return bad_value(listener_form, value);
    const std::string_view digits = value.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) return bad_value(listener_form, value);
    std::string_view host = value.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return ListenAddress{.host = std::string(host), .port = port};
}

Result<ListenerSetting> parse_listener(std::string_view value) {
    ListenerSetting out;
    if (value == "off") return out;
    for (const auto piece : std::views::split(value, ',')) {
        std::string_view text(piece.begin(), piece.end());
        while (text.starts_with(' ')) text.remove_prefix(1);
        while (text.ends_with(' ')) text.remove_suffix(1);
        FANTAIL_TRY(auto address, parse_address(text));
        out.addresses.push_back(std::move(address));
    }
    if (!out.enabled()) return bad_value(listener_form, value);
    return out;
}

std::string address_text(const ListenAddress& address) {
    return fmt::format(fmt::runtime(address.host.contains(':') ? "[{}]:{}" : "{}:{}"), address.host, address.port);
}

Entry listener(std::string name, std::string about) {
    auto set = [name](Settings& s, std::string_view value) -> Result<void> {
        FANTAIL_TRY(s.listeners[name], parse_listener(value));
        return {};
    };
    auto get = [name](const Settings& s) {
        const auto at = s.listeners.find(name);
        if (at == s.listeners.end() || !at->second.enabled()) return std::string("off");
        std::string out;
        for (const ListenAddress& each : at->second.addresses) out += (out.empty() ? "" : ", ") + address_text(each);
        return out;
    };
    return {"listeners." + name, "", "HOST:PORT, …, off", std::move(about), set, get};
}

constexpr std::int64_t int_max = std::numeric_limits<std::int32_t>::max();

void add_kafka_entries(std::vector<Entry>& all) {
    all.push_back(text("kafka.advertised_host", &Settings::kafka_advertised_host,
                       "Host that clients are told to connect to; empty: the address that they connected to."));
    all.push_back(number("kafka.advertised_port", "", 0, 65535, &Settings::kafka_advertised_port,
                         "Port that clients are told to connect to; 0: the one that they connected to."));
    all.push_back(text("kafka.cluster_id", &Settings::kafka_cluster_id, "Name of the cluster told to clients."));
    all.push_back(text("kafka.vhost", &Settings::kafka_vhost, "Virtual host whose topics clients see."));
    all.push_back(text("kafka.anonymous_user", &Settings::kafka_anonymous_user,
                       "User that clients on this machine are who do not log in; empty: all must."));
    all.push_back(flag("kafka.auto_create_topics", &Settings::kafka_auto_create_topics,
                       "Make topics that clients ask for and that are not there."));
    all.push_back(number("kafka.partitions_default", "partitions", 1, 10'000, &Settings::kafka_partitions_default,
                         "Partitions of topics that are made without a number."));
    all.push_back(size("kafka.request_size_max", 1024, int_max, &Settings::kafka_request_size_max,
                       "Largest request; a client that sends a larger one is closed."));
    all.push_back(number("kafka.transaction_timeout_max_ms", "ms", 1, int_max,
                         &Settings::kafka_transaction_timeout_max_ms,
                         "Longest time that a producer may ask for its open transactions; then they are aborted."));
    all.push_back(number("kafka.transactional_id_expiration_ms", "ms", 1000, int_max,
                         &Settings::kafka_transactional_id_expiration_ms,
                         "A transactional id that begins no transaction for so long is forgotten."));
}

std::vector<Entry> make_entries() {
    std::vector<Entry> all;
    all.push_back(text("broker.data_dir", &Settings::data_dir, "Where everything is kept; made if missing."));
    all.push_back(choice("broker.durability", {"disk", "memory"}, &Settings::durability,
                         "`memory` keeps nothing over a restart and needs no data directory."));
    all.push_back(
        number("broker.cores", "threads", 0, 64, &Settings::cores, "Event loops; 0: as many as the process may use."));
    all.push_back(number("broker.shards", "", 0, 64, &Settings::shards,
                         "Shards of a new data directory; 0: as many as cores. Fixed once the directory exists."));
    all.push_back(choice("broker.placement", {"pack", "spread"}, &Settings::placement,
                         "Where new connections go: fill a core first, or always to the emptiest."));
    all.push_back(flag("broker.salvage", &Settings::salvage,
                       "Start though the journal is damaged in the middle: skip what is damaged and report it."));
    all.push_back(share_or_size("broker.memory_high_water", &Settings::memory_high_water,
                                "Resident memory above which publishers are held back: a share of what the process may "
                                "use, or bytes; 0: never."));
    all.push_back(size("storage.disk_free_min", 0, std::int64_t{1} << 50, &Settings::disk_free_min,
                       "Free space of the data directory's disk below which publishers are held back; 0: never."));
    all.push_back(choice("broker.log_level", {"trace", "debug", "info", "warn", "error", "off"}, &Settings::log_level,
                         "The least important messages written to stderr."));
    all.push_back(listener("amqp", "AMQP 0-9-1."));
    all.push_back(listener("amqps", "AMQP 0-9-1 over TLS; needs tls.certificate."));
    all.push_back(
        listener("kafka", "The Kafka protocol. Left out with a warning if nobody set it and the port is taken."));
    all.push_back(listener("http", "Administration, health and metrics."));
    all.push_back(size("amqp.frame_size_max", 4096, 1 << 20, &Settings::amqp_frame_size_max,
                       "Largest frame offered to clients."));
    all.push_back(number("amqp.channel_max", "channels", 1, 65535, &Settings::amqp_channel_max,
                         "Channels a connection may open."));
    all.push_back(number("amqp.heartbeat_s", "s", 0, 3600, &Settings::amqp_heartbeat_s,
                         "Heartbeat offered to clients; 0: none."));
    all.push_back(number("amqp.handshake_timeout_ms", "ms", 100, 3'600'000, &Settings::amqp_handshake_timeout_ms,
                         "Time for a client to get from connecting to an open connection."));
    all.push_back(
        size("amqp.message_size_max", 1024, 512 << 20, &Settings::amqp_message_size_max, "Largest message body."));
    all.push_back(number("amqp.consumer_timeout_ms", "ms", 0, int_max, &Settings::amqp_consumer_timeout_ms,
                         "Longest time a consumer of a quorum queue may hold a message; 0: no limit."));
    all.push_back(text("amqp.product", &Settings::amqp_product,
                       "Product name told to clients; some choose their behaviour by it."));
    all.push_back(text("amqp.version", &Settings::amqp_version, "Product version told to clients."));
    add_kafka_entries(all);
    all.push_back(text("auth.default_user", &Settings::auth_default_user,
                       "User made when a data directory is new; empty: none."));
    all.push_back(text("auth.default_password", &Settings::auth_default_password, "Its password."));
    all.push_back(flag("auth.guest_loopback_only", &Settings::auth_guest_loopback_only,
                       "The user guest may log in from this machine only."));
    all.push_back(text("auth.anonymous_user", &Settings::auth_anonymous_user,
                       "User for clients without credentials (ANONYMOUS); empty: off."));
    all.push_back(
        text("tls.certificate", &Settings::tls_certificate, "PEM file: the server's certificate and its chain."));
    all.push_back(text("tls.key", &Settings::tls_key, "PEM file: the certificate's private key."));
    all.push_back(text("tls.client_ca", &Settings::tls_client_ca,
                       "PEM file: authorities that clients' certificates are checked against."));
    all.push_back(flag("tls.require_client_certificate", &Settings::tls_require_client_certificate,
                       "Refuse clients that show no valid certificate."));
    return all;
}

const std::vector<Entry>& entries() {
    static const std::vector<Entry> all = make_entries();
    return all;
}

const Entry* find_entry(std::string_view key) {
    for (const Entry& entry : entries())
        if (entry.key == key) return &entry;
    return nullptr;
}

/// A value as --set would take it; nothing if it is of a kind that no setting has.
std::optional<std::string> node_text(const toml::node& node) {
    if (const auto* s = node.as_string()) return s->get();
    if (const auto* i = node.as_integer()) return std::to_string(i->get());
    if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
    if (const auto* f = node.as_floating_point()) return fmt::format("{:#}", f->get());
    return std::nullopt;
}

/// Everything that is wrong goes to `faults`: whoever mends a file wants to know it at once.
void read_table(Settings& settings, const toml::table& table, const std::string& prefix,
                std::vector<std::string>& faults) {
    for (const auto& [name, node] : table) {
        const std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
        if (const auto* inner = node.as_table()) {
            read_table(settings, *inner, key, faults);
            continue;
        }
        const auto value = node_text(node);
        const auto line = node.source().begin.line;
        if (!value) faults.push_back(fmt::format("{}: setting '{}': not a text, number, true or false", line, key));
        else if (auto set = set_setting(settings, key, *value); !set)
            faults.push_back(fmt::format("{}: {}", line, set.error().message));
    }
}

}  // namespace

const std::vector<SettingInfo>& setting_infos() {
    static const std::vector<SettingInfo> infos = [] {
        std::vector<SettingInfo> all;
        for (const Entry& e : entries()) all.push_back({e.key, e.unit, e.range, e.about});
        return all;
    }();
    return infos;
}

std::string setting_text(const Settings& settings, std::string_view key) {
    const Entry* entry = find_entry(key);
    return entry == nullptr ? std::string() : entry->get(settings);
}

Result<void> set_setting(Settings& settings, std::string_view key, std::string_view value) {
    const Entry* entry = find_entry(key);
    if (entry == nullptr) return fail(ErrorCode::not_found, fmt::format("unknown setting '{}'", key));
    if (auto set = entry->set(settings, value); !set)
        return fail(ErrorCode::malformed, fmt::format("setting '{}': {}", key, set.error().message));
    return {};
}

Result<std::int64_t> parse_size(std::string_view text) {
    struct Unit {
        std::string_view name;
        double bytes;
    };
    constexpr Unit units[] = {
        {"", 1},      {"B", 1},      {"kB", 1e3},      {"MB", 1e6},         {"GB", 1e9},
        {"TB", 1e12}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776}};
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const auto* unit = std::ranges::find(units, rest, &Unit::name);
    const bool is_whole = value == std::floor(value) || (unit != std::end(units) && unit->bytes > 1);
    const bool good = error == std::errc() && is_whole && unit != std::end(units) && std::isfinite(value) &&
                      value >= 0 && value * unit->bytes < 9e18;
    if (!good) return bad_value("a size such as 1048576, 64 kB or 1.5 GiB", text);
    return static_cast<std::int64_t>(value * unit->bytes);
}

std::vector<std::string> check_settings(const Settings& settings) {
    std::vector<std::string> faults;
    const auto amqps = settings.listeners.find("amqps");
    const bool tls = amqps != settings.listeners.end() && amqps->second.enabled();
    if (tls && (settings.tls_certificate.empty() || settings.tls_key.empty()))
        faults.emplace_back("listeners.amqps needs tls.certificate and tls.key");
    if (settings.tls_require_client_certificate && settings.tls_client_ca.empty())
        faults.emplace_back("tls.require_client_certificate needs tls.client_ca");
    if (!settings.auth_default_user.empty() && settings.auth_default_password.empty())
        faults.emplace_back("auth.default_user needs auth.default_password: an empty password lets nobody in");
    const auto on = [](const auto& each) { return each.second.enabled(); };
    if (settings.data_dir.empty() && settings.durability == "disk") faults.emplace_back("broker.data_dir is empty");
    if (std::ranges::none_of(settings.listeners, on)) faults.emplace_back("every listener is off");
    return faults;
}

std::vector<std::string> read_settings(Settings& settings, const std::string& path) {
    if (!std::filesystem::exists(path)) return {"no configuration file " + path};
    if (std::filesystem::is_directory(path)) return {path + " is a directory, not a configuration file"};
    std::vector<std::string> faults;
    try {
        read_table(settings, toml::parse_file(path), "", faults);
    } catch (const toml::parse_error& error) {
        const auto& at = error.source().begin;
        faults.push_back(fmt::format("{}: what stands here at character {} is no TOML", at.line, at.column));
    }
    for (std::string& fault : faults) fault = path + ":" + fault;
    return faults;
}

/// On both loopback addresses: `localhost` is either, and some clients try the first alone.
static ListenerSetting on_loopback(std::uint16_t port, bool required) {
    return {{{.host = "127.0.0.1", .port = port, .required = required},
             {.host = "::1", .port = port, .required = false, .implied = true}}};
}

Settings default_settings() {
    Settings settings;
    settings.listeners["amqp"] = on_loopback(5672, true);
    settings.listeners["http"] = on_loopback(15672, true);
    settings.listeners["kafka"] = on_loopback(9092, false);
    return settings;
}

}  // namespace fantail::server

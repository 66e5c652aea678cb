// SPDX-License-Identifier: Apache-2.0
//! The broker's configuration: one table of settings, from which files, --set, checks and the guide page come.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace fantail::server {

/// A place to listen.
struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;  ///< 0: any free one
    bool required = true;    ///< false: nobody asked for it, and the broker starts without it if the port is taken
    bool implied = false;    ///< nobody asked for it, and a machine without such an address is none of our business
};

/// Where one protocol listens: `HOST:PORT, …`.
struct ListenerSetting {
    std::vector<ListenAddress> addresses;  ///< none: "off"
    [[nodiscard]] bool enabled() const { return !addresses.empty(); }
};

/// Everything that can be set. The defaults are what runs without any configuration.
struct Settings {
    std::string data_dir = "data";
    std::string durability = "disk";  ///< "disk" or "memory" (nothing is kept over a restart)
    std::int64_t cores = 0;           ///< 0: as many as the machine gives us
    std::int64_t shards = 0;          ///< 0: as many as cores; only for a new data directory
    std::string placement = "pack";
    bool salvage = false;
    std::string memory_high_water = "0.6";    ///< a share of the machine's memory (it has a point), or bytes; 0: off
    std::int64_t disk_free_min = 50'000'000;  ///< bytes; 0: off
    std::string log_level = "info";
    std::map<std::string, ListenerSetting> listeners;  ///< by name: "amqp", "amqps", "kafka", "http"

    std::int64_t amqp_frame_size_max = 131072;
    std::int64_t amqp_channel_max = 2047;
    std::int64_t amqp_heartbeat_s = 60;
    std::int64_t amqp_handshake_timeout_ms = 10'000;
    std::int64_t amqp_message_size_max = 16 << 20;
    std::int64_t amqp_consumer_timeout_ms = 1'800'000;
    std::string amqp_product = "RabbitMQ";
    std::string amqp_version = "4.3.0";

    std::string kafka_advertised_host;
    std::int64_t kafka_advertised_port = 0;
    std::string kafka_cluster_id = "fantail";
    std::string kafka_vhost = "/";
    std::string kafka_anonymous_user = "guest";  ///< empty: nobody is anonymous
    bool kafka_auto_create_topics = true;
    std::int64_t kafka_partitions_default = 1;
    std::int64_t kafka_request_size_max = 100 << 20;
    std::int64_t kafka_transaction_timeout_max_ms = 900'000;
    std::int64_t kafka_transactional_id_expiration_ms = 604'800'000;

    std::string auth_default_user = "guest";
    std::string auth_default_password = "guest";
    bool auth_guest_loopback_only = true;
    std::string auth_anonymous_user;  ///< empty: ANONYMOUS is off

    std::string tls_certificate;
    std::string tls_key;
    std::string tls_client_ca;
    bool tls_require_client_certificate = false;
};

/// One setting as people see it.
struct SettingInfo {
    std::string_view key;    ///< "amqp.frame_size_max"
    std::string_view unit;   ///< "bytes", "ms", "" …
    std::string_view range;  ///< "4096..1048576", "true, false" …
    std::string_view about;
};

/// All keys, in the order of the guide page (docs/guide/configuration.md, which a test holds against this).
[[nodiscard]] const std::vector<SettingInfo>& setting_infos();
/// The value in force, as text.
[[nodiscard]] std::string setting_text(const Settings& settings, std::string_view key);

/// Sets one key from text. Errors: not_found (unknown key), malformed (not of its type or range); both name the key.
[[nodiscard]] Result<void> set_setting(Settings& settings, std::string_view key, std::string_view value);
/// Checks what no setting can know alone. \return what is wrong, naming the keys
[[nodiscard]] std::vector<std::string> check_settings(const Settings& settings);
/// A size as people write it: 1048576, 64 kB, 50MB, 1.5 GiB (kB, MB, GB, TB count in thousands; KiB, MiB, GiB, TiB in 1024).
/// Errors: malformed.
[[nodiscard]] Result<std::int64_t> parse_size(std::string_view text);

/// Reads a TOML file over `settings`. \return everything that is wrong with it, with file and line
[[nodiscard]] std::vector<std::string> read_settings(Settings& settings, const std::string& path);
/// The defaults, with all listeners on their usual loopback ports.
[[nodiscard]] Settings default_settings();

}  // namespace fantail::server

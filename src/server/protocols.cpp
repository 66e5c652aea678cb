// SPDX-License-Identifier: Apache-2.0
//! A new protocol is one folder and one line here.
#include "server/protocols.hpp"

#include "protocols/amqp091/amqp_protocol.hpp"
#include "protocols/kafka/kafka_protocol.hpp"
#include "server/admin/admin_session.hpp"
#include "server/auth/scram_credentials.hpp"
#include "sys/listener.hpp"
#include "sys/tls.hpp"

namespace fantail::server {

namespace {

amqp091::AmqpOptions amqp_options(const Settings& settings) {
    amqp091::AmqpOptions options;
    options.product = settings.amqp_product;
    options.version = settings.amqp_version;
    options.frame_max = static_cast<std::uint32_t>(settings.amqp_frame_size_max);
    options.channel_max = static_cast<std::uint16_t>(settings.amqp_channel_max);
    options.heartbeat_s = static_cast<std::uint16_t>(settings.amqp_heartbeat_s);
    options.handshake_timeout_ms = settings.amqp_handshake_timeout_ms;
    options.message_size_max = static_cast<std::uint64_t>(settings.amqp_message_size_max);
    if (settings.amqp_consumer_timeout_ms == 0) options.consumer_timeout_ms.reset();
    else options.consumer_timeout_ms = settings.amqp_consumer_timeout_ms;
    if (!settings.auth_anonymous_user.empty()) {
        options.mechanisms.emplace_back("ANONYMOUS");
        options.anonymous_user = settings.auth_anonymous_user;
    }
    return options;
}

kafka::KafkaOptions kafka_options(const Settings& settings, AdminBackend& admin) {
    kafka::KafkaOptions options;
    options.credentials = std::make_shared<const ScramCredentials>(
        settings.auth_guest_loopback_only, [&admin](CoreId core) { return admin.catalog(core).users(); });
    options.advertised_host = settings.kafka_advertised_host;
    options.advertised_port = static_cast<std::uint16_t>(settings.kafka_advertised_port);
    options.cluster_id = settings.kafka_cluster_id;
    options.vhost = settings.kafka_vhost;
    options.anonymous_user = settings.kafka_anonymous_user;
    options.request_size_max = static_cast<std::uint32_t>(settings.kafka_request_size_max);
    options.auto_create_topics = settings.kafka_auto_create_topics;
    options.partitions_default = static_cast<std::uint32_t>(settings.kafka_partitions_default);
    options.transaction_timeout_max_ms = static_cast<std::int32_t>(settings.kafka_transaction_timeout_max_ms);
    options.transactional_id_expiration_ms = settings.kafka_transactional_id_expiration_ms;
    return options;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

}  // namespace

std::vector<runtime::ListenerConfig> make_listeners(const Settings& settings, AdminBackend& admin,
                                                    const std::shared_ptr<runtime::TlsSlot>& tls) {
    const protocols::Protocol amqp = amqp091::make_protocol(amqp_options(settings));
    const protocols::Protocol kafka = kafka::make_protocol(kafka_options(settings, admin));
    const protocols::Protocol http = AdminSession::protocol(admin);
    // The first is what a peer that nobody understands is answered in.
    const auto spoken = [&](const std::string& name, const std::string& host) -> std::vector<protocols::Protocol> {
        if (name == "http") return {http};
        if (name == "amqps") return {amqp};
        if (name == "kafka") return {kafka, amqp};
        // Administration in plain HTTP goes no further than its own listener was let.
        if (is_loopback(host)) return {amqp, kafka, http};
        return {amqp, kafka};
    };
    std::vector<runtime::ListenerConfig> listeners;
    for (const auto& [name, setting] : settings.listeners) {
        for (const ListenAddress& address : setting.addresses) {
            if (address.implied && !sys::has_address(address.host)) continue;
            listeners.push_back({.name = name,
                                 .host = address.host,
                                 .port = address.port,
                                 .protocols = spoken(name, address.host),
                                 .tls = name == "amqps" ? tls : nullptr,
                                 .required = address.required});
        }
    }
    return listeners;
}

Result<std::shared_ptr<const sys::TlsContext>> load_certificates(const Settings& settings) {
    sys::TlsConfig config;
    config.chain_file = settings.tls_certificate;
    config.key_file = settings.tls_key;
    config.ca_file = settings.tls_client_ca;
    if (settings.tls_require_client_certificate) config.peer = sys::PeerCheck::required;
    else if (!settings.tls_client_ca.empty()) config.peer = sys::PeerCheck::optional;
    return sys::TlsContext::server(config);
}

}  // namespace fantail::server

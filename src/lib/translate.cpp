// SPDX-License-Identifier: Apache-2.0
//! Errors, settings and names.
#include "lib/translate.hpp"

#include "fantail/event.hpp"
#include "protocols/zmtp/curve.hpp"
#include "sys/random.hpp"

namespace fantail {

std::string_view name_of(errc code) noexcept {
    switch (code) {
        case errc::would_block: return "would_block";
        case errc::timed_out: return "timed_out";
        case errc::closed: return "closed";
        case errc::wrong_state: return "wrong_state";
        case errc::no_route: return "no_route";
        case errc::peer_gone: return "peer_gone";
        case errc::invalid_argument: return "invalid_argument";
        case errc::address_in_use: return "address_in_use";
        case errc::unreachable: return "unreachable";
        case errc::exhausted: return "exhausted";
        case errc::system: return "system";
        case errc::journal_failed: return "journal_failed";
    }
    return "unknown";
}

std::string_view name_of(event::type type) noexcept {
    switch (type) {
        case event::type::listening: return "listening";
        case event::type::accept_failed: return "accept_failed";
        case event::type::accepted: return "accepted";
        case event::type::connected: return "connected";
        case event::type::connect_failed: return "connect_failed";
        case event::type::ready: return "ready";
        case event::type::handshake_failed: return "handshake_failed";
        case event::type::rejected: return "rejected";
        case event::type::disconnected: return "disconnected";
        case event::type::lane_resumed: return "lane_resumed";
        case event::type::dead_lettered: return "dead_lettered";
    }
    return "unknown";
}

curve_keys make_curve_keys() {
    const curve_key secret = zmtp::curve_secret_key();
    return {.open = zmtp::curve_public_key(secret), .secret = secret};
}

std::string to_z85(const curve_key& key) { return zmtp::to_z85(key); }

result<curve_key> parse_curve_key(std::string_view text) {
    auto key = zmtp::curve_key(text);
    if (!key) return lib::public_error(key.error());
    return *key;
}

namespace lib {

static errc code_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::malformed:
        case ErrorCode::too_large:
        case ErrorCode::unsupported:
        case ErrorCode::precondition_failed: return errc::invalid_argument;
        case ErrorCode::not_found: return errc::unreachable;
        case ErrorCode::unavailable: return errc::address_in_use;
        case ErrorCode::no_space: return errc::exhausted;
        case ErrorCode::already_exists:
        case ErrorCode::access_refused:
        case ErrorCode::not_authenticated:
        case ErrorCode::locked:
        case ErrorCode::not_allowed:
        case ErrorCode::io:
        case ErrorCode::corrupt:
        case ErrorCode::fenced:
        case ErrorCode::internal: return errc::system;
    }
    return errc::system;
}

fantail::error public_error(const Error& error) { return {code_of(error.code), error.message}; }

static zmtp::Security security_of(const security& setting) {
    if (const auto* client = std::get_if<plain_client>(&setting))
        return zmtp::PlainClient{client->user, client->password};
    if (const auto* server = std::get_if<plain_server>(&setting)) return zmtp::PlainServer{server->admit};
    if (const auto* client = std::get_if<curve_client>(&setting))
        return zmtp::CurveClient{client->server, client->secret};
    if (const auto* server = std::get_if<curve_server>(&setting))
        return zmtp::CurveServer{server->secret, server->admit};
    return zmtp::NullSecurity{};
}

zmtp::Config wire_config(patterns::Kind kind, const options& settings, const patterns::LaneId& lane) {
    const bool is_lane = patterns::is_lane(kind);
    return {.kind = kind,
            .routing_id = settings.routing_id,
            .lane = is_lane ? patterns::lane_property(lane) : std::string(),
            .needs_lane = is_lane && !settings.lane.allow_plain,
            .security = security_of(settings.security),
            .message_size_max = settings.message_size_max,
            .handshake_timeout_ms = settings.handshake_timeout.count(),
            .heartbeat_interval_ms = settings.heartbeat.interval.count(),
            .heartbeat_timeout_ms = settings.heartbeat.timeout.count(),
            .heartbeat_ttl_ms = settings.heartbeat.ttl.count()};
}

sp::Config sp_config(patterns::Kind kind, const options& settings) {
    return {.kind = kind,
            .pair_v1 = settings.sp.pair_v1,
            .ttl = std::max<std::uint32_t>(settings.sp.ttl, 1),
            .message_size_max = settings.message_size_max,
            .handshake_timeout_ms = settings.handshake_timeout.count()};
}

static patterns::LaneSettings lane_settings(const options& settings) {
    const lane_options& lane = settings.lane;
    return {.id = {},
            .takes_plain = lane.allow_plain,
            .journal = {.messages_max = lane.journal_messages_max, .bytes_max = lane.journal_bytes_max},
            .store = nullptr,
            .attempts_max = lane.attempts_max,
            .retry_ms_min = std::max<std::int64_t>(lane.retry_delay_min.count(), 0),
            .retry_ms_max = std::max<std::int64_t>(lane.retry_delay_max.count(), 0),
            .dead_letter = lane.dead_letter,
            .report = {},
            .window = std::max<std::uint32_t>(lane.window, 1),
            .message_size_max = settings.message_size_max,
            .lanes_max = lane.lanes_max,
            .is_automatic = lane.acknowledge_automatically};
}

patterns::Settings pattern_settings(const options& settings) {
    return {.mandatory = settings.router.mandatory,
            .handover = settings.router.handover,
            .probe = settings.probe_router,
            .relaxed = settings.request.relaxed,
            .correlate = settings.request.correlate,
            .verbose = settings.publisher.verbose,
            .no_drop = settings.publisher.no_drop,
            .invert_matching = settings.invert_matching,
            .welcome = settings.publisher.welcome,
            .resend_ms = settings.request.resend.count(),
            .survey_ms = settings.survey.timeout.count(),
            .first_request_id = static_cast<std::uint32_t>(sys::random_u64()),
            .lane = lane_settings(settings)};
}

}  // namespace lib
}  // namespace fantail

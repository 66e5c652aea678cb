// SPDX-License-Identifier: Apache-2.0
//! /api/health/checks and /api/aliveness-test: 200 {"status": "ok"}, or 503 with the reason.
#include <fmt/chrono.h>

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <ctime>

#include "server/admin/admin_api.hpp"
#include "server/admin/readiness.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

constexpr std::uint32_t expiry_count_max = 10'000;

/// By RabbitMQ's names of protocols.
std::string_view protocol_of(std::string_view listener) {
    if (listener == "amqps") return "amqp/ssl";
    return listener;
}

std::string_view plain_name(std::string_view wanted) {
    if (wanted == "amqp091" || wanted == "amqp0.9.1" || wanted == "amqp") return "amqp";
    if (wanted == "amqps") return "amqp/ssl";
    return wanted;
}

http::Response no_listener(json::object details) {
    details["status"] = "failed";
    details["reason"] = "No active listener";
    return {.status = 503, .body = json::serialize(details)};
}

/// \param within how many, \param unit of what. Errors: malformed, in RabbitMQ's words.
Result<std::chrono::sys_seconds> later(std::chrono::sys_seconds now, std::string_view within, std::string_view unit) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(within.data(), within.data() + within.size(), count);
    if (error != std::errc() || end != within.data() + within.size() || count > expiry_count_max)
        return fail(ErrorCode::malformed, "Invalid expiration period. Must be a whole number, at most 10000");
    if (unit == "days") return now + std::chrono::days(count);
    if (unit == "weeks") return now + std::chrono::weeks(count);
    // An average one each, as the calendar has it.
    if (unit == "months") return now + std::chrono::floor<std::chrono::seconds>(std::chrono::months(count));
    if (unit == "years") return now + std::chrono::floor<std::chrono::seconds>(std::chrono::years(count));
    return fail(ErrorCode::malformed, "Time unit not recognised. Use days, weeks, months, years");
}

/// Adds the time under `name`, if it comes before `until`; returns whether it does.
bool add_if_expired(json::object& row, std::string_view name, std::optional<std::int64_t> at_unix_s,
                    std::chrono::sys_seconds until) {
    if (!at_unix_s || *at_unix_s > until.time_since_epoch().count()) return false;
    row[name] = json::array{fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(*at_unix_s)))};
    return true;
}

}  // namespace

void AdminApi::respond_health(const std::string& reason) {
    if (reason.empty()) return answer(R"({"status":"ok"})");
    respond_({.status = 503, .body = json::serialize(json::object{{"status", "failed"}, {"reason", reason}})});
}

/// RabbitMQ's test of old, which now says no more than that the vhost is there and the broker fit for service.
void AdminApi::check_aliveness(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    check_service(request);
}

void AdminApi::check_alarms(const http::Request&) { respond_health(backend_.process().alarm); }

void AdminApi::check_service(const http::Request&) {
    // That every core answers is part of the proof.
    backend_.gather_reports(asker(), {}, [this](const std::vector<CoreReport>& cores) {
        respond_health(unready_reason(backend_.process(), cores));
    });
}

/// A vhost that is there is served.
void AdminApi::check_vhosts(const http::Request& request) { check_service(request); }

void AdminApi::check_quorum(const http::Request&) { answer(R"({"status":"ok","reason":"single node cluster"})"); }

/// Every quorum queue is led by the one node, if it is fit for service.
void AdminApi::check_leaders(const http::Request& request) {
    if (request.segments[4] == "vhost")
        if (const auto in = vhost(request.segments[5]); !in) return refuse(in.error());
    check_service(request);
}

void AdminApi::check_port(const http::Request& request) {
    json::array ports;
    for (const ListenerRow& each : backend_.listeners()) {
        if (std::to_string(each.port) == request.segments[4])
            return answer(json::serialize(json::object{{"status", "ok"}, {"port", each.port}}));
        ports.emplace_back(each.port);
    }
    respond_(no_listener({{"missing", request.segments[4]}, {"ports", std::move(ports)}}));
}

void AdminApi::check_protocol(const http::Request& request) {
    const std::string_view wanted = plain_name(request.segments[4]);
    json::array protocols;
    for (const ListenerRow& each : backend_.listeners()) {
        const std::string_view protocol = protocol_of(each.name);
        if (protocol == wanted) return answer(json::serialize(json::object{{"status", "ok"}, {"protocol", protocol}}));
        protocols.emplace_back(protocol);
    }
    respond_(no_listener({{"missing", wanted}, {"protocols", std::move(protocols)}}));
}

void AdminApi::check_certificates(const http::Request& request) {
    const std::chrono::sys_seconds now{std::chrono::seconds(host_.now().wall.ms / 1000)};
    const auto until = later(now, request.segments[4], request.segments[5]);
    if (!until) return refuse(until.error());
    json::array expired;
    for (const ListenerRow& each : backend_.listeners()) {
        json::object row{{"node", backend_.facts().name},
                         {"protocol", protocol_of(each.name)},
                         {"interface", each.host},
                         {"port", each.port}};
        const bool own = add_if_expired(row, "certfile_expires_on", each.expiry.certificate_unix_s, *until);
        const bool authority = add_if_expired(row, "cacertfile_expires_on", each.expiry.authority_unix_s, *until);
        if (own || authority) expired.push_back(std::move(row));
    }
    if (expired.empty()) return answer(R"({"status":"ok"})");
    respond_({.status = 503,
              .body = json::serialize(json::object{
                  {"status", "failed"}, {"reason", "Certificates expiring"}, {"expired", std::move(expired)}})});
}

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! The steps of a connection's opening.
#include "protocols/amqp091/handshake.hpp"

#include <algorithm>

#include "record/field_table.hpp"

namespace fantail::amqp091 {
namespace {

using record::FieldTableBuilder;
using record::FieldTableView;

constexpr std::string_view our_capabilities[] = {
    "publisher_confirms",           "exchange_exchange_bindings", "basic.nack",
    "consumer_cancel_notify",       "connection.blocked",         "consumer_priorities",
    "authentication_failure_close", "per_consumer_qos",           "direct_reply_to"};

bool capability(FieldTableView capabilities, std::string_view name) {
    const auto value = capabilities.find(name);
    return value && value->as_bool().value_or(false);
}

ClientCapabilities read_capabilities(FieldTableView client) {
    const auto value = client.find("capabilities");
    const auto table = value ? value->as_table() : std::nullopt;
    if (!table) return {};
    return {.authentication_failure_close = capability(*table, "authentication_failure_close"),
            .connection_blocked = capability(*table, "connection.blocked"),
            .consumer_cancel_notify = capability(*table, "consumer_cancel_notify"),
            .basic_nack = capability(*table, "basic.nack")};
}

std::string client_name(FieldTableView client) {
    for (const std::string_view key : {"connection_name", "product"}) {
        const auto value = client.find(key);
        if (value && value->as_text()) return std::string(clip_shortstr(*value->as_text()));
    }
    return {};
}

std::unexpected<ReplyError> bad_negotiation(std::string_view what, std::uint64_t asked, std::string_view relation,
                                            std::uint64_t limit) {
    return refuse(ReplyCode::not_allowed, "negotiated " + std::string(what) + " = " + std::to_string(asked) + " is " +
                                              std::string(relation) + " allowed value (" + std::to_string(limit) + ")");
}

}  // namespace

void send_start(Link& link) {
    FieldTableBuilder capabilities;
    for (const std::string_view name : our_capabilities) capabilities.set_bool(name, true);
    const AmqpOptions& options = *link.options;
    FieldTableBuilder server;
    server.set_table("capabilities", capabilities.view());
    server.set_text("cluster_name", options.cluster_name);
    server.set_text("copyright", options.copyright);
    server.set_text("information", options.information);
    server.set_text("platform", options.platform);
    server.set_text("product", options.product);
    server.set_text("version", options.version);
    link.send(0, ConnectionStart{.version_minor = 9,
                                 .server_properties = server.view().bytes(),
                                 .mechanisms = offered_mechanisms(link),
                                 .locales = "en_US"});
}

Replied<Introduction> accept_start_ok(Link& link, const ConnectionStartOk& method) {
    const FieldTableView client(method.client_properties);
    if (const auto valid = record::validate(client); !valid)
        return refuse(ReplyCode::syntax_error, valid.error().message);
    link.client = read_capabilities(client);
    FANTAIL_TRY(Claim claim, read_claim(link, method.mechanism, method.response));
    return Introduction{client_name(client), std::move(claim)};
}

void admit(Link& link, const std::string& user) {
    link.user = user;
    const auto* known = link.catalog().user(user);
    link.impersonator = known != nullptr && std::ranges::find(known->tags, "impersonator") != known->tags.end();
    const AmqpOptions& options = *link.options;
    link.send(
        0, ConnectionTune{
               .channel_max = options.channel_max, .frame_max = options.frame_max, .heartbeat = options.heartbeat_s});
}

Replied<Tuned> accept_tune_ok(const Link& link, const ConnectionTuneOk& method) {
    const AmqpOptions& options = *link.options;
    Tuned tuned{method.frame_max, method.channel_max, method.heartbeat};
    if (tuned.frame_max == 0) tuned.frame_max = options.frame_max;
    if (tuned.channel_max == 0) tuned.channel_max = options.channel_max;
    if (tuned.frame_max < frame_max_min)
        return bad_negotiation("frame_max", tuned.frame_max, "lower than the minimum", frame_max_min);
    if (tuned.frame_max > options.frame_max)
        return bad_negotiation("frame_max", tuned.frame_max, "higher than the maximum", options.frame_max);
    if (tuned.channel_max > options.channel_max) {
        return bad_negotiation("channel_max", tuned.channel_max, "higher than the maximum", options.channel_max);
    }
    return tuned;
}

Handled accept_open(Link& link, const ConnectionOpen& method) {
    const auto* vhost = link.catalog().vhost(method.virtual_host);
    if (vhost == nullptr) return refuse(no_vhost(method.virtual_host));
    if (!link.catalog().may_enter(link.user, vhost->id)) {
        return refuse(ReplyCode::not_allowed,
                      "access to vhost '" + vhost->name + "' refused for user '" + link.user + "'");
    }
    link.vhost = vhost->id;
    link.vhost_name = vhost->name;
    return {};
}

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! fantail.h: settings by name, security, keys.
#include <concepts>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "lib/c_api.hpp"

using fantail::errc;
using fantail::milliseconds;
using fantail::options;

namespace {

bool assign(bool& field, std::int64_t value) {
    field = value != 0;
    return value == 0 || value == 1;
}

bool assign(milliseconds& field, std::int64_t value) {
    field = milliseconds(value);
    return value >= 0;
}

bool assign_wait(milliseconds& field, std::int64_t value) {
    field = milliseconds(value);
    return value >= 0 || field == fantail::forever;
}

bool assign(fantail::lane_journal& field, std::int64_t value) {
    field = static_cast<fantail::lane_journal>(value);
    return value >= 0 && value <= static_cast<std::int64_t>(fantail::lane_journal::disk);
}

template <std::integral Number>
bool assign(Number& field, std::int64_t value) {
    field = static_cast<Number>(value);
    return std::in_range<Number>(value);
}

using Setter = bool (*)(options& settings, std::int64_t value);
struct Named {
    std::string_view name;
    Setter set;
};

#define FANTAIL_SETTING_BY(assign, field)                                                           \
    Named {                                                                                         \
        #field, [](options& settings, std::int64_t value) { return assign(settings.field, value); } \
    }
#define FANTAIL_SETTING(field) FANTAIL_SETTING_BY(assign, field)

/// Every number of options.hpp.
constexpr Named numbers[] = {
    FANTAIL_SETTING(send_high_water),
    FANTAIL_SETTING(receive_high_water),
    FANTAIL_SETTING_BY(assign_wait, send_timeout),
    FANTAIL_SETTING_BY(assign_wait, receive_timeout),
    FANTAIL_SETTING(linger),
    FANTAIL_SETTING(connect_timeout),
    FANTAIL_SETTING(handshake_timeout),
    FANTAIL_SETTING(reconnect.delay_min),
    FANTAIL_SETTING(reconnect.delay_max),
    FANTAIL_SETTING(heartbeat.interval),
    FANTAIL_SETTING(heartbeat.timeout),
    FANTAIL_SETTING(heartbeat.ttl),
    FANTAIL_SETTING(message_size_max),
    FANTAIL_SETTING(listen_backlog),
    FANTAIL_SETTING(kernel_send_buffer),
    FANTAIL_SETTING(kernel_receive_buffer),
    FANTAIL_SETTING(immediate),
    FANTAIL_SETTING(conflate),
    FANTAIL_SETTING(probe_router),
    FANTAIL_SETTING(invert_matching),
    FANTAIL_SETTING(router.mandatory),
    FANTAIL_SETTING(router.handover),
    FANTAIL_SETTING(request.relaxed),
    FANTAIL_SETTING(request.correlate),
    FANTAIL_SETTING(request.resend),
    FANTAIL_SETTING(publisher.verbose),
    FANTAIL_SETTING(publisher.no_drop),
    FANTAIL_SETTING(survey.timeout),
    FANTAIL_SETTING(sp.ttl),
    FANTAIL_SETTING(sp.pair_v1),
    FANTAIL_SETTING(lane.journal),
    FANTAIL_SETTING(lane.journal_messages_max),
    FANTAIL_SETTING(lane.journal_bytes_max),
    FANTAIL_SETTING(lane.attempts_max),
    FANTAIL_SETTING(lane.retry_delay_min),
    FANTAIL_SETTING(lane.retry_delay_max),
    FANTAIL_SETTING(lane.window),
    FANTAIL_SETTING(lane.acknowledge_automatically),
    FANTAIL_SETTING(lane.lanes_max),
    FANTAIL_SETTING(lane.allow_plain),
};

#undef FANTAIL_SETTING
#undef FANTAIL_SETTING_BY

fantail_status refused(std::string sentence) {
    return fantail::lib::failed({errc::invalid_argument, std::move(sentence)});
}

fantail::curve_key key_at(const std::uint8_t* bytes) {
    fantail::curve_key key;
    std::memcpy(key.data(), bytes, key.size());
    return key;
}

}  // namespace

fantail_options* fantail_options_new(void) { return new fantail_options; }
void fantail_options_free(fantail_options* options) { delete options; }

fantail_status fantail_options_set(fantail_options* options, const char* name, std::int64_t value) {
    for (const Named& each : numbers) {
        if (each.name != name) continue;
        fantail::options changed = options->settings;
        if (!each.set(changed, value)) return refused(std::string(name) + " cannot be " + std::to_string(value));
        options->settings = std::move(changed);
        return FANTAIL_OK;
    }
    return refused("no setting has the name '" + std::string(name) + "'");
}

fantail_status fantail_options_set_bytes(fantail_options* options, const char* name, const void* bytes,
                                         std::size_t size) {
    const std::string_view wanted(name);
    std::string text(static_cast<const char*>(bytes), size);
    if (wanted == "routing_id") options->settings.routing_id = std::move(text);
    else if (wanted == "publisher.welcome") options->settings.publisher.welcome = std::move(text);
    else if (wanted == "lane.journal_directory") options->settings.lane.journal_directory = std::move(text);
    else return refused("no text has the name '" + std::string(wanted) + "'");
    return FANTAIL_OK;
}

fantail_status fantail_options_plain_client(fantail_options* options, const char* user, const char* password) {
    options->settings.security = fantail::plain_client{user, password};
    return FANTAIL_OK;
}

fantail_status fantail_options_plain_server(fantail_options* options,
                                            int (*admit)(void* hint, const char* user, const char* password),
                                            void* hint) {
    options->settings.security = fantail::plain_server{[=](const std::string& user, const std::string& password) {
        return admit(hint, user.c_str(), password.c_str()) != 0;
    }};
    return FANTAIL_OK;
}

fantail_status fantail_options_curve_client(fantail_options* options, const std::uint8_t* server,
                                            const std::uint8_t* secret) {
    options->settings.security = fantail::curve_client{key_at(server), key_at(secret)};
    return FANTAIL_OK;
}

fantail_status fantail_options_curve_server(fantail_options* options, const std::uint8_t* secret,
                                            int (*admit)(void* hint, const std::uint8_t* client), void* hint) {
    fantail::curve_server side{key_at(secret), {}};
    if (admit != nullptr)
        side.admit = [=](const fantail::curve_key& client) { return admit(hint, client.data()) != 0; };
    options->settings.security = std::move(side);
    return FANTAIL_OK;
}

void fantail_make_curve_keys(std::uint8_t* open, std::uint8_t* secret) {
    const fantail::curve_keys keys = fantail::make_curve_keys();
    std::memcpy(open, keys.open.data(), keys.open.size());
    std::memcpy(secret, keys.secret.data(), keys.secret.size());
}

fantail_status fantail_options_dead_letter(fantail_options* options,
                                           void (*take)(void* hint, fantail_message* message, std::uint32_t attempts),
                                           void* hint) {
    options->settings.lane.dead_letter = [=](fantail::message m, std::uint32_t attempts) {
        take(hint, new fantail_message{std::move(m)}, attempts);
    };
    return FANTAIL_OK;
}

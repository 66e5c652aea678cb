// SPDX-License-Identifier: Apache-2.0
//! Reads and writes definitions.
#include "server/admin/definitions.hpp"

#include <limits>

#include "server/admin/json_text.hpp"
#include "server/admin/policy_definition.hpp"
#include "server/auth/password.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

constexpr std::size_t password_size_max = 1024;
constexpr std::size_t tags_max = 64;

struct NamedLimit {
    std::string_view name;
    std::optional<std::uint32_t> value;
};

json::object limits_json(std::initializer_list<NamedLimit> limits) {
    json::object out;
    for (const NamedLimit& each : limits)
        if (each.value) out[each.name] = *each.value;
    return out;
}

/// Reads a limit, if it is named: a number, or RabbitMQ's negative one for none. Errors: malformed (too large).
Result<void> read_limit(const json::object& body, std::string_view name, std::optional<std::uint32_t>& limit) {
    FANTAIL_TRY(const auto value, number_member(body, name));
    if (!value) return {};
    if (*value > 0xFFFF'FFFF)
        return fail(ErrorCode::malformed, "'" + std::string(name) + "' must be at most 4294967295");
    limit = *value < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(*value));
    return {};
}

/// The member `limits`, if it is there. Errors: malformed.
Result<const json::object*> limits_member(const json::object& body) {
    const json::value* limits = body.if_contains("limits");
    // An empty object may come as an empty list: Erlang knows no difference.
    if (limits == nullptr || (limits->is_array() && limits->as_array().empty())) return nullptr;
    if (!limits->is_object()) return fail(ErrorCode::malformed, "'limits' must be an object");
    return &limits->as_object();
}

Result<void> read_password(const json::object& body, UserChange& user) {
    FANTAIL_TRY(user.password, text_member(body, "password"));
    FANTAIL_TRY(const auto hash, text_member(body, "password_hash"));
    FANTAIL_TRY(const auto algorithm, text_member(body, "hashing_algorithm"));
    if (user.password && hash) return fail(ErrorCode::malformed, "'password' and 'password_hash' exclude each other");
    if (user.password && user.password->empty())
        return fail(ErrorCode::malformed,
                    "an empty password lets nobody in: leave 'password' out for a user without one");
    if (user.password && user.password->size() > password_size_max)
        return fail(ErrorCode::malformed, "a password has at most 1024 bytes");
    if (!hash) return {};
    FANTAIL_TRY(user.put.definition.password_hash, read_password_hash(*hash, algorithm.value_or("")));
    user.put.keep_password = false;
    return {};
}

json::object definition_json(const broker::PolicyDefinition& policy) {
    json::object out;
    for (const auto& [key, text] : policy.keys) {
        boost::system::error_code error;
        json::value value = json::parse(text, error);
        out[utf8(key)] = error ? json::value(utf8(text)) : std::move(value);
    }
    return out;
}

}  // namespace

Result<std::vector<std::string>> tags_of(const json::value& value) {
    std::vector<std::string> tags;
    const auto add = [&tags](std::string_view tag) {
        const std::size_t first = tag.find_first_not_of(' ');
        if (first != std::string_view::npos)
            tags.emplace_back(tag.substr(first, tag.find_last_not_of(' ') - first + 1));
    };
    if (value.is_string()) {
        std::string_view rest = value.as_string();
        for (; !rest.empty(); rest.remove_prefix(std::min(rest.find(',') + 1, rest.size()))) {
            add(rest.substr(0, rest.find(',')));
            if (!rest.contains(',')) break;
        }
    } else if (value.is_array()) {
        for (const json::value& each : value.as_array()) {
            if (!each.is_string()) return fail(ErrorCode::malformed, "'tags' must be a list of texts");
            add(each.as_string());
        }
    } else {
        return fail(ErrorCode::malformed, "'tags' must be a list of texts, or one text with commas between");
    }
    if (tags.size() > tags_max) return fail(ErrorCode::malformed, "a user has at most 64 tags");
    return tags;
}

json::array tags_json(const broker::UserDefinition& user) {
    json::array tags;
    for (const std::string& tag : user.tags) tags.emplace_back(utf8(tag));
    return tags;
}

json::object limits_of(const broker::UserDefinition& user) {
    return limits_json({{"max-connections", user.connections_max}, {"max-channels", user.channels_max}});
}

json::object limits_of(const broker::VhostDefinition& vhost) {
    return limits_json({{"max-connections", vhost.connections_max}, {"max-queues", vhost.queues_max}});
}

Result<UserChange> user_from(const json::object& body, const std::string& name, const broker::Catalog& catalog) {
    FANTAIL_CHECK(only_members_of_body(
        body, {"password", "password_hash", "hashing_algorithm", "tags", "limits", "has_password"}));
    const broker::UserDefinition* present = catalog.user(name);
    UserChange user;
    if (present != nullptr) user.put.definition = *present;
    user.put.definition.name = name;
    FANTAIL_CHECK(read_password(body, user));
    user.put.keep_password = present != nullptr && !user.password && !body.contains("password_hash");
    if (const json::value* tags = body.if_contains("tags")) {
        FANTAIL_TRY(user.put.definition.tags, tags_of(*tags));
    }
    FANTAIL_TRY(const json::object* limits, limits_member(body));
    if (limits == nullptr) return user;
    FANTAIL_CHECK(only_members(*limits, {"max-connections", "max-channels"}));
    FANTAIL_CHECK(read_limit(*limits, "max-connections", user.put.definition.connections_max));
    FANTAIL_CHECK(read_limit(*limits, "max-channels", user.put.definition.channels_max));
    return user;
}

Result<broker::VhostDefinition> vhost_from(const json::object& body, const std::string& name,
                                           const broker::Catalog& catalog) {
    FANTAIL_CHECK(only_members_of_body(body, {"description", "tags", "default_queue_type", "limits", "metadata",
                                              "tracing", "protected_from_deletion"}));
    const broker::VhostDefinition* present = catalog.vhost(name);
    broker::VhostDefinition vhost;
    if (present != nullptr) vhost = *present;
    vhost.name = name;
    FANTAIL_TRY(const auto description, text_member(body, "description"));
    FANTAIL_TRY(const auto type, text_member(body, "default_queue_type"));
    if (description) vhost.description = *description;
    if (type && *type != "undefined") {
        vhost.default_queue_kind = kind_of(*type);
        if (!vhost.default_queue_kind)
            return fail(ErrorCode::malformed, "'default_queue_type' must be classic, quorum or stream");
    }
    FANTAIL_TRY(const json::object* limits, limits_member(body));
    if (limits == nullptr) return vhost;
    FANTAIL_CHECK(only_members(*limits, {"max-connections", "max-queues"}));
    FANTAIL_CHECK(read_limit(*limits, "max-connections", vhost.connections_max));
    FANTAIL_CHECK(read_limit(*limits, "max-queues", vhost.queues_max));
    return vhost;
}

json::object vhost_json(const broker::VhostDefinition& vhost) {
    return {{"name", utf8(vhost.name)},
            {"description", utf8(vhost.description)},
            {"default_queue_type", kind_name(vhost.default_queue_kind.value_or(broker::QueueKind::classic))},
            {"limits", limits_of(vhost)}};
}

Result<broker::PermissionDefinition> permission_from(const json::object& body, const std::string& user, VhostId vhost) {
    FANTAIL_CHECK(only_members_of_body(body, {"configure", "write", "read"}));
    FANTAIL_TRY(const auto configure, text_member(body, "configure"));
    FANTAIL_TRY(const auto write, text_member(body, "write"));
    FANTAIL_TRY(const auto read, text_member(body, "read"));
    if (!configure || !write || !read)
        return fail(ErrorCode::malformed, "'configure', 'write' and 'read' are needed: regular expressions over names");
    return broker::PermissionDefinition{user, vhost, *configure, *write, *read};
}

json::object permission_json(const broker::PermissionDefinition& each, std::string vhost) {
    return {{"user", utf8(each.user)},
            {"vhost", std::move(vhost)},
            {"configure", utf8(each.configure)},
            {"write", utf8(each.write)},
            {"read", utf8(each.read)}};
}

Result<broker::TopicPermissionDefinition> topic_permission_from(const json::object& body, const std::string& user,
                                                                VhostId vhost) {
    FANTAIL_CHECK(only_members_of_body(body, {"exchange", "write", "read"}));
    FANTAIL_TRY(const auto exchange, text_member(body, "exchange"));
    FANTAIL_TRY(const auto write, text_member(body, "write"));
    FANTAIL_TRY(const auto read, text_member(body, "read"));
    if (!exchange || !write || !read)
        return fail(ErrorCode::malformed,
                    "'exchange', 'write' and 'read' are needed: a topic exchange, and regular expressions over keys");
    return broker::TopicPermissionDefinition{user, vhost, *exchange, *write, *read};
}

json::object topic_permission_json(const broker::TopicPermissionDefinition& each, std::string vhost) {
    return {{"user", utf8(each.user)},
            {"vhost", std::move(vhost)},
            {"exchange", utf8(each.exchange)},
            {"write", utf8(each.write)},
            {"read", utf8(each.read)}};
}

Result<broker::PolicyDefinition> policy_from(const json::object& body, broker::PolicyDefinition policy) {
    FANTAIL_CHECK(only_members_of_body(body, {"pattern", "apply-to", "priority", "definition"}));
    FANTAIL_TRY(const auto pattern, text_member(body, "pattern"));
    FANTAIL_TRY(const auto apply_to, text_member(body, "apply-to"));
    FANTAIL_TRY(const auto priority, number_member(body, "priority"));
    const json::value* definition = body.if_contains("definition");
    if (!pattern) return fail(ErrorCode::malformed, "'pattern' is needed: a regular expression over names");
    if (definition == nullptr || !definition->is_object())
        return fail(ErrorCode::malformed, "'definition' is needed: an object");
    const auto target = target_of(apply_to.value_or("all"));
    if (!target)
        return fail(ErrorCode::malformed,
                    "'apply-to' must be all, queues, classic_queues, quorum_queues, streams or exchanges");
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (priority.value_or(0) < -most || priority.value_or(0) > most)
        return fail(ErrorCode::malformed, "'priority' is a 32-bit number");
    policy.pattern = *pattern;
    policy.apply_to = *target;
    policy.priority = static_cast<std::int32_t>(priority.value_or(0));
    FANTAIL_CHECK(read_policy_definition(definition->as_object(), policy));
    return policy;
}

json::object policy_json(const broker::PolicyDefinition& each, std::string vhost) {
    return {{"vhost", std::move(vhost)},     {"name", utf8(each.name)},
            {"pattern", utf8(each.pattern)}, {"apply-to", target_name(each.apply_to)},
            {"priority", each.priority},     {"definition", definition_json(each)}};
}

}  // namespace fantail::server

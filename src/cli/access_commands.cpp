// SPDX-License-Identifier: Apache-2.0
//! fantail users, vhosts and permissions.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

constexpr std::int64_t limit_max = 0xFFFF'FFFF;

struct UserOptions {
    std::string name;
    std::string password;
    bool from_stdin = false;
    std::vector<std::string> tags;
    std::optional<std::int64_t> connections_max;
    std::optional<std::int64_t> channels_max;
};

/// A limit as an option: left out, it stays as it is.
void add_limit(CLI::App& command, const std::string& name, std::optional<std::int64_t>& limit,
               const std::string& what) {
    command.add_option(name, limit, what + "; -1: any number")
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{-1}, limit_max).description(""));
}

void put_limits(boost::json::object& body,
                std::initializer_list<std::pair<const char*, std::optional<std::int64_t>>> limits) {
    boost::json::object given;
    for (const auto& [name, limit] : limits)
        if (limit) given[name] = *limit;
    if (!given.empty()) body["limits"] = std::move(given);
}

/// Any tag may be given, and most likely an unknown one is misspelt.
void note_unknown_tags(const std::vector<std::string>& tags) {
    constexpr std::string_view known[] = {"administrator", "monitoring", "policymaker", "management", "impersonator"};
    for (const std::string& tag : tags)
        if (std::ranges::find(known, tag) == std::end(known))
            fmt::print(stderr, "fantail: note: the tag '{}' means nothing to the broker\n", printable(tag));
}

/// Easily forgotten: such a user is there, and nobody can log in.
void note_no_password(const std::string& user) {
    fmt::print(stderr,
               "fantail: note: no password was given: '{}' keeps the one it has, and cannot log in if it has none\n",
               printable(user));
}

/// \param with_tags users add; otherwise users password, which leaves everything else as it is
Result<void> put_user(const AdminTarget& target, const UserOptions& options, bool with_tags) {
    boost::json::object body;
    if (options.from_stdin) {
        FANTAIL_TRY(const std::string secret, read_secret());
        body["password"] = secret;
    } else if (!options.password.empty()) {
        body["password"] = options.password;
    } else if (!with_tags) {
        return fail(ErrorCode::malformed, "give the new password by --password-stdin or --password");
    }
    if (with_tags) {
        if (!body.contains("password")) note_no_password(options.name);
        note_unknown_tags(options.tags);
        body["tags"] = boost::json::value_from(options.tags);
        put_limits(body, {{"max-connections", options.connections_max}, {"max-channels", options.channels_max}});
    }
    FANTAIL_CHECK(AdminClient(target).put(api_path("/api/users", {options.name}), body));
    return {};
}

std::shared_ptr<UserOptions> add_user_options(CLI::App& command) {
    auto options = std::make_shared<UserOptions>();
    command.add_option("NAME", options->name, "the user")->required();
    auto* text =
        command
            .add_option("--password", options->password, "seen by all who can list processes; rather --password-stdin")
            ->type_name("TEXT");
    command.add_flag("--password-stdin", options->from_stdin, "the password is the first line of standard input")
        ->excludes(text);
    return options;
}

void add_delete(CLI::App& group, const std::string& noun, const std::shared_ptr<AdminTarget>& target, int& exit_code) {
    CLI::App* command =
        group.add_subcommand("delete", noun == "vhosts" ? "delete a vhost with all that is in it" : "delete a user");
    auto name = std::make_shared<std::string>();
    command->add_option("NAME", *name, "which")->required();
    command->footer("Example:\n  fantail " + noun + " delete old");
    command->callback(
        [=, &exit_code] { exit_code = exit_code_of(AdminClient(*target).remove(api_path("/api/" + noun, {*name}))); });
}

void add_users(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* users = add_group(app, "users", "list, add and delete users, change passwords", target);
    add_list(*users, target,
             {"users",
              "/api/users",
              {{"name", "NAME"},
               {"tags", "TAGS", Show::list},
               {"has_password", "PASSWORD", Show::flag},
               {"limits.max-connections", "CONNECTIONS MAX", Show::number},
               {"limits.max-channels", "CHANNELS MAX", Show::number}},
              false},
             exit_code);
    CLI::App* add = users->add_subcommand("add", "add a user, or change one");
    add->alias("create");
    auto added = add_user_options(*add);
    add->add_option("--tag", added->tags,
                    "administrator, monitoring, policymaker, management or impersonator; "
                    "may be repeated")
        ->type_name("TAG")
        ->take_all();
    add_limit(*add, "--connections-max", added->connections_max, "most connections at a time");
    add_limit(*add, "--channels-max", added->channels_max, "most channels of a connection");
    add->footer("Example:\n  echo secret | fantail users add alice --password-stdin --tag administrator");
    add->callback([=, &exit_code] { exit_code = exit_code_of(put_user(*target, *added, true)); });

    CLI::App* password = users->add_subcommand("password", "change a user's password");
    auto changed = add_user_options(*password);
    password->footer("Example:\n  echo secret | fantail users password alice --password-stdin");
    password->callback([=, &exit_code] { exit_code = exit_code_of(put_user(*target, *changed, false)); });
    add_delete(*users, "users", target, exit_code);
}

struct VhostOptions {
    std::string name;
    std::string description;
    std::string default_queue_type;
    std::optional<std::int64_t> connections_max;
    std::optional<std::int64_t> queues_max;
};

Result<void> put_vhost(const AdminTarget& target, const VhostOptions& options) {
    boost::json::object body;
    if (!options.description.empty()) body["description"] = options.description;
    if (!options.default_queue_type.empty()) body["default_queue_type"] = options.default_queue_type;
    put_limits(body, {{"max-connections", options.connections_max}, {"max-queues", options.queues_max}});
    FANTAIL_CHECK(AdminClient(target).put(api_path("/api/vhosts", {options.name}), body));
    return {};
}

void add_vhosts(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* vhosts = add_group(app, "vhosts", "list, add and delete vhosts", target);
    add_list(*vhosts, target,
             {"vhosts",
              "/api/vhosts",
              {{"name", "NAME"},
               {"description", "DESCRIPTION"},
               {"default_queue_type", "QUEUE TYPE"},
               {"limits.max-connections", "CONNECTIONS MAX", Show::number},
               {"limits.max-queues", "QUEUES MAX", Show::number}},
              false},
             exit_code);
    CLI::App* add = vhosts->add_subcommand("add", "add a vhost, or change one");
    add->alias("create");
    auto added = std::make_shared<VhostOptions>();
    add->add_option("NAME", added->name, "the vhost")->required();
    add->add_option("--description", added->description, "for people")->type_name("TEXT");
    add->add_option("--default-queue-type", added->default_queue_type, "classic, quorum or stream")->type_name("TYPE");
    add_limit(*add, "--connections-max", added->connections_max, "most connections at a time");
    add_limit(*add, "--queues-max", added->queues_max, "most queues");
    add->footer("Example:\n  fantail vhosts add shop --description 'orders and stock'");
    add->callback([=, &exit_code] { exit_code = exit_code_of(put_vhost(*target, *added)); });
    add_delete(*vhosts, "vhosts", target, exit_code);
}

struct PermissionOptions {
    std::string user;
    std::string vhost = "/";
    std::string configure = ".*";
    std::string write = ".*";
    std::string read = ".*";
};

std::shared_ptr<PermissionOptions> add_permission_options(CLI::App& command) {
    auto options = std::make_shared<PermissionOptions>();
    command.add_option("USER", options->user, "whose")->required();
    command.add_option("--vhost", options->vhost, "where (default: /)")->type_name("NAME");
    return options;
}

Result<void> put_permission(const AdminTarget& target, const PermissionOptions& options) {
    const boost::json::object body{{"configure", options.configure}, {"write", options.write}, {"read", options.read}};
    FANTAIL_CHECK(AdminClient(target).put(api_path("/api/permissions", {options.vhost, options.user}), body));
    return {};
}

struct TopicOptions {
    std::shared_ptr<PermissionOptions> of;
    std::string exchange;
    [[nodiscard]] std::string path() const { return api_path("/api/topic-permissions", {of->vhost, of->user}); }
    [[nodiscard]] std::string whole_path() const {
        return api_path("/api/topic-permissions", {of->vhost, of->user, exchange});
    }
};

std::shared_ptr<TopicOptions> add_topic_options(CLI::App& command) {
    auto options = std::make_shared<TopicOptions>(TopicOptions{add_permission_options(command), {}});
    command.add_option("--exchange", options->exchange, "the topic exchange")->type_name("NAME")->required();
    return options;
}

Result<void> put_topic_permission(const AdminTarget& target, const TopicOptions& options) {
    const boost::json::object body{
        {"exchange", options.exchange}, {"write", options.of->write}, {"read", options.of->read}};
    FANTAIL_CHECK(AdminClient(target).put(options.path(), body));
    return {};
}

void add_topic_permissions(CLI::App& permissions, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* topics =
        add_group(permissions, "topic", "list, set and clear which keys users may use with a topic exchange", target);
    add_list(*topics, target,
             {"topic permissions",
              "/api/topic-permissions",
              {{"vhost", "VHOST"}, {"user", "USER"}, {"exchange", "EXCHANGE"}, {"write", "WRITE"}, {"read", "READ"}}},
             exit_code);
    CLI::App* set = topics->add_subcommand("set", "say which keys a user may use with a topic exchange (default: all)");
    auto given = add_topic_options(*set);
    set->add_option("--write", given->of->write, "routing keys it may publish with")->type_name("REGEX");
    set->add_option("--read", given->of->read, "binding keys it may bind queues with")->type_name("REGEX");
    set->footer(
        "Example:\n  fantail permissions topic set alice --exchange amq.topic --write '^{username}\\.' --read '.*'");
    set->callback([=, &exit_code] { exit_code = exit_code_of(put_topic_permission(*target, *given)); });

    CLI::App* clear = topics->add_subcommand("clear", "let a user use any key again");
    auto taken = add_topic_options(*clear);
    clear->footer("Example:\n  fantail permissions topic clear alice --exchange amq.topic");
    clear->callback([=, &exit_code] { exit_code = exit_code_of(AdminClient(*target).remove(taken->whole_path())); });
}

void add_permissions(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* permissions = add_group(app, "permissions", "list, set and clear what users may do", target);
    add_list(*permissions, target,
             {"permissions",
              "/api/permissions",
              {{"vhost", "VHOST"}, {"user", "USER"}, {"configure", "CONFIGURE"}, {"write", "WRITE"}, {"read", "READ"}}},
             exit_code);
    CLI::App* set = permissions->add_subcommand("set", "say what a user may do in a vhost (default: everything)");
    auto given = add_permission_options(*set);
    set->add_option("--configure", given->configure, "names it may declare and delete")->type_name("REGEX");
    set->add_option("--write", given->write, "names it may publish to and bind")->type_name("REGEX");
    set->add_option("--read", given->read, "names it may consume from and bind")->type_name("REGEX");
    set->footer(
        "Example:\n  fantail permissions set alice --vhost shop --configure '^alice-' --write '.*' --read '^alice-'");
    set->callback([=, &exit_code] { exit_code = exit_code_of(put_permission(*target, *given)); });

    CLI::App* clear = permissions->add_subcommand("clear", "shut a user out of a vhost");
    auto taken = add_permission_options(*clear);
    clear->footer("Example:\n  fantail permissions clear alice --vhost shop");
    clear->callback([=, &exit_code] {
        exit_code =
            exit_code_of(AdminClient(*target).remove(api_path("/api/permissions", {taken->vhost, taken->user})));
    });
    add_topic_permissions(*permissions, exit_code);
}

}  // namespace

void add_access(CLI::App& app, int& exit_code) {
    add_users(app, exit_code);
    add_vhosts(app, exit_code);
    add_permissions(app, exit_code);
}

}  // namespace fantail::cli

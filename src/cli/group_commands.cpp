// SPDX-License-Identifier: Apache-2.0
//! fantail groups: list, describe with lag, delete, move offsets.
#include <fmt/format.h>

#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

namespace json = boost::json;

struct GroupOptions {
    std::string name;
    bool json = false;
};

struct ResetOptions {
    std::string topic;
    std::string vhost = "/";
    std::optional<std::uint32_t> partition;
    std::string to;
    std::optional<std::int64_t> time;
};

std::shared_ptr<GroupOptions> add_choice(CLI::App& command) {
    auto options = std::make_shared<GroupOptions>();
    command.add_option("NAME", options->name, "the group")->required();
    return options;
}

Result<json::object> object_of(const std::string& body) {
    boost::system::error_code error;
    const json::value parsed = json::parse(body, error);
    if (error || !parsed.is_object()) return fail(ErrorCode::malformed, "the broker's answer is not understood");
    return parsed.as_object();
}

Result<void> describe(const AdminTarget& target, const GroupOptions& options) {
    FANTAIL_TRY(const std::string body, AdminClient(target).get(api_path("/api/groups", {options.name})));
    FANTAIL_TRY(const json::object group, object_of(body));
    if (options.json) {
        fmt::print("{}\n", json::serialize(group));
        return {};
    }
    const json::array& members = group.at("members").as_array();
    const json::value* epoch = group.if_contains("epoch");
    fmt::print("{}, {} members{}\n", printable(json::value_to<std::string>(group.at("state"))), members.size(),
               epoch == nullptr ? "" : ", epoch " + json::serialize(*epoch));
    std::vector<Column> columns{
        {"member", "MEMBER"}, {"instance", "INSTANCE"}, {"client_id", "CLIENT"}, {"host", "HOST"}};
    // Groups that assign by themselves know what each has.
    if (epoch != nullptr) {
        columns.push_back({"epoch", "EPOCH", Show::number});
        columns.push_back({"partitions", "PARTITIONS", Show::number});
    }
    if (!members.empty()) fmt::print("{}\n", format_table(columns, members));
    fmt::print("{}", format_table({{"topic", "TOPIC"},
                                   {"partition", "PARTITION", Show::number},
                                   {"offset", "OFFSET", Show::number},
                                   {"end", "END", Show::number},
                                   {"lag", "LAG", Show::number}},
                                  group.at("offsets").as_array()));
    return {};
}

json::value place_of(const ResetOptions& options) {
    if (options.time) return json::object{{"time", *options.time}};
    const bool number = !options.to.empty() && options.to.find_first_not_of("0123456789") == std::string::npos;
    boost::system::error_code error;
    return number ? json::parse(options.to, error) : json::value(options.to);
}

Result<void> reset(const AdminTarget& target, const GroupOptions& group, const ResetOptions& options) {
    json::object body{{"topic", options.topic}, {"vhost", options.vhost}, {"to", place_of(options)}};
    if (options.partition) body["partition"] = *options.partition;
    FANTAIL_TRY(const std::string answer,
                AdminClient(target).put(api_path("/api/groups", {group.name, "offsets"}), body));
    FANTAIL_TRY(const json::object moved, object_of(answer));
    fmt::print("{} partitions moved\n", json::serialize(moved.at("moved")));
    return {};
}

void add_reset(CLI::App& groups, const std::shared_ptr<AdminTarget>& target, int& exit_code) {
    CLI::App* command = groups.add_subcommand("reset", "move the offsets of a group that has no members");
    auto group = add_choice(*command);
    auto options = std::make_shared<ResetOptions>();
    command->add_option("TOPIC", options->topic, "the topic")->required();
    command->add_option("--vhost", options->vhost, "the topic's vhost (default: /)")->type_name("NAME");
    command->add_option("--partition", options->partition, "only this one")->type_name("N");
    CLI::Option* to = command->add_option("--to", options->to, "start, end or an offset")->type_name("PLACE");
    CLI::Option* time =
        command->add_option("--time", options->time, "the first record at or after it, Unix ms")->type_name("MS");
    to->excludes(time);
    command->footer("Example:\n  fantail groups reset billing orders --to start");
    command->callback([=, &exit_code] { exit_code = exit_code_of(reset(*target, *group, *options)); });
}

}  // namespace

void add_groups(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* groups = add_group(app, "groups", "list, describe, reset and delete consumer groups", target);
    add_list(*groups, target,
             {"groups",
              "/api/groups",
              {{"name", "NAME"}, {"type", "TYPE"}, {"state", "STATE"}, {"protocol", "PROTOCOL"}},
              false},
             exit_code);
    CLI::App* describing = groups->add_subcommand("describe", "show members, offsets and how far they are behind");
    auto described = add_choice(*describing);
    describing->add_flag("--json", described->json, "print JSON");
    describing->footer("Example:\n  fantail groups describe billing");
    describing->callback([=, &exit_code] { exit_code = exit_code_of(describe(*target, *described)); });
    add_reset(*groups, target, exit_code);

    CLI::App* deleting = groups->add_subcommand("delete", "forget a group that has no members, with its offsets");
    auto deleted = add_choice(*deleting);
    deleting->footer("Example:\n  fantail groups delete billing");
    deleting->callback([=, &exit_code] {
        exit_code = exit_code_of(AdminClient(*target).remove(api_path("/api/groups", {deleted->name})));
    });
}

}  // namespace fantail::cli

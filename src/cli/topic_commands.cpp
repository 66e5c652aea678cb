// SPDX-License-Identifier: Apache-2.0
//! fantail topics: list, describe, create, alter, delete.
#include <fmt/format.h>

#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

namespace json = boost::json;

struct TopicOptions {
    std::string name;
    std::string vhost = "/";
    std::uint32_t partitions = 0;  ///< 0: not said
    std::vector<std::string> settings;
    std::vector<std::string> cleared;
    bool json = false;
    [[nodiscard]] std::string path() const { return api_path("/api/topics", {vhost, name}); }
};

std::shared_ptr<TopicOptions> add_choice(CLI::App& command) {
    auto options = std::make_shared<TopicOptions>();
    command.add_option("NAME", options->name, "the topic")->required();
    command.add_option("--vhost", options->vhost, "its vhost (default: /)")->type_name("NAME");
    return options;
}

void add_wishes(CLI::App& command, TopicOptions& options) {
    command.add_option("--partitions", options.partitions, "how many in all")->type_name("N");
    command.add_option("--set", options.settings, "as retention.ms=3600000; may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all();
}

Result<json::object> read_topic(const AdminTarget& target, const TopicOptions& options) {
    FANTAIL_TRY(const std::string body, AdminClient(target).get(options.path()));
    boost::system::error_code error;
    const json::value parsed = json::parse(body, error);
    if (error || !parsed.is_object()) return fail(ErrorCode::malformed, "the broker's answer is no topic");
    return parsed.as_object();
}

Result<void> describe(const AdminTarget& target, const TopicOptions& options) {
    FANTAIL_TRY(const json::object topic, read_topic(target, options));
    if (options.json) {
        fmt::print("{}\n", json::serialize(topic));
        return {};
    }
    for (const auto& [name, value] : topic.at("settings").as_object())
        fmt::print("{} = {}\n", printable(name), printable(json::value_to<std::string>(value)));
    fmt::print("{}", format_table({{"partition", "PARTITION", Show::number},
                                   {"start", "START", Show::number},
                                   {"end", "END", Show::number},
                                   {"records", "RECORDS", Show::number},
                                   {"bytes", "SIZE", Show::bytes}},
                                  topic.at("logs").as_array()));
    return {};
}

Result<void> put(const AdminTarget& target, const TopicOptions& options, json::object settings) {
    FANTAIL_TRY(const json::object said, parse_arguments(options.settings));
    for (const auto& [name, value] : said) settings[name] = value;
    for (const std::string& name : options.cleared) settings.erase(name);
    json::object body{{"settings", std::move(settings)}};
    if (options.partitions > 0) body["partitions"] = options.partitions;
    FANTAIL_CHECK(AdminClient(target).put(options.path(), body));
    return {};
}

/// What is not said stays.
Result<void> alter(const AdminTarget& target, const TopicOptions& options) {
    FANTAIL_TRY(const json::object topic, read_topic(target, options));
    return put(target, options, topic.at("settings").as_object());
}

void add_changes(CLI::App& topics, const std::shared_ptr<AdminTarget>& target, int& exit_code) {
    CLI::App* creating = topics.add_subcommand("create", "make a topic");
    creating->alias("declare");
    auto created = add_choice(*creating);
    add_wishes(*creating, *created);
    creating->footer("Example:\n  fantail topics create orders --partitions 6 --set retention.ms=86400000");
    creating->callback([=, &exit_code] { exit_code = exit_code_of(put(*target, *created, {})); });

    CLI::App* altering = topics.add_subcommand("alter", "change settings, add partitions");
    auto altered = add_choice(*altering);
    add_wishes(*altering, *altered);
    altering->add_option("--clear", altered->cleared, "a setting that gets its default again; may be repeated")
        ->type_name("KEY")
        ->take_all();
    altering->footer("Example:\n  fantail topics alter orders --partitions 12 --clear retention.ms");
    altering->callback([=, &exit_code] { exit_code = exit_code_of(alter(*target, *altered)); });

    CLI::App* deleting = topics.add_subcommand("delete", "delete a topic with its records");
    auto deleted = add_choice(*deleting);
    deleting->footer("Example:\n  fantail topics delete orders");
    deleting->callback([=, &exit_code] { exit_code = exit_code_of(AdminClient(*target).remove(deleted->path())); });
}

}  // namespace

void add_topics(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* topics = add_group(app, "topics", "list, describe, create, alter and delete topics", target);
    add_list(*topics, target,
             {"topics",
              "/api/topics",
              {{"vhost", "VHOST"},
               {"name", "NAME"},
               {"partitions", "PARTITIONS", Show::number},
               {"settings", "SETTINGS", Show::json}}},
             exit_code);
    CLI::App* describing = topics->add_subcommand("describe", "show settings, and offsets and size of each partition");
    auto described = add_choice(*describing);
    describing->add_flag("--json", described->json, "print JSON");
    describing->footer("Example:\n  fantail topics describe orders");
    describing->callback([=, &exit_code] { exit_code = exit_code_of(describe(*target, *described)); });
    add_changes(*topics, target, exit_code);
}

}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! fantail queues: list, declare, purge, delete.
#include <fmt/format.h>

#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/command_parts.hpp"
#include "cli/list_command.hpp"

namespace fantail::cli {

namespace {

struct QueueChoice {
    std::string name;
    std::string vhost = "/";
};

std::shared_ptr<QueueChoice> add_choice(CLI::App& command) {
    auto choice = std::make_shared<QueueChoice>();
    command.add_option("NAME", choice->name, "the queue")->required();
    command.add_option("--vhost", choice->vhost, "its vhost (default: /)")->type_name("NAME");
    return choice;
}

struct DeclareOptions {
    std::string type = "classic";
    bool transient = false;
    bool auto_delete = false;
    std::vector<std::string> arguments;
};

Result<void> declare(const AdminTarget& target, const QueueChoice& queue, const DeclareOptions& options) {
    FANTAIL_TRY(boost::json::object arguments, parse_arguments(options.arguments));
    arguments["x-queue-type"] = options.type;
    const boost::json::object body{
        {"durable", !options.transient}, {"auto_delete", options.auto_delete}, {"arguments", std::move(arguments)}};
    FANTAIL_CHECK(AdminClient(target).put(api_path("/api/queues", {queue.vhost, queue.name}), body));
    return {};
}

void add_declare(CLI::App& queues, const std::shared_ptr<AdminTarget>& target, int& exit_code) {
    CLI::App* command = queues.add_subcommand("declare", "make a queue, or check that it is as described");
    command->alias("create");
    auto queue = add_choice(*command);
    auto options = std::make_shared<DeclareOptions>();
    command->add_option("--type", options->type, "classic, quorum or stream (default: classic)")->type_name("TYPE");
    command->add_flag("--transient", options->transient, "it goes with a restart");
    command->add_flag("--auto-delete", options->auto_delete, "it goes with its last consumer");
    command->add_option("--argument", options->arguments, "as x-max-length=1000; may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all();
    command->footer("Example:\n  fantail queues declare orders --type quorum --argument x-delivery-limit=5");
    command->callback([=, &exit_code] { exit_code = exit_code_of(declare(*target, *queue, *options)); });
}

Result<void> purge(const AdminTarget& target, const QueueChoice& queue) {
    FANTAIL_TRY(const std::string body,
                AdminClient(target).post(api_path("/api/queues", {queue.vhost, queue.name, "purge"})));
    boost::system::error_code error;
    const boost::json::value parsed = boost::json::parse(body, error);
    if (error || !parsed.is_object() || !parsed.as_object().contains("purged")) return {};
    fmt::print("{} messages removed\n", boost::json::serialize(parsed.as_object().at("purged")));
    return {};
}

}  // namespace

void add_queues(CLI::App& app, int& exit_code) {
    std::shared_ptr<AdminTarget> target;
    CLI::App* queues = add_group(app, "queues", "list, declare, purge and delete queues", target);
    add_list(*queues, target,
             {"queues",
              "/api/queues",
              {{"vhost", "VHOST"},
               {"name", "NAME"},
               {"type", "TYPE"},
               {"messages_ready", "READY", Show::number},
               {"messages_unacknowledged", "UNACKED", Show::number},
               {"consumers", "CONSUMERS", Show::number},
               {"message_bytes", "SIZE", Show::bytes},
               {"message_stats.publish", "PUBLISHED", Show::number},
               {"message_stats.settled", "SETTLED", Show::number},
               {"policy", "POLICY"}}},
             exit_code);
    add_declare(*queues, target, exit_code);

    CLI::App* purging = queues->add_subcommand("purge", "remove all messages that wait in a queue");
    auto purged = add_choice(*purging);
    purging->footer("Example:\n  fantail queues purge orders");
    purging->callback([=, &exit_code] { exit_code = exit_code_of(purge(*target, *purged)); });

    CLI::App* deleting = queues->add_subcommand("delete", "delete a queue with its messages");
    auto deleted = add_choice(*deleting);
    auto if_unused = std::make_shared<bool>(false);
    auto if_empty = std::make_shared<bool>(false);
    deleting->add_flag("--if-unused", *if_unused, "only without consumers");
    deleting->add_flag("--if-empty", *if_empty, "only without messages");
    deleting->footer("Example:\n  fantail queues delete orders --if-empty");
    deleting->callback([=, &exit_code] {
        const std::string flags = fmt::format("?if-unused={}&if-empty={}", *if_unused, *if_empty);
        exit_code =
            exit_code_of(AdminClient(*target).remove(api_path("/api/queues", {deleted->vhost, deleted->name}) + flags));
    });
}

}  // namespace fantail::cli

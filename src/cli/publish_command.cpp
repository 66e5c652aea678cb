// SPDX-License-Identifier: Apache-2.0
//! fantail publish.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include <CLI/CLI.hpp>

#include "base/limits.hpp"
#include "cli/command_parts.hpp"
#include "cli/publisher.hpp"
#include "cli/table.hpp"

namespace fantail::cli {

namespace {

Result<void> check(const PublishOptions& options) {
    if (!options.queue.empty() && (!options.exchange.empty() || !options.key.empty()))
        return fail(
            ErrorCode::malformed,
            "--queue stands for the default exchange and the queue's name as key: leave out --exchange and --key");
    if (options.queue.empty() && options.exchange.empty() && options.key.empty())
        return fail(ErrorCode::malformed, "say where to: --queue NAME, or --exchange NAME and --key KEY");
    if (options.size != 0 && options.count == 0)
        return fail(ErrorCode::malformed, "--size makes messages up: say how many with --count");
    for (const std::string* name : {&options.queue, &options.exchange, &options.key})
        if (name->size() > limits::name_size_max)
            return fail(ErrorCode::too_large, "names and keys have at most 255 bytes");
    return {};
}

Result<void> run(const PublishOptions& options) {
    FANTAIL_CHECK(check(options));
    FANTAIL_TRY(const PublishTally tally, publish_all(options, STDIN_FILENO));
    std::string line =
        human_number(static_cast<std::int64_t>(tally.sent)) + (tally.sent == 1 ? " message sent" : " messages sent");
    if (options.confirm) line += ", " + human_number(static_cast<std::int64_t>(tally.confirmed)) + " confirmed";
    fmt::print(stderr, "{}\n", line);
    if (tally.refused > 0)
        return fail(ErrorCode::unavailable, fmt::format("messages that the broker refused: {}", tally.refused));
    if (tally.returned > 0)
        return fail(ErrorCode::not_found,
                    fmt::format("messages that reached no queue: {} ({})", tally.returned, tally.return_reason));
    return {};
}

}  // namespace

void add_publish(CLI::App& app, int& exit_code) {
    CLI::App* command = app.add_subcommand("publish", "publish the lines of standard input, a message each");
    auto options = std::make_shared<PublishOptions>();
    command->add_option("--uri", options->uri, "where and who")
        ->type_name("amqp://USER:PASSWORD@HOST:PORT/VHOST")
        ->envname("FANTAIL_URI");
    command->add_option("--queue", options->queue, "straight to this queue")->type_name("NAME");
    command->add_option("--exchange", options->exchange, "through this exchange")->type_name("NAME");
    command->add_option("--key", options->key, "routing key")->type_name("TEXT");
    command->add_option("--header", options->headers, "a header; may be repeated")->type_name("KEY=VALUE")->take_all();
    command->add_option("--content-type", options->content_type, "such as application/json")->type_name("TEXT");
    command->add_flag("--persistent", options->persistent, "messages survive a restart");
    command->add_flag("--confirm", options->confirm, "wait until the broker has them all as safe as the queue asks");
    command->add_option("--rate", options->rate, "messages a second (default: as fast as it goes)");
    command->add_option("--count", options->count, "stop after so many");
    command->add_option("--size", options->size, "make bodies of so many bytes up instead of reading any")
        ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{limits::message_size_max}));
    command->footer(
        "Messages that reach no queue, or that the broker refuses, are counted and make the exit code 1.\n"
        "Examples:\n  echo hello | fantail publish --queue greetings --persistent --confirm\n"
        "  fantail publish --queue greetings --size 1024 --count 100000 --rate 5000");
    command->callback([options, &exit_code] { exit_code = exit_code_of(run(*options)); });
}

}  // namespace fantail::cli

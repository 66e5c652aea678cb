// SPDX-License-Identifier: Apache-2.0
//! fantail consume.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "base/limits.hpp"
#include "cli/amqp_client.hpp"
#include "cli/command_parts.hpp"
#include "record/field_table.hpp"

namespace fantail::cli {

namespace {

struct ConsumeOptions {
    std::string uri = "amqp://guest:guest@127.0.0.1:5672/%2F";
    std::string queue;
    std::uint64_t count = 0;
    std::uint16_t prefetch = 200;
    bool no_ack = false;
    bool declare = false;
    bool follow = false;
    std::string offset;
};

/// One run of the command. What is written to stdout is acknowledged after it has left our hands, never before.
class Consuming {
public:
    explicit Consuming(const ConsumeOptions& options) : options_(options) {}
    Result<void> run();

private:
    Result<void> connect();
    Result<void> consume();
    Result<void> drain();
    Result<void> settle();
    void on_message(std::uint64_t tag, ByteView body);
    [[nodiscard]] bool enough() const { return options_.count != 0 && taken_ >= options_.count; }
    /// Settled on delivery, what comes beyond the count would be lost.
    [[nodiscard]] bool no_ack() const { return options_.no_ack && options_.count == 0; }

    const ConsumeOptions& options_;
    std::optional<AmqpClient> client_;
    std::uint64_t taken_ = 0;
    std::uint64_t last_tag_ = 0;
    std::uint64_t settled_tag_ = 0;
    std::uint32_t asked_ = 0;  ///< gets without answer
    bool empty_ = false;
    bool cancelled_ = false;
    bool write_failed_ = false;
};

void Consuming::on_message(std::uint64_t tag, ByteView body) {
    if (asked_ > 0) --asked_;
    if (enough() || write_failed_) return;  // unacknowledged, it goes back when we leave
    const bool written =
        std::fwrite(body.data(), 1, body.size(), stdout) == body.size() && std::fputc('\n', stdout) != EOF;
    write_failed_ = !written;
    if (!written) return;
    ++taken_;
    last_tag_ = tag;
}

Result<void> Consuming::settle() {
    if (std::fflush(stdout) != 0 || write_failed_) return fail(ErrorCode::io, "cannot write the output");
    if (no_ack() || last_tag_ == settled_tag_) return {};
    client_->send(amqp091::BasicAck{.delivery_tag = last_tag_, .multiple = true});
    settled_tag_ = last_tag_;
    return {};
}

Result<void> Consuming::connect() {
    FANTAIL_TRY(const AmqpUri uri, parse_amqp_uri(options_.uri));
    AmqpHandlers handlers;
    handlers.on_message = [this](std::uint64_t tag, ByteView body) { on_message(tag, body); };
    handlers.on_empty = [this] {
        --asked_;
        empty_ = true;
    };
    handlers.on_cancelled = [this] { cancelled_ = true; };
    FANTAIL_TRY(client_, AmqpClient::connect(uri, std::move(handlers)));
    if (!options_.declare) return {};
    return client_->call(amqp091::QueueDeclare{.queue = options_.queue, .durable = true},
                         amqp091::MethodId::queue_declare_ok);
}

Result<void> Consuming::consume() {
    const std::uint64_t window =
        options_.count == 0 ? options_.prefetch : std::min<std::uint64_t>(options_.prefetch, options_.count);
    FANTAIL_CHECK(client_->call(amqp091::BasicQos{.prefetch_count = static_cast<std::uint16_t>(window)},
                                amqp091::MethodId::basic_qos_ok));
    record::FieldTableBuilder arguments;
    if (!options_.offset.empty()) {
        const bool number =
            options_.offset.find_first_not_of("0123456789") == std::string::npos && options_.offset.size() < 19;
        if (number) arguments.set_int("x-stream-offset", std::stoll(options_.offset));
        else arguments.set_text("x-stream-offset", options_.offset);
    }
    const Bytes table = arguments.take();
    client_->send(amqp091::BasicConsume{.queue = options_.queue, .no_ack = no_ack(), .arguments = table});
    while (!enough() && !cancelled_) {
        FANTAIL_CHECK(settle());
        FANTAIL_CHECK(client_->pump(-1));
    }
    if (cancelled_) return fail(ErrorCode::not_found, "the queue has gone");
    return {};
}

/// Takes what is there, several gets on their way at a time.
Result<void> Consuming::drain() {
    constexpr std::uint32_t gets_max = 64;
    while (!empty_ || asked_ > 0) {
        for (; !empty_ && asked_ < gets_max; ++asked_)
            client_->send(amqp091::BasicGet{.queue = options_.queue, .no_ack = no_ack()});
        FANTAIL_CHECK(client_->pump(-1));
        FANTAIL_CHECK(settle());
    }
    return {};
}

Result<void> Consuming::run() {
    FANTAIL_CHECK(connect());
    FANTAIL_CHECK(options_.count != 0 || options_.follow ? consume() : drain());
    FANTAIL_CHECK(settle());
    return client_->close();
}

Result<void> run(const ConsumeOptions& options) {
    if (options.queue.size() > limits::name_size_max)
        return fail(ErrorCode::too_large, "a queue's name has at most 255 bytes");
    return Consuming(options).run();
}

}  // namespace

void add_consume(CLI::App& app, int& exit_code) {
    CLI::App* command = app.add_subcommand("consume", "write a queue's messages to standard output, a line each");
    auto options = std::make_shared<ConsumeOptions>();
    command->add_option("--uri", options->uri, "where and who")
        ->type_name("amqp://USER:PASSWORD@HOST:PORT/VHOST")
        ->envname("FANTAIL_URI");
    command->add_option("--queue", options->queue, "the queue")->type_name("NAME")->required();
    command->add_option("--count", options->count, "wait for so many messages, then end");
    command->add_flag("--follow", options->follow, "go on when the queue is empty, until interrupted");
    command->add_flag("--no-ack,!--ack", options->no_ack,
                      "settled when sent: faster, and lost if this command dies (--ack: after writing; the default)");
    command->add_option("--prefetch", options->prefetch, "messages on their way at a time (default: 200)")
        ->check(CLI::Range(1, 65535));
    command->add_flag("--declare", options->declare, "make the queue first, durable, if it is missing");
    command->add_option("--offset", options->offset, "of a stream: first, last, next or a number")->type_name("WHERE");
    command->footer(
        "Without --count and --follow it takes what is there and ends.\n"
        "Examples:\n  fantail consume --queue greetings\n  fantail consume --queue orders --follow | jq .id");
    command->callback([options, &exit_code] { exit_code = exit_code_of(run(*options)); });
}

}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! The loop of `fantail publish`.
#include "cli/publisher.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "cli/line_reader.hpp"
#include "cli/progress.hpp"
#include "cli/table.hpp"
#include "protocols/amqp091/basic_properties.hpp"
#include "record/field_table.hpp"

namespace fantail::cli {

namespace {

constexpr std::size_t flush_size = 64u << 10;

using Clock = std::chrono::steady_clock;

/// One run of the command.
class Publishing {
public:
    Publishing(const PublishOptions& options, int input)
        : options_(options), lines_(input, [this] { return client_->flush(); }), made_up_(options.size, 'x') {}

    Result<PublishTally> run();

private:
    Result<void> connect();
    Result<std::optional<std::string_view>> next_body();
    Result<void> publish(std::string_view body);
    Result<void> keep_pace();
    Result<void> keep_window();
    void show_progress();

    const PublishOptions& options_;
    LineReader lines_;
    std::string made_up_;
    Bytes properties_;
    std::optional<AmqpClient> client_;
    ConfirmTally confirms_;
    PublishTally tally_;
    Progress progress_;
    Clock::time_point started_ = Clock::now();
};

Result<void> Publishing::connect() {
    FANTAIL_TRY(properties_, message_properties(options_));
    FANTAIL_TRY(const AmqpUri uri, parse_amqp_uri(options_.uri));
    AmqpHandlers handlers;
    handlers.on_confirm = [this](std::uint64_t tag, bool multiple, bool accepted) {
        confirms_.on_confirm(tag, multiple, accepted, tally_.sent);
    };
    handlers.on_returned = [this](std::string_view reason) {
        ++tally_.returned;
        tally_.return_reason = reason;
    };
    handlers.on_blocked = [this](bool on, std::string_view reason) {
        tally_.blocked = on;
        tally_.block_reason = printable(reason);
    };
    FANTAIL_TRY(client_, AmqpClient::connect(uri, std::move(handlers)));
    if (!amqp091::header_fits(properties_, client_->frame_max()))
        return fail(ErrorCode::too_large, "the headers do not fit a frame");
    if (options_.confirm) FANTAIL_CHECK(client_->call(amqp091::ConfirmSelect{}, amqp091::MethodId::confirm_select_ok));
    started_ = Clock::now();
    return {};
}

Result<std::optional<std::string_view>> Publishing::next_body() {
    if (options_.count != 0 && tally_.sent == options_.count) return std::nullopt;
    if (options_.size == 0) return lines_.next();
    return made_up_;
}

Result<void> Publishing::publish(std::string_view body) {
    FANTAIL_CHECK(keep_pace());
    FANTAIL_CHECK(keep_window());
    const std::string& key = options_.queue.empty() ? options_.key : options_.queue;
    client_->publish({.exchange = options_.exchange, .routing_key = key, .mandatory = true},
                     {properties_, as_bytes(body)});
    ++tally_.sent;
    if (client_->unsent() >= flush_size) FANTAIL_CHECK(client_->pump(0));
    show_progress();
    return {};
}

Result<void> Publishing::keep_pace() {
    if (options_.rate == 0) return {};
    const auto due = started_ + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                    static_cast<double>(tally_.sent) * 1e9 / static_cast<double>(options_.rate)));
    for (auto now = Clock::now(); now < due; now = Clock::now()) {
        // Listening is as good as sleeping, and the broker may have something to say.
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now).count();
        FANTAIL_CHECK(client_->pump(static_cast<int>(std::min<std::int64_t>(wait, 1000))));
    }
    return {};
}

Result<void> Publishing::keep_window() {
    if (!options_.confirm) return {};
    while (tally_.sent - confirms_.settled() >= ConfirmTally::window_max) FANTAIL_CHECK(client_->pump(-1));
    return {};
}

void Publishing::show_progress() {
    if (!progress_.due()) return;
    std::string what = human_number(static_cast<std::int64_t>(tally_.sent)) + " sent";
    if (options_.confirm) what += ", " + human_number(static_cast<std::int64_t>(confirms_.accepted())) + " confirmed";
    if (tally_.blocked) what += ", held back by the broker (" + tally_.block_reason + ")";
    progress_.show(what, tally_.sent);
}

Result<PublishTally> Publishing::run() {
    FANTAIL_CHECK(connect());
    for (;;) {
        FANTAIL_TRY(const auto body, next_body());
        if (!body) break;
        FANTAIL_CHECK(publish(*body));
    }
    while (options_.confirm && confirms_.settled() < tally_.sent) {
        FANTAIL_CHECK(client_->pump(-1));
        show_progress();
    }
    FANTAIL_CHECK(client_->close());
    tally_.confirmed = confirms_.accepted();
    tally_.refused = confirms_.refused();
    return tally_;
}

}  // namespace

Result<Bytes> message_properties(const PublishOptions& options) {
    amqp091::BasicProperties properties;
    record::FieldTableBuilder headers;
    for (const std::string& pair : options.headers) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::malformed, "'" + pair + "' is not KEY=VALUE");
        if (equals > record::field_name_size_max)
            return fail(ErrorCode::too_large, "a header's name is longer than 255 bytes");
        headers.set_text(std::string_view(pair).substr(0, equals), std::string_view(pair).substr(equals + 1));
    }
    if (options.content_type.size() > amqp091::shortstr_size_max)
        return fail(ErrorCode::too_large, "the content type is longer than 255 bytes");
    if (!options.content_type.empty()) {
        properties.content_type = options.content_type;
        properties.mark(amqp091::BasicProperty::content_type);
    }
    const Bytes table = headers.take();
    if (!table.empty()) {
        properties.headers = table;
        properties.mark(amqp091::BasicProperty::headers);
    }
    properties.delivery_mode = options.persistent ? 2 : 1;
    properties.mark(amqp091::BasicProperty::delivery_mode);
    Bytes out;
    amqp091::append_properties(out, properties);
    return out;
}

void ConfirmTally::on_confirm(std::uint64_t tag, bool multiple, bool accepted, std::uint64_t sent) {
    std::uint64_t fresh = 0;
    if (multiple) {
        const std::uint64_t last = tag == 0 ? sent : std::min(tag, sent);
        if (last <= done_) return;
        const auto end = beyond_.upper_bound(last);
        fresh = last - done_ - static_cast<std::uint64_t>(std::distance(beyond_.begin(), end));
        beyond_.erase(beyond_.begin(), end);
        done_ = last;
    } else if (tag > done_ && tag <= sent) {
        fresh = beyond_.insert(tag).second ? 1 : 0;
    }
    while (!beyond_.empty() && *beyond_.begin() == done_ + 1) {
        beyond_.erase(beyond_.begin());
        ++done_;
    }
    (accepted ? accepted_ : refused_) += fresh;
}

Result<PublishTally> publish_all(const PublishOptions& options, int input) { return Publishing(options, input).run(); }

}  // namespace fantail::cli

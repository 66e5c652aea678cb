// SPDX-License-Identifier: Apache-2.0
//! Reads the arguments of basic.consume.
#include "protocols/amqp091/consume_arguments.hpp"

#include "protocols/amqp091/queue_arguments.hpp"

namespace fantail::amqp091 {
namespace {

using broker::AddConsumer;
using broker::StreamStart;
using record::FieldTableView;
using record::FieldValueView;

constexpr std::int64_t ms_per_second = 1000;
constexpr std::size_t filters_max = 255;

std::unexpected<ReplyError> invalid(std::string_view argument, std::string_view why) {
    return refuse(ReplyCode::precondition_failed,
                  "invalid arg '" + std::string(argument) + "' for basic.consume: " + std::string(why));
}

Handled read_priority(FieldTableView arguments, AddConsumer& command) {
    const auto value = arguments.find("x-priority");
    if (!value) return {};
    const auto priority = value->as_int();
    if (!priority || *priority < std::numeric_limits<std::int32_t>::min() ||
        *priority > std::numeric_limits<std::int32_t>::max()) {
        return invalid("x-priority", "expected an integer");
    }
    command.priority = static_cast<std::int32_t>(*priority);
    return {};
}

Handled read_timeout(FieldTableView arguments, AddConsumer& command) {
    const auto value = arguments.find("x-consumer-timeout");
    if (!value || value->is_nothing()) return {};
    const auto timeout = value->as_int();
    if (!timeout || *timeout <= 0) return invalid("x-consumer-timeout", "expected a positive integer");
    command.timeout_ms = *timeout;
    return {};
}

Handled read_word(std::string_view word, WallTime now, AddConsumer& command) {
    if (word == "first") command.start = StreamStart::first;
    else if (word == "last") command.start = StreamStart::last;
    else if (word == "next") command.start = StreamStart::next;
    else if (const auto age = parse_age(word)) {
        command.start = StreamStart::timestamp;
        command.start_time = WallTime{std::max<std::int64_t>(now.ms - *age, 0)};
    } else {
        return invalid("x-stream-offset", "expected first, last, next, an offset, a timestamp or an interval");
    }
    return {};
}

Handled read_offset(const Link& link, FieldTableView arguments, AddConsumer& command) {
    const auto value = arguments.find("x-stream-offset");
    if (!value || value->is_nothing()) return {};
    if (const auto word = value->as_text()) return read_word(*word, link.now().wall, command);
    if (const auto time = value->as_timestamp()) {
        command.start = StreamStart::timestamp;
        constexpr auto seconds_max =
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / ms_per_second);
        command.start_time = WallTime{static_cast<std::int64_t>(std::min(*time, seconds_max)) * ms_per_second};
        return {};
    }
    const auto offset = value->as_int();
    if (!offset || *offset < 0) return invalid("x-stream-offset", "expected an offset of at least 0");
    command.start = StreamStart::offset;
    command.start_offset = Offset(static_cast<std::uint64_t>(*offset));
    return {};
}

Handled add_filter(const FieldValueView& value, AddConsumer& command) {
    const auto text = value.as_text();
    if (!text || command.filters.size() >= filters_max)
        return invalid("x-stream-filter", "expected a string or a list of up to 255 strings");
    command.filters.emplace_back(*text);
    return {};
}

Handled read_filters(FieldTableView arguments, AddConsumer& command) {
    if (const auto value = arguments.find("x-stream-filter")) {
        const auto list = value->as_array();
        if (!list) {
            FANTAIL_CHECK(add_filter(*value, command));
        } else {
            auto values = list->values();
            FieldValueView filter;
            while (values.next(filter)) FANTAIL_CHECK(add_filter(filter, command));
        }
    }
    if (const auto value = arguments.find("x-stream-match-unfiltered")) {
        const auto flag = value->as_bool();
        if (!flag) return invalid("x-stream-match-unfiltered", "expected a boolean");
        command.match_unfiltered = *flag;
    }
    return {};
}

}  // namespace

Handled apply_consume_arguments(const Link& link, const broker::QueueDefinition& queue, ByteView arguments,
                                AddConsumer& command) {
    const FieldTableView table(arguments);
    if (const auto valid = record::validate(table); !valid)
        return refuse(ReplyCode::syntax_error, valid.error().message);
    FANTAIL_CHECK(read_priority(table, command));
    FANTAIL_CHECK(read_timeout(table, command));
    if (queue.kind != broker::QueueKind::stream) return {};
    FANTAIL_CHECK(read_offset(link, table, command));
    return read_filters(table, command);
}

}  // namespace fantail::amqp091

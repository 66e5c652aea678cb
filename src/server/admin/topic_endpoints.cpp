// SPDX-License-Identifier: Apache-2.0
//! /api/topics: logs by their topics. Not RabbitMQ's: the paths and bodies are our own.
#include <boost/json.hpp>

#include "protocols/amqp091/topology.hpp"
#include "protocols/kafka/topic_names.hpp"
#include "protocols/kafka/topic_settings.hpp"
#include "server/admin/ask_logs.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

using Topic = const broker::TopicDefinition*;

json::object json_of_topic(const broker::TopicDefinition& topic, std::string vhost) {
    json::object settings;
    for (const auto& [name, value] : topic.settings) settings[utf8(name)] = utf8(value);
    return {{"vhost", std::move(vhost)},
            {"name", utf8(topic.name)},
            {"partitions", topic.partitions.size()},
            {"settings", std::move(settings)}};
}

json::object json_of_partition(std::size_t number, const broker::LogDescribed& log) {
    return {{"partition", number},
            {"start", log.start.value},
            {"end", log.high_watermark.value},
            {"records", log.high_watermark.value - log.start.value},
            {"bytes", log.bytes}};
}

struct TopicWish {
    std::optional<std::uint32_t> partitions;
    std::optional<kafka::Settings> settings;
};

Result<TopicWish> wish_from(const http::Request& request) {
    constexpr std::int64_t partitions_max = 1'000'000;
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    FANTAIL_CHECK(only_members_of_body(body, {"partitions", "settings"}));
    FANTAIL_TRY(const auto partitions, number_member(body, "partitions"));
    TopicWish wish;
    if (partitions && (*partitions < 1 || *partitions > partitions_max))
        return fail(ErrorCode::malformed, "'partitions' must be from 1 to 1000000");
    if (partitions) wish.partitions = static_cast<std::uint32_t>(*partitions);
    const json::value* settings = body.if_contains("settings");
    if (settings == nullptr) return wish;
    if (!settings->is_object()) return fail(ErrorCode::malformed, "'settings' must be an object");
    for (const auto& [name, value] : settings->as_object()) {
        if (!wish.settings) wish.settings.emplace();
        wish.settings->emplace_back(name, value.is_string() ? std::string(value.as_string()) : json::serialize(value));
    }
    if (!wish.settings) wish.settings.emplace();
    return wish;
}

}  // namespace

Result<Topic> AdminApi::topic(const std::string& vhost_name, const std::string& name) const {
    FANTAIL_TRY(const broker::VhostDefinition* in, vhost(vhost_name));
    const Topic found = catalog().topic(in->id, name);
    if (found == nullptr) return fail(ErrorCode::not_found, "no topic '" + name + "' in vhost '" + in->name + "'");
    return found;
}

void AdminApi::list_topics(const http::Request& request) {
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    const VhostNames vhosts = vhost_names();
    std::vector<Topic> rows;
    for (const auto& [vhost, name] : vhosts) {
        if (*wanted != nullptr && (*wanted)->id != vhost) continue;
        catalog().for_each_topic(vhost, [&](const broker::TopicDefinition& each) { rows.push_back(&each); });
    }
    answer_list(small_list(
        request, std::move(rows),
        [](Topic a, Topic b) { return std::tie(a->vhost, a->name) < std::tie(b->vhost, b->name); },
        [](Topic each) -> std::string_view { return each->name; },
        [&](Topic each) { return json_of_topic(*each, vhosts.at(each->vhost)); }));
}

void AdminApi::get_topic(const http::Request& request) {
    const auto found = topic(request.segments[2], request.segments[3]);
    if (!found) return refuse(found.error());
    auto body = std::make_shared<json::object>(json_of_topic(**found, vhost_name((*found)->vhost)));
    ask_logs<broker::LogDescribed>((*found)->partitions, [](QueueId log) { return broker::DescribeLog{log}; },
                                   [this, body](const std::vector<broker::LogDescribed>& logs) {
                                       json::array partitions;
                                       for (std::size_t i = 0; i < logs.size(); ++i)
                                           partitions.push_back(json_of_partition(i, logs[i]));
                                       (*body)["logs"] = std::move(partitions);
                                       answer(json::serialize(*body));
                                   });
}

/// Makes it, or changes what is said: more partitions, all settings.
void AdminApi::put_topic(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    const std::string& name = request.segments[3];
    if (!kafka::is_valid_topic_name(name))
        return refuse({ErrorCode::malformed, "a topic's name has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'"});
    if (auto may = amqp091::check_permission(*link_to(**in), broker::Operation::configure, "topic", name); !may)
        return refuse(refusal_of(may.error()));
    const auto wish = wish_from(request);
    if (!wish) return refuse(wish.error());
    const auto options = kafka::topic_options(wish->settings.value_or(kafka::Settings()));
    if (!options) return refuse(options.error());
    const Topic there = catalog().topic((*in)->id, name);
    if (there != nullptr) return alter_topic(*there, wish->partitions, wish->settings, *options);
    broker::CreateTopic command;
    command.definition.vhost = (*in)->id;
    command.definition.name = name;
    command.definition.options = *options;
    command.definition.settings = wish->settings.value_or(kafka::Settings());
    command.partition_count = wish->partitions.value_or(1);
    change(std::move(command), true);
}

void AdminApi::alter_topic(const broker::TopicDefinition& topic, std::optional<std::uint32_t> partitions,
                           const std::optional<std::vector<std::pair<std::string, std::string>>>& settings,
                           const broker::QueueOptions& options) {
    if (partitions && *partitions < topic.partitions.size())
        return refuse({ErrorCode::precondition_failed, "a topic's partitions cannot become fewer"});
    std::optional<broker::AlterTopic> alter;
    if (settings) alter = broker::AlterTopic{topic.id, options, *settings};
    if (!partitions || *partitions == topic.partitions.size()) {
        if (alter) return change(*std::move(alter));
        return answer("", http::no_content);
    }
    send(broker::AddPartitions{topic.id, *partitions}, [this, alter](const broker::AdminReply& reply) {
        if (!reply.outcome) return refuse(reply.outcome.error());
        if (alter) return change(*alter);
        answer("", http::no_content);
    });
}

void AdminApi::delete_topic(const http::Request& request) {
    const auto found = topic(request.segments[2], request.segments[3]);
    if (!found) return refuse(found.error());
    const auto link = link_to(*catalog().vhost((*found)->vhost));
    if (auto may = amqp091::check_permission(*link, broker::Operation::configure, "topic", (*found)->name); !may)
        return refuse(refusal_of(may.error()));
    change(broker::DeleteTopic{(*found)->id});
}

}  // namespace fantail::server

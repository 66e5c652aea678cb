// SPDX-License-Identifier: Apache-2.0
//! /api/groups: cursor groups, where they stand in their topics, and moving that.
#include <boost/json.hpp>

#include <algorithm>

#include "server/admin/ask_logs.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

std::string_view state_name(broker::GroupState state) {
    switch (state) {
        case broker::GroupState::empty: return "empty";
        case broker::GroupState::preparing_rebalance: return "preparing_rebalance";
        case broker::GroupState::completing_rebalance: return "completing_rebalance";
        case broker::GroupState::stable: return "stable";
        case broker::GroupState::dead: return "dead";
        case broker::GroupState::assigning: return "assigning";
        case broker::GroupState::reconciling: return "reconciling";
    }
    return "";
}

std::string_view kind_name(broker::GroupKind kind) {
    return kind == broker::GroupKind::assigned ? "consumer" : "classic";
}

std::string_view assignor_name(broker::Assignor assignor) {
    return assignor == broker::Assignor::range ? "range" : "uniform";
}

Error error_of(broker::GroupOutcome outcome) {
    switch (outcome) {
        case broker::GroupOutcome::not_found:
        case broker::GroupOutcome::invalid_group: return {ErrorCode::not_found, "no such group"};
        case broker::GroupOutcome::not_empty:
        case broker::GroupOutcome::unknown_member:
        case broker::GroupOutcome::illegal_generation:
        case broker::GroupOutcome::rebalance_in_progress:
        case broker::GroupOutcome::subscribed:
            return {ErrorCode::precondition_failed, "the group has members: stop them first"};
        default: return {ErrorCode::unavailable, "the group cannot do that now"};
    }
}

json::array json_of_members(const broker::GroupDescribed& group) {
    json::array members;
    for (const broker::GroupMemberFigures& each : group.members)
        members.push_back(json::object{{"member", utf8(each.member)},
                                       {"instance", each.instance ? json::value(utf8(*each.instance)) : nullptr},
                                       {"client_id", utf8(each.client_id)},
                                       {"host", utf8(each.client_host)}});
    return members;
}

json::array json_of_members(const broker::AssignedDescribed& group) {
    json::array members;
    for (const broker::AssignedMemberFigures& each : group.members)
        members.push_back(json::object{{"member", utf8(each.member)},
                                       {"instance", each.instance ? json::value(utf8(*each.instance)) : nullptr},
                                       {"client_id", utf8(each.client_id)},
                                       {"host", utf8(each.client_host)},
                                       {"epoch", each.epoch},
                                       {"partitions", each.partitions.size()},
                                       {"partitions_wanted", each.target.size()}});
    return members;
}

/// Where a log stands among its topic's.
struct LogName {
    VhostId vhost;
    std::string topic;
    std::size_t partition = 0;
    auto operator<=>(const LogName&) const = default;
};
std::optional<LogName> name_of(const broker::Catalog& catalog, QueueId log) {
    const broker::QueueDefinition* queue = catalog.queue(log);
    const broker::TopicDefinition* topic = queue == nullptr ? nullptr : catalog.topic(queue->topic);
    if (topic == nullptr) return std::nullopt;
    const auto at = std::ranges::find(topic->partitions, log);
    return LogName{topic->vhost, topic->name, static_cast<std::size_t>(at - topic->partitions.begin())};
}

/// Where offsets are moved to.
struct Target {
    broker::OffsetQuery query = broker::OffsetQuery::start;
    WallTime time;
    std::optional<Offset> offset;
};

Result<Target> target_from(const json::object& body) {
    const json::value* to = body.if_contains("to");
    if (to != nullptr && to->is_string() && to->as_string() == "start") return Target{};
    if (to != nullptr && to->is_string() && to->as_string() == "end") return Target{.query = broker::OffsetQuery::end};
    if (to != nullptr && to->is_int64() && to->as_int64() >= 0)
        return Target{.offset = Offset(static_cast<std::uint64_t>(to->as_int64()))};
    if (to != nullptr && to->is_object()) {
        FANTAIL_CHECK(only_members(to->as_object(), {"time"}));
        FANTAIL_TRY(const auto time, number_member(to->as_object(), "time"));
        if (time) return Target{.query = broker::OffsetQuery::at_time, .time = WallTime{*time}};
    }
    return fail(ErrorCode::malformed, "'to' must be \"start\", \"end\", an offset or {\"time\": milliseconds}");
}

}  // namespace

/// What is known of a group, as it comes.
struct GroupPage {
    std::string group;
    json::object body;
    std::vector<broker::CommittedOffset> offsets;
};

void AdminApi::ask_group(const std::string& group, broker::GroupAction action,
                         std::function<void(broker::GroupAnswer&)> then) {
    const ShardId shard = broker::shard_of_group(group, host_.broker().shard_count());
    send(shard, broker::GroupCommand{group, std::make_unique<broker::GroupAction>(std::move(action))},
         [this, then = std::move(then)](broker::Event& event) {
             auto* answered = std::get_if<broker::GroupAnswered>(&event);
             if (answered == nullptr) return refuse({ErrorCode::internal, "an answer of another kind"});
             then(*answered->answer);
         });
}

void AdminApi::list_groups(const http::Request& request) {
    list_groups_of(request, ShardId(0), std::make_shared<std::vector<broker::GroupListing>>());
}

void AdminApi::list_groups_of(const http::Request& request, ShardId shard,
                              const std::shared_ptr<std::vector<broker::GroupListing>>& found) {
    if (shard.value == host_.broker().shard_count()) {
        return answer_list(small_list(
            request, std::move(*found), [](const auto& a, const auto& b) { return a.group < b.group; },
            [](const auto& each) -> std::string_view { return each.group; },
            [](const auto& each) {
                return json::object{{"name", utf8(each.group)},
                                    {"type", kind_name(each.kind)},
                                    {"protocol", utf8(each.protocol_type)},
                                    {"state", state_name(each.state)}};
            }));
    }
    send(shard, broker::ListGroups{}, [this, request, shard, found](broker::Event& event) {
        auto* answered = std::get_if<broker::GroupAnswered>(&event);
        auto* listed = answered == nullptr ? nullptr : std::get_if<broker::GroupsListed>(answered->answer.get());
        if (listed == nullptr) return refuse({ErrorCode::internal, "an answer of another kind"});
        std::ranges::move(listed->groups, std::back_inserter(*found));
        list_groups_of(request, ShardId(static_cast<std::uint16_t>(shard.value + 1)), found);
    });
}

void AdminApi::get_group(const http::Request& request) {
    auto page = std::make_shared<GroupPage>();
    page->group = request.segments[2];
    ask_group(page->group, broker::DescribeGroup{}, [this, page](broker::GroupAnswer& answered) {
        const auto* described = std::get_if<broker::GroupDescribed>(&answered);
        if (described == nullptr || described->outcome != broker::GroupOutcome::ok ||
            described->state == broker::GroupState::dead)
            return get_assigned_group(page);
        page->body = {{"name", utf8(page->group)},
                      {"type", kind_name(broker::GroupKind::classic)},
                      {"protocol", utf8(described->protocol_type)},
                      {"assignor", utf8(described->protocol)},
                      {"state", state_name(described->state)},
                      {"generation", described->generation},
                      {"members", json_of_members(*described)}};
        add_offsets(page);
    });
}

/// The group may be one that assigns by itself.
void AdminApi::get_assigned_group(const std::shared_ptr<GroupPage>& page) {
    ask_group(page->group, broker::DescribeAssigned{}, [this, page](broker::GroupAnswer& answered) {
        const auto* described = std::get_if<broker::AssignedDescribed>(&answered);
        if (described == nullptr || described->outcome != broker::GroupOutcome::ok)
            return refuse({ErrorCode::not_found, "no group '" + page->group + "'"});
        page->body = {{"name", utf8(page->group)},
                      {"type", kind_name(broker::GroupKind::assigned)},
                      {"protocol", ""},
                      {"assignor", assignor_name(described->assignor)},
                      {"state", state_name(described->state)},
                      {"epoch", described->epoch},
                      {"assignment_epoch", described->assignment_epoch},
                      {"members", json_of_members(*described)}};
        add_offsets(page);
    });
}

void AdminApi::add_offsets(const std::shared_ptr<GroupPage>& page) {
    ask_group(page->group, broker::FetchOffsets{}, [this, page](broker::GroupAnswer& fetched) {
        if (auto* offsets = std::get_if<broker::OffsetsFetched>(&fetched)) page->offsets = std::move(offsets->offsets);
        answer_group(page);
    });
}

/// Adds how far behind the group is.
void AdminApi::answer_group(const std::shared_ptr<GroupPage>& page) {
    std::erase_if(page->offsets, [this](const broker::CommittedOffset& each) {
        return !each.offset || !name_of(catalog(), each.log);
    });
    std::ranges::sort(page->offsets, {}, [this](const auto& each) { return name_of(catalog(), each.log); });
    std::vector<QueueId> logs;
    for (const broker::CommittedOffset& each : page->offsets) logs.push_back(each.log);
    ask_logs<broker::LogDescribed>(
        std::move(logs), [](QueueId log) { return broker::DescribeLog{log}; },
        [this, page](const std::vector<broker::LogDescribed>& described) {
            json::array rows;
            for (std::size_t i = 0; i < described.size(); ++i) {
                const auto name = name_of(catalog(), page->offsets[i].log);
                if (!name) continue;  // deleted meanwhile
                const std::uint64_t end = described[i].high_watermark.value, at = page->offsets[i].offset->value;
                rows.push_back(json::object{{"vhost", vhost_name(name->vhost)},
                                            {"topic", utf8(name->topic)},
                                            {"partition", name->partition},
                                            {"offset", at},
                                            {"end", end},
                                            {"lag", end > at ? end - at : 0},
                                            {"metadata", utf8(page->offsets[i].metadata)}});
            }
            page->body["offsets"] = std::move(rows);
            answer(json::serialize(page->body));
        });
}

void AdminApi::delete_group(const http::Request& request) {
    ask_group(request.segments[2], broker::DeleteGroup{}, [this](broker::GroupAnswer& answered) {
        const auto* done = std::get_if<broker::GroupDone>(&answered);
        if (done == nullptr) return refuse({ErrorCode::internal, "an answer of another kind"});
        if (done->outcome != broker::GroupOutcome::ok) return refuse(error_of(done->outcome));
        answer("", http::no_content);
    });
}

/// Moves the offsets of a group without members.
void AdminApi::put_group_offsets(const http::Request& request) {
    const auto body = parse_object(request.body);
    if (!body) return refuse(body.error());
    if (auto known = only_members_of_body(*body, {"partition", "to"}); !known) return refuse(known.error());
    const auto name = text_member(*body, "topic");
    const auto in = text_member(*body, "vhost");
    const auto partition = number_member(*body, "partition");
    const auto target = target_from(*body);
    for (const auto* part : {name ? nullptr : &name.error(), in ? nullptr : &in.error(),
                             partition ? nullptr : &partition.error(), target ? nullptr : &target.error()})
        if (part != nullptr) return refuse(*part);
    const auto found = topic(in->value_or("/"), name->value_or(""));
    if (!found) return refuse(found.error());
    std::vector<QueueId> logs = (*found)->partitions;
    if (*partition && (**partition < 0 || static_cast<std::size_t>(**partition) >= logs.size()))
        return refuse({ErrorCode::not_found, "the topic has no such partition"});
    if (*partition) logs = {logs[static_cast<std::size_t>(**partition)]};
    ask_logs<broker::OffsetFound>(
        logs,
        [query = target->query, time = target->time](QueueId log) { return broker::FindOffset{log, query, time}; },
        [this, group = request.segments[2], logs, wanted = target->offset](const auto& places) {
            broker::CommitOffsets commit;
            for (std::size_t i = 0; i < logs.size(); ++i)
                if (wanted || places[i].offset)
                    commit.offsets.push_back({logs[i], wanted ? *wanted : *places[i].offset});
            commit_offsets(group, std::move(commit));
        });
}

void AdminApi::commit_offsets(const std::string& group, broker::CommitOffsets commit) {
    const std::size_t count = commit.offsets.size();
    ask_group(group, std::move(commit), [this, count](broker::GroupAnswer& answered) {
        const auto* done = std::get_if<broker::OffsetsCommitted>(&answered);
        if (done == nullptr) return refuse({ErrorCode::internal, "an answer of another kind"});
        if (done->outcome != broker::GroupOutcome::ok) return refuse(error_of(done->outcome));
        answer(json::serialize(json::object{{"moved", count}}));
    });
}

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! Consumer groups: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups, DeleteGroups.
#include "protocols/kafka/groups_messages.hpp"

#include "protocols/kafka/consumer_protocol.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/group_exchange.hpp"

namespace fantail::kafka {

namespace {

class JoinGroupExchange final : public GroupExchange<JoinGroupRequest> {
    using GroupExchange::GroupExchange;
    void start() override {
        if (const ApiError error = check(request().group_id); error != ApiError::none) return refuse(error);
        broker::JoinGroup join;
        join.member = request().member_id;
        join.instance = owned(request().group_instance_id);
        join.client_id = link().client_id();
        join.client_host = link().client_host();
        join.protocol_type = request().protocol_type;
        for (const auto& each : request().protocols)
            join.protocols.push_back({std::string(each.name), to_bytes(each.metadata), topics_of(each.metadata)});
        join.session_timeout_ms = request().session_timeout_ms;
        join.rebalance_timeout_ms = version() == 0 ? request().session_timeout_ms : request().rebalance_timeout_ms;
        join.may_require_member_id = version() >= 4;
        join.may_skip_assignment = version() >= 9;
        ask(request().group_id, std::move(join));
    }
    /// Other kinds of members than consumers say what only they understand.
    [[nodiscard]] std::optional<std::vector<std::string>> topics_of(ByteView metadata) const {
        if (request().protocol_type != "consumer") return std::nullopt;
        const auto subscription = decode_subscription(metadata);
        if (!subscription) return std::nullopt;
        return std::vector<std::string>(subscription->topics.begin(), subscription->topics.end());
    }
    void refuse(ApiError error) {
        JoinGroupResponse response;
        response.error_code = error;
        response.member_id = request().member_id;
        if (version() < 7) response.protocol_name = "";
        respond(response);
    }
    void answered(broker::GroupAnswer& answer) override {
        const auto& joined = std::get<broker::GroupJoined>(answer);
        JoinGroupResponse response;
        response.error_code = group_error(joined.outcome);
        response.generation_id = joined.generation;
        if (joined.outcome == broker::GroupOutcome::ok) {
            response.protocol_type = joined.protocol_type;
            response.protocol_name = joined.protocol;
        } else if (version() < 7) {
            response.protocol_name = "";
        }
        response.leader = joined.leader;
        response.skip_assignment = joined.skip_assignment;
        response.member_id = joined.member;
        for (const auto& each : joined.members) {
            auto& member = response.members.emplace_back();
            member.member_id = each.member;
            if (each.instance) member.group_instance_id = *each.instance;
            member.metadata = each.metadata;
        }
        respond(response);
    }
};

class SyncGroupExchange final : public GroupExchange<SyncGroupRequest> {
    using GroupExchange::GroupExchange;
    void start() override {
        if (const ApiError error = check(request().group_id); error != ApiError::none) {
            SyncGroupResponse response;
            response.error_code = error;
            return respond(response);
        }
        broker::SyncGroup sync;
        sync.generation = request().generation_id;
        sync.member = request().member_id;
        sync.instance = owned(request().group_instance_id);
        sync.protocol_type = owned(request().protocol_type);
        sync.protocol = owned(request().protocol_name);
        for (const auto& each : request().assignments)
            sync.assignments.push_back({std::string(each.member_id), to_bytes(each.assignment)});
        ask(request().group_id, std::move(sync));
    }
    void answered(broker::GroupAnswer& answer) override {
        const auto& synced = std::get<broker::GroupSynced>(answer);
        SyncGroupResponse response;
        response.error_code = group_error(synced.outcome);
        if (synced.outcome == broker::GroupOutcome::ok) {
            response.protocol_type = synced.protocol_type;
            response.protocol_name = synced.protocol;
        }
        response.assignment = synced.assignment;
        respond(response);
    }
};

class HeartbeatExchange final : public GroupExchange<HeartbeatRequest> {
    using GroupExchange::GroupExchange;
    void start() override {
        if (const ApiError error = check(request().group_id); error != ApiError::none) return finish(error);
        ask(request().group_id, broker::GroupHeartbeat{request().generation_id, std::string(request().member_id),
                                                       owned(request().group_instance_id)});
    }
    void answered(broker::GroupAnswer& answer) override {
        finish(group_error(std::get<broker::GroupDone>(answer).outcome));
    }
    void finish(ApiError error) {
        HeartbeatResponse response;
        response.error_code = error;
        respond(response);
    }
};

class LeaveGroupExchange final : public GroupExchange<LeaveGroupRequest> {
    using GroupExchange::GroupExchange;
    void start() override {
        if (const ApiError error = check(request().group_id); error != ApiError::none) {
            LeaveGroupResponse response;
            response.error_code = error;
            return respond(response);
        }
        broker::LeaveGroup leave;
        if (version() < 3) leave.members.push_back({std::string(request().member_id), std::nullopt});
        for (const auto& each : request().members)
            leave.members.push_back({std::string(each.member_id), owned(each.group_instance_id)});
        ask(request().group_id, std::move(leave));
    }
    void answered(broker::GroupAnswer& answer) override {
        const auto& left = std::get<broker::GroupLeft>(answer);
        LeaveGroupResponse response;
        response.error_code = group_error(left.outcome);
        if (version() < 3 && left.outcome == broker::GroupOutcome::ok && !left.members.empty())
            response.error_code = group_error(left.members.front());
        for (std::size_t i = 0; i < left.members.size() && i < request().members.size(); ++i) {
            const auto& asked = request().members[i];
            response.members.push_back({asked.member_id, asked.group_instance_id, group_error(left.members[i])});
        }
        respond(response);
    }
};

class DescribeGroupsExchange final : public GatheringExchange<DescribeGroupsRequest> {
    using GatheringExchange::GatheringExchange;
    void start() override {
        answers_.resize(request().groups.size());
        errors_.resize(request().groups.size(), ApiError::none);
        for (std::size_t i = 0; i < answers_.size(); ++i) {
            const std::string_view group = request().groups[i];
            if (!link().may(broker::Operation::read, group)) errors_[i] = ApiError::group_authorization_failed;
            else ask(i, link().shard_of_group(group), group_command(group, broker::DescribeGroup{}));
        }
        asked_all();
    }
    void take(std::size_t place, broker::Event& event) override {
        answers_[place] = std::move(std::get<broker::GroupDescribed>(*std::get<broker::GroupAnswered>(event).answer));
    }
    void finish() override {
        DescribeGroupsResponse response;
        for (std::size_t i = 0; i < answers_.size(); ++i) {
            auto& out = response.groups.emplace_back();
            const broker::GroupDescribed& group = answers_[i];
            out.group_id = request().groups[i];
            out.error_code = errors_[i];
            const bool gone = errors_[i] == ApiError::none && group.outcome == broker::GroupOutcome::not_found;
            if (gone && version() >= 6) {  // KIP-1043; before, an unknown group is a dead one
                out.error_code = ApiError::group_id_not_found;
                out.error_message = "Group not found.";
            }
            out.group_state = errors_[i] == ApiError::none ? group_state_name(group.state) : "";
            out.protocol_type = group.protocol_type;
            out.protocol_data = group.protocol;
            for (const auto& each : group.members) {
                auto& member = out.members.emplace_back();
                member.member_id = each.member;
                if (each.instance) member.group_instance_id = *each.instance;
                member.client_id = each.client_id;
                member.client_host = each.client_host;
                member.member_metadata = each.metadata;
                member.member_assignment = each.assignment;
            }
        }
        respond(response);
    }
    std::vector<broker::GroupDescribed> answers_;
    std::vector<ApiError> errors_;
};

/// Asks every shard.
class ListGroupsExchange final : public GatheringExchange<ListGroupsRequest> {
    using GatheringExchange::GatheringExchange;
    void start() override {
        for (std::uint16_t i = 0; i < link().host().broker().shard_count(); ++i)
            ask(0, ShardId(i), broker::ListGroups{});
        asked_all();
    }
    void take(std::size_t, broker::Event& event) override {
        auto& listed = std::get<broker::GroupsListed>(*std::get<broker::GroupAnswered>(event).answer);
        std::ranges::move(listed.groups, std::back_inserter(groups_));
    }
    void finish() override {
        ListGroupsResponse response;
        const auto& states = request().states_filter;
        const auto& types = request().types_filter;
        for (const broker::GroupListing& group : groups_) {
            const std::string_view state = group_state_name(group.state);
            if (!link().may(broker::Operation::read, group.group)) continue;
            if (!states.empty() && !contains(states, state)) continue;
            const bool classic = group.kind == broker::GroupKind::classic;
            const std::string_view type = classic ? "classic" : "consumer";
            if (!types.empty() && !contains(types, type)) continue;
            // A view on either side: a string and a literal would make a string that is gone when the answer is written.
            const std::string_view protocol = classic ? std::string_view(group.protocol_type) : type;
            response.groups.push_back({group.group, protocol, state, type});
        }
        respond(response);
    }
    /// Without regard to case.
    [[nodiscard]] static bool contains(const std::vector<std::string_view>& words, std::string_view word) {
        const auto equal = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
        return std::ranges::any_of(words, [&](std::string_view each) { return std::ranges::equal(each, word, equal); });
    }
    std::vector<broker::GroupListing> groups_;
};

class DeleteGroupsExchange final : public GatheringExchange<DeleteGroupsRequest> {
    using GatheringExchange::GatheringExchange;
    void start() override {
        errors_.resize(request().groups_names.size(), ApiError::none);
        for (std::size_t i = 0; i < errors_.size(); ++i) {
            const std::string_view group = request().groups_names[i];
            if (!link().may(broker::Operation::configure, group)) errors_[i] = ApiError::group_authorization_failed;
            else ask(i, link().shard_of_group(group), group_command(group, broker::DeleteGroup{}));
        }
        asked_all();
    }
    void take(std::size_t place, broker::Event& event) override {
        errors_[place] =
            group_error(std::get<broker::GroupDone>(*std::get<broker::GroupAnswered>(event).answer).outcome);
    }
    void finish() override {
        DeleteGroupsResponse response;
        for (std::size_t i = 0; i < errors_.size(); ++i)
            response.results.push_back({request().groups_names[i], errors_[i]});
        respond(response);
    }
    std::vector<ApiError> errors_;
};

}  // namespace

std::unique_ptr<Exchange> make_join_group(Link& link, const RequestHeader& header) {
    return std::make_unique<JoinGroupExchange>(link, header);
}
std::unique_ptr<Exchange> make_sync_group(Link& link, const RequestHeader& header) {
    return std::make_unique<SyncGroupExchange>(link, header);
}
std::unique_ptr<Exchange> make_heartbeat(Link& link, const RequestHeader& header) {
    return std::make_unique<HeartbeatExchange>(link, header);
}
std::unique_ptr<Exchange> make_leave_group(Link& link, const RequestHeader& header) {
    return std::make_unique<LeaveGroupExchange>(link, header);
}
std::unique_ptr<Exchange> make_describe_groups(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeGroupsExchange>(link, header);
}
std::unique_ptr<Exchange> make_list_groups(Link& link, const RequestHeader& header) {
    return std::make_unique<ListGroupsExchange>(link, header);
}
std::unique_ptr<Exchange> make_delete_groups(Link& link, const RequestHeader& header) {
    return std::make_unique<DeleteGroupsExchange>(link, header);
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! What members choose, what the group assigns to them, and how they get there.
#include <algorithm>
#include <vector>

#include "base/limits.hpp"
#include "broker/groups/assigned_members.hpp"
#include "broker/groups/partitions.hpp"
#include "broker/groups/topic_pattern.hpp"

namespace fantail::broker {

namespace {

/// What the topics that a member chooses hang on, apart from the catalog.
std::string question_of(const AssignedMember& member) {
    Bytes key;
    Writer out(key);
    out.u32(member.vhost.value);
    out.string(member.pattern.empty() ? std::string_view() : std::string_view(member.user));
    out.string(member.pattern);
    for (const std::string& topic : member.topics) out.string(topic);
    return std::string(as_text(key));
}

/// FNV-1a, 64 bits. It is kept: it must give the same for ever.
std::uint64_t hash_of(const TopicSizes& sizes) {
    std::uint64_t hash = 0xcbf2'9ce4'8422'2325u;
    const auto add = [&hash](std::uint64_t value) {
        for (int byte = 0; byte < 8; ++byte, value >>= 8) hash = (hash ^ (value & 0xFF)) * 0x100'0000'01b3u;
    };
    for (const auto& [topic, size] : sizes) {
        add(topic.value);
        add(size);
    }
    return hash;
}

void go_to(AssignedMember& member, std::int32_t epoch) {
    if (member.epoch == epoch) return;
    member.previous_epoch = member.epoch;
    member.epoch = epoch;
}

bool owns_any(const std::optional<Partitions>& owned, const Partitions& of) {
    return !owned || !both(*owned, of).empty();
}

}  // namespace

// -------------------------------------------------------------------------------------------------------------- choice

void AssignedMembers::choose(const AssignedMember& member) {
    // What nobody asks any more goes: questions are as long as members make them.
    std::erase_if(resolutions_, [](const auto& each) { return each.second.expired(); });
    live_[member.id].topics = resolve(member);
}

TopicIdsRef AssignedMembers::resolve(const AssignedMember& member) {
    auto& known = resolutions_[question_of(member)];
    if (auto answer = known.lock()) return answer;
    const CatalogView& catalog = context_.host.catalog();
    TopicIds found;
    for (const std::string& name : member.topics)
        if (const TopicDefinition* topic = catalog.topic(member.vhost, name)) found.push_back(topic->id);
    if (!member.pattern.empty()) {
        const auto pattern = TopicPattern::compile(member.pattern);
        catalog.for_each_topic(member.vhost, [&](const TopicDefinition& topic) {
            if (!pattern || topic.internal || !pattern->matches(topic.name)) return;
            if (catalog.permits(member.user, member.vhost, Operation::read, topic.name)) found.push_back(topic.id);
        });
    }
    std::ranges::sort(found);
    const auto twice = std::ranges::unique(found);
    found.erase(twice.begin(), twice.end());
    auto answer = std::make_shared<const TopicIds>(std::move(found));
    known = answer;
    return answer;
}

/// Topics may have come, gone or grown. Any change of the catalog may be one; a burst of them is looked at once.
bool AssignedMembers::look_again(bool at_once) {
    const std::uint64_t version = context_.host.catalog().version();
    if (version == seen_version_ || (!at_once && context_.now.mono < next_look_)) return false;
    seen_version_ = version;
    next_look_ = context_.now.mono.plus_ms(limits::group_refresh_ms);
    resolutions_.clear();
    for (auto& [id, live] : live_) live.topics = resolve(*find(id));
    return true;
}

/// The topics that anybody chose. True if they are others than they were.
bool AssignedMembers::measure() {
    const CatalogView& catalog = context_.host.catalog();
    std::vector<const TopicIds*> distinct;
    for (const auto& [id, live] : live_)
        if (live.topics) distinct.push_back(live.topics.get());
    std::ranges::sort(distinct);
    const auto twice = std::ranges::unique(distinct);
    distinct.erase(twice.begin(), twice.end());
    sizes_.clear();
    for (const TopicIds* topics : distinct)
        for (const TopicId id : *topics)
            if (const TopicDefinition* topic = catalog.topic(id))
                sizes_[id] = static_cast<std::uint32_t>(topic->partitions.size());
    const std::uint64_t hash = hash_of(sizes_);
    const bool changed = hash != topics_hash_;
    topics_hash_ = hash;
    return changed;
}

// ---------------------------------------------------------------------------------------------------------- assignment

Assignor AssignedMembers::preferred() const {
    std::size_t range = 0, uniform = 0;
    for (const auto& [id, member] : kept()->members) {
        if (member->assignor == Assignor::range) ++range;
        if (member->assignor == Assignor::uniform) ++uniform;
    }
    return range > uniform ? Assignor::range : Assignor::uniform;
}

void AssignedMembers::assign_anew() {
    std::vector<AssignedMemberRef> members;
    std::vector<AssignorMember> asked;
    for (const auto& [id, member] : kept()->members) {
        const std::string& name = member->instance ? *member->instance : member->id;
        asked.push_back({name, live_.at(id).topics, &member->target});
        members.push_back(member);
    }
    const Assignor how = preferred();
    std::vector<Partitions> targets = assign_partitions(how, asked, sizes_);
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i]->target == targets[i]) continue;
        AssignedMember next = *members[i];
        next.target = std::move(targets[i]);
        put(std::make_shared<const AssignedMember>(std::move(next)), members[i].get());
    }
    // Last: what is cut off by a crash before it is assigned anew.
    write_epoch(kept()->epoch, kept()->epoch, how);
}

AssignedMember AssignedMembers::reconciled(const AssignedMember& member, const std::optional<Partitions>& owned) const {
    switch (member.state) {
        case AssignedState::stable:
            if (member.epoch == kept()->assignment_epoch) return member;
            return stepped(member, member.epoch, owned);
        case AssignedState::revoking:
            if (owns_any(owned, member.revoked)) return member;
            return stepped(member, member.epoch + 1, owned);
        case AssignedState::waiting: return stepped(member, member.epoch, owned);
    }
    return member;
}

AssignedMember AssignedMembers::stepped(const AssignedMember& member, std::int32_t epoch,
                                        const std::optional<Partitions>& owned) const {
    AssignedMember next = member;
    next.partitions = both(member.partitions, member.target);
    next.revoked = without(member.partitions, member.target);
    if (!next.revoked.empty() && owns_any(owned, next.revoked)) {
        next.state = AssignedState::revoking;
        go_to(next, epoch);
        return next;
    }
    next.revoked.clear();
    Partitions more = without(member.target, next.partitions);
    const std::size_t wanted = more.size();
    std::erase_if(more, [this](const TopicPartition& each) { return !is_free(each); });
    go_to(next, kept()->assignment_epoch);
    next.state = more.size() < wanted ? AssignedState::waiting : AssignedState::stable;
    next.partitions = either(next.partitions, more);
    return next;
}

}  // namespace fantail::broker

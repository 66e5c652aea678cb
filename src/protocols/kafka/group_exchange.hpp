// SPDX-License-Identifier: Apache-2.0
//! What exchanges with groups share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocols/kafka/exchange.hpp"
#include "protocols/kafka/group_errors.hpp"

namespace fantail::kafka {

/// An exchange that puts one question to a group.
template <class Request>
class GroupExchange : public ExchangeOf<Request> {
public:
    using ExchangeOf<Request>::ExchangeOf;

protected:
    void ask(std::string_view group, broker::GroupAction action) {
        Link& link = this->link();
        link.send(*this, link.shard_of_group(group), group_command(group, std::move(action)));
    }
    [[nodiscard]] bool may(std::string_view group) const { return this->link().may(broker::Operation::read, group); }
    [[nodiscard]] ApiError check(std::string_view group) const {
        if (group.empty()) return ApiError::invalid_group_id;
        return may(group) ? ApiError::none : ApiError::group_authorization_failed;
    }
    virtual void answered(broker::GroupAnswer& answer) = 0;

private:
    void on_event(broker::Event& event) final { answered(*std::get<broker::GroupAnswered>(event).answer); }
};

template <class T>
std::optional<std::string> owned(const std::optional<T>& text) {
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

[[nodiscard]] inline std::string_view group_state_name(broker::GroupState state) {
    switch (state) {
        case broker::GroupState::empty: return "Empty";
        case broker::GroupState::preparing_rebalance: return "PreparingRebalance";
        case broker::GroupState::completing_rebalance: return "CompletingRebalance";
        case broker::GroupState::stable: return "Stable";
        case broker::GroupState::dead: return "Dead";
        case broker::GroupState::assigning: return "Assigning";
        case broker::GroupState::reconciling: return "Reconciling";
    }
    return "Unknown";
}

}  // namespace fantail::kafka

// SPDX-License-Identifier: Apache-2.0
//! Writes changes, and holds answers back until they are safe.
#include "broker/groups/group_context.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace fantail::broker {

void GroupContext::answer_after(Lsn after, const Origin& to, GroupAnswer answer) {
    if (after <= durable_) {
        host.answer(to, std::move(answer));
        return;
    }
    if (!waiting_.empty()) after = std::max(after, waiting_.back().after);
    waiting_.push_back({after, to, std::move(answer)});
}

bool GroupContext::overloaded() const { return waiting_.size() >= limits::group_answers_waiting_max; }

Lsn GroupContext::write(const GroupChange& change, bool lazy) {
    encode_group_change(change, change_);
    FANTAIL_ASSERT(change_.size() <= limits::change_size_max);
    const Lsn lsn = host.persist(change_, lazy);
    store.apply(change);
    return lsn;
}

void GroupContext::on_durable(Lsn lsn) {
    durable_ = std::max(durable_, lsn);
    while (!waiting_.empty() && waiting_.front().after <= durable_) {
        host.answer(waiting_.front().to, std::move(waiting_.front().answer));
        waiting_.pop_front();
    }
}

}  // namespace fantail::broker

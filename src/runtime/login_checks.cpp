// SPDX-License-Identifier: Apache-2.0
//! The queue in front of the hash.
#include "runtime/login_checks.hpp"

#include <memory>

#include "base/limits.hpp"

namespace fantail::runtime {

void LoginChecks::begin(Asker asker, LoginCheck check) {
    if (const bool* known = std::get_if<bool>(&check)) return answer(asker, *known);
    if (waiting_.size() >= limits::login_checks_waiting_max) {
        host_.answer(asker.connection,
                     {asker.request, fail(ErrorCode::unavailable, "too many logins are being checked")});
        return;
    }
    waiting_.push_back({asker, std::get<std::move_only_function<bool()>>(std::move(check))});
    start_next();
}

void LoginChecks::answer(const Asker& asker, bool good) {
    Result<void> outcome;
    if (!good) outcome = fail(ErrorCode::not_authenticated, "wrong user or password");
    host_.answer(asker.connection, {asker.request, std::move(outcome)});
}

void LoginChecks::start_next() {
    while (!calculating_ && !waiting_.empty()) {
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        if (!host_.is_there(next.asker.connection)) continue;
        calculating_ = true;
        // Shared with a thread that may outlive this object.
        auto good = std::make_shared<bool>(false);
        machine_.calculate([good, calculate = std::move(next.calculate)]() mutable { *good = calculate(); },
                           [this, good, asker = next.asker] {
                               calculating_ = false;
                               answer(asker, *good);
                               start_next();
                           });
    }
}

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! What is written of refused logins.
#include "server/auth/login_log.hpp"

#include <utility>
#include <variant>

namespace fantail::server {

runtime::LoginCheck LoginLog::watched(runtime::LoginCheck check, const broker::UserDefinition* user,
                                      const protocols::PeerInfo& peer) {
    std::string who =
        (user == nullptr ? "of an unknown user" : "of user '" + user->name + "'") + " from " + peer.address;
    if (const bool* known = std::get_if<bool>(&check)) {
        if (!*known) refused(who);
        return check;
    }
    auto calculate = std::get<std::move_only_function<bool()>>(std::move(check));
    return [this, calculate = std::move(calculate), who = std::move(who)]() mutable {
        const bool good = calculate();
        if (!good) refused(who);
        return good;
    };
}

void LoginLog::refused(const std::string& who) {
    const std::lock_guard lock(mutex_);
    const std::int64_t second = now_().ns / 1'000'000'000;
    if (std::exchange(second_, second) != second) lines_ = 0;
    if (lines_ == lines_a_second) {
        ++passed_over_;
        return;
    }
    ++lines_;
    const std::uint64_t others = std::exchange(passed_over_, 0);
    write_("login refused " + who + (others == 0 ? "" : ", and " + std::to_string(others) + " before it"));
}

}  // namespace fantail::server

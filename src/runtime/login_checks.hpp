// SPDX-License-Identifier: Apache-2.0
//! Logins of one core whose passwords are still to be hashed.
#pragma once

#include <deque>
#include <functional>
#include <variant>

#include "base/ids.hpp"
#include "broker/api/events.hpp"
#include "runtime/machine.hpp"

namespace fantail::runtime {

/// Whether a login is good: known at once, or to be calculated, on any thread.
using LoginCheck = std::variant<bool, std::move_only_function<bool()>>;

/// Calculates one login at a time, in the order of their coming, beside the core's own work. What waits is bounded, and
/// those whose connections have gone are not calculated.
class LoginChecks final {
public:
    struct Asker {
        ConnectionId connection;
        RequestId request;
    };
    /// The core's part.
    struct Host {
        std::function<bool(ConnectionId)> is_there;
        std::function<void(ConnectionId, broker::LoginChecked)> answer;
    };
    /// `machine` outlives it.
    LoginChecks(Machine& machine, Host host) : machine_(machine), host_(std::move(host)) {}
    LoginChecks(const LoginChecks&) = delete;
    LoginChecks& operator=(const LoginChecks&) = delete;

    void begin(Asker asker, LoginCheck check);

private:
    struct Waiting {
        Asker asker;
        std::move_only_function<bool()> calculate;
    };
    void answer(const Asker& asker, bool good);
    void start_next();

    Machine& machine_;
    Host host_;
    std::deque<Waiting> waiting_;
    bool calculating_ = false;
};

}  // namespace fantail::runtime

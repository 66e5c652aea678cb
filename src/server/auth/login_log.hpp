// SPDX-License-Identifier: Apache-2.0
//! Refused logins, told to the operator without letting a crowd of them fill the log.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/time.hpp"
#include "broker/api/definitions.hpp"
#include "protocols/session.hpp"
#include "runtime/login_checks.hpp"

namespace fantail::server {

/// Thread-safe.
class LoginLog {
public:
    static constexpr std::uint32_t lines_a_second = 10;

    /// \param write gets a line, on any thread   \param now any thread
    LoginLog(std::function<void(const std::string&)> write, std::function<MonoTime()> now)
        : write_(std::move(write)), now_(std::move(now)) {}

    /// The same check, whose refusal is told. The log outlives it.
    [[nodiscard]] runtime::LoginCheck watched(runtime::LoginCheck check, const broker::UserDefinition* user,
                                              const protocols::PeerInfo& peer);

private:
    void refused(const std::string& who);

    std::function<void(const std::string&)> write_;
    std::function<MonoTime()> now_;
    std::mutex mutex_;
    std::int64_t second_ = -1;
    std::uint32_t lines_ = 0;        ///< of that second
    std::uint64_t passed_over_ = 0;  ///< since the last line
};

}  // namespace fantail::server

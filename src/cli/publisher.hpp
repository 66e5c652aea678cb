// SPDX-License-Identifier: Apache-2.0
//! Publishes messages one by one and keeps count of what became of them.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cli/amqp_client.hpp"

namespace fantail::cli {

struct PublishOptions {
    std::string uri = "amqp://guest:guest@127.0.0.1:5672/%2F";
    std::string exchange;
    std::string key;
    std::string queue;                 ///< instead of exchange and key
    std::vector<std::string> headers;  ///< k=v
    std::string content_type;
    bool persistent = false;
    bool confirm = false;
    std::uint64_t rate = 0;   ///< messages a second; 0: as fast as it goes
    std::uint64_t count = 0;  ///< 0: to the end of the input
    std::uint64_t size = 0;   ///< 0: lines of the input; else bytes of a made-up body
};

/// What became of the messages.
struct PublishTally {
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    std::uint64_t refused = 0;   ///< negatively confirmed
    std::uint64_t returned = 0;  ///< no queue took them
    std::string return_reason;
    bool blocked = false;
    std::string block_reason;
};

/// The property bytes of every message. Errors: malformed (a header without '='), too_large.
[[nodiscard]] Result<Bytes> message_properties(const PublishOptions& options);

/// Counts confirms: at most `window_max` messages are unconfirmed. Tags count from 1.
class ConfirmTally {
public:
    static constexpr std::uint64_t window_max = 2000;
    /// \param sent the last tag
    void on_confirm(std::uint64_t tag, bool multiple, bool accepted, std::uint64_t sent);
    [[nodiscard]] std::uint64_t accepted() const { return accepted_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    [[nodiscard]] std::uint64_t settled() const { return accepted_ + refused_; }

private:
    std::uint64_t done_ = 0;          ///< all tags up to it are settled
    std::set<std::uint64_t> beyond_;  ///< further ones
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
};

/// Publishes as told, from `input` (a descriptor), and waits for the confirms. Errors: as AmqpClient; unavailable too if
/// messages were refused or returned.
[[nodiscard]] Result<PublishTally> publish_all(const PublishOptions& options, int input);

}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! The users' SCRAM credentials, read out of what is stored of them.
#pragma once

#include <functional>

#include "protocols/sasl/credentials.hpp"

namespace fantail::server {

/// Thread-safe: nothing in it changes.
class ScramCredentials final : public sasl::Credentials {
public:
    /// All users, as a core knows them.
    using UserList = std::function<std::vector<const broker::UserDefinition*>(CoreId)>;
    /// \param guest_loopback_only the user `guest` may come from this machine only
    ScramCredentials(bool guest_loopback_only, UserList users);

    [[nodiscard]] sasl::ScramCredential find(const sasl::Claim& claim, const protocols::PeerInfo& peer) const override;
    [[nodiscard]] std::vector<sasl::ScramFigures> list(ByteView password_hash) const override;
    [[nodiscard]] Bytes with(ByteView password_hash, const sasl::ScramCredential& credential) const override;
    [[nodiscard]] Bytes without(ByteView password_hash, sasl::ScramMechanism mechanism) const override;
    [[nodiscard]] std::vector<std::string> users(CoreId core) const override;

private:
    [[nodiscard]] sasl::ScramCredential unprovable(const sasl::Claim& claim) const;

    bool guest_loopback_only_;
    UserList users_;
    Bytes secret_;  ///< of this process: what unknown users are shown cannot be told from stored salts
};

}  // namespace fantail::server

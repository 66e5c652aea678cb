// SPDX-License-Identifier: Apache-2.0
//! The users' SCRAM credentials as a session sees them.
#pragma once

#include <string>
#include <vector>

#include "broker/api/definitions.hpp"
#include "protocols/sasl/scram.hpp"
#include "protocols/session.hpp"

namespace fantail::sasl {

/// Who wants to log in.
struct Claim {
    const broker::UserDefinition* user = nullptr;  ///< null: there is none of that name
    std::string_view name;
    ScramMechanism mechanism = ScramMechanism::sha_256;
};

struct ScramFigures {
    ScramMechanism mechanism = ScramMechanism::sha_256;
    std::uint32_t iterations = 0;

    bool operator==(const ScramFigures&) const = default;
};

/// Reads and changes what `UserDefinition::password_hash` holds, in whatever format. Called on any core.
class Credentials {
public:
    virtual ~Credentials() = default;
    /// What the user must prove. Whoever cannot log in so, or not from there, or does not exist, gets one that nobody can
    /// prove, the same each time, after as much work.
    [[nodiscard]] virtual ScramCredential find(const Claim& claim, const protocols::PeerInfo& peer) const = 0;
    /// In the order of the mechanisms, each at most once.
    [[nodiscard]] virtual std::vector<ScramFigures> list(ByteView password_hash) const = 0;
    /// The hash with this credential, in place of one of the same mechanism. Everything else in it stays.
    [[nodiscard]] virtual Bytes with(ByteView password_hash, const ScramCredential& credential) const = 0;
    /// The hash without it; empty if nothing else is in it.
    [[nodiscard]] virtual Bytes without(ByteView password_hash, ScramMechanism mechanism) const = 0;
    /// The names of all users, in no particular order, as that core knows them.
    [[nodiscard]] virtual std::vector<std::string> users(CoreId core) const = 0;
};

}  // namespace fantail::sasl

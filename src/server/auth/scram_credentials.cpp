// SPDX-License-Identifier: Apache-2.0
//! Credentials that exist, and those shown in the place of others.
#include "server/auth/scram_credentials.hpp"

#include <algorithm>

#include "server/auth/credential_set.hpp"
#include "server/auth/password.hpp"
#include "sys/random.hpp"

namespace fantail::server {

namespace {

using sasl::ScramCredential;
using sasl::ScramFigures;
using sasl::ScramMechanism;

/// What cannot be read lets nobody in, and is as good as nothing.
CredentialSet set_of(ByteView password_hash) { return read_credentials(password_hash).value_or(CredentialSet()); }

}  // namespace

ScramCredentials::ScramCredentials(bool guest_loopback_only, UserList users)
    : guest_loopback_only_(guest_loopback_only), users_(std::move(users)), secret_(32) {
    sys::random_bytes(secret_);
}

ScramCredential ScramCredentials::find(const sasl::Claim& claim, const protocols::PeerInfo& peer) const {
    // Always made, so that who is known cannot be told by the time it takes.
    ScramCredential none = unprovable(claim);
    if (claim.user == nullptr) return none;
    if (guest_loopback_only_ && claim.name == "guest" && !peer.loopback) return none;
    const CredentialSet set = set_of(claim.user->password_hash);
    const ScramCredential* found = set.find(claim.mechanism);
    return found == nullptr ? none : *found;
}

/// As of one whose password was set here; the keys are no hashes of anything that anybody knows.
ScramCredential ScramCredentials::unprovable(const sasl::Claim& claim) const {
    const auto made = [&](std::string_view what) {
        return sasl::scram_hmac(claim.mechanism, secret_, std::string(what) + std::string(claim.name));
    };
    ScramCredential out{.mechanism = claim.mechanism,
                        .iterations = scram_iterations(claim.mechanism),
                        .salt = made("salt of "),
                        .stored_key = made("stored key of "),
                        .server_key = made("server key of ")};
    out.salt.resize(password_salt_size);
    return out;
}

std::vector<ScramFigures> ScramCredentials::list(ByteView password_hash) const {
    std::vector<ScramFigures> out;
    for (const ScramCredential& each : set_of(password_hash).scram) out.push_back({each.mechanism, each.iterations});
    return out;
}

Bytes ScramCredentials::with(ByteView password_hash, const ScramCredential& credential) const {
    CredentialSet set = set_of(password_hash);
    set.put(credential);
    return write_credentials(set);
}

Bytes ScramCredentials::without(ByteView password_hash, ScramMechanism mechanism) const {
    CredentialSet set = set_of(password_hash);
    set.remove(mechanism);
    return write_credentials(set);
}

std::vector<std::string> ScramCredentials::users(CoreId core) const {
    std::vector<std::string> names;
    for (const broker::UserDefinition* user : users_(core)) names.push_back(user->name);
    return names;
}

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! Reading and writing of stored credentials.
#include "server/auth/credential_set.hpp"

#include <algorithm>

namespace fantail::server {

namespace {

using sasl::ScramCredential;
using sasl::ScramMechanism;

constexpr std::uint8_t set_form = 5;
constexpr std::uint8_t password_kind = 0;
constexpr std::uint32_t iterations_max = 10'000'000;
constexpr std::size_t rabbit_salt_size = 4;
constexpr std::size_t pbkdf2_size = 1 + 4 + password_salt_size + 32;

PasswordForm form_of(ByteView password) { return PasswordForm{password[0]}; }

bool is_password(ByteView password) {
    if (password.empty()) return false;
    switch (form_of(password)) {
        case PasswordForm::rabbit_sha256: return password.size() == 1 + rabbit_salt_size + 32;
        case PasswordForm::rabbit_sha512: return password.size() == 1 + rabbit_salt_size + 64;
        case PasswordForm::salted_password:
        case PasswordForm::stored_key: return read_pbkdf2(password).has_value();
    }
    return false;
}

std::optional<ScramCredential> read_scram(ScramMechanism mechanism, ByteView body) {
    Reader in(body);
    ScramCredential credential{.mechanism = mechanism, .iterations = in.u32()};
    const std::size_t salt_size = in.u8();
    credential.salt = to_bytes(in.take(salt_size));
    credential.stored_key = to_bytes(in.take(sasl::digest_size(mechanism)));
    credential.server_key = to_bytes(in.take(sasl::digest_size(mechanism)));
    if (!in.done() || credential.salt.empty() || credential.iterations == 0) return std::nullopt;
    return credential;
}

bool read_entry(std::uint8_t kind, ByteView body, CredentialSet& set) {
    if (kind == password_kind) {
        set.password = to_bytes(body);
        return is_password(body);
    }
    if (kind > static_cast<std::uint8_t>(ScramMechanism::sha_512)) return false;
    auto credential = read_scram(ScramMechanism{kind}, body);
    if (credential) set.scram.push_back(*std::move(credential));
    return credential.has_value();
}

std::optional<CredentialSet> read_set(Reader in) {
    CredentialSet set;
    int last = -1;
    while (in.left() > 0) {
        const std::uint8_t kind = in.u8();
        const std::size_t size = in.u16();
        const ByteView body = in.take(size);
        if (in.failed() || kind <= last || !read_entry(kind, body, set)) return std::nullopt;
        last = kind;
    }
    return set;
}

/// A password hash of form 1 is what a client of SCRAM-SHA-256 proves.
void derive_scram(ByteView password, CredentialSet& set) {
    if (form_of(password) != PasswordForm::salted_password) return;
    const auto pbkdf2 = read_pbkdf2(password);
    if (!pbkdf2 || pbkdf2->iterations < sasl::scram_iterations_min) return;
    set.put(sasl::scram_credential({ScramMechanism::sha_256, pbkdf2->iterations, pbkdf2->salt, pbkdf2->hash}));
}

void write_entry(Writer& out, std::uint8_t kind, ByteView body) {
    out.u8(kind);
    out.u16(static_cast<std::uint16_t>(body.size()));
    out.raw(body);
}

Bytes scram_body(const ScramCredential& credential) {
    FANTAIL_ASSERT(credential.salt.size() <= sasl::scram_salt_size_max);
    Bytes body;
    Writer out(body);
    out.u32(credential.iterations);
    out.u8(static_cast<std::uint8_t>(credential.salt.size()));
    out.raw(credential.salt);
    out.raw(credential.stored_key);
    out.raw(credential.server_key);
    return body;
}

}  // namespace

const ScramCredential* CredentialSet::find(ScramMechanism mechanism) const {
    const auto at = std::ranges::find(scram, mechanism, &ScramCredential::mechanism);
    return at == scram.end() ? nullptr : &*at;
}

void CredentialSet::put(ScramCredential credential) {
    remove(credential.mechanism);
    const auto at = std::ranges::upper_bound(scram, credential.mechanism, {}, &ScramCredential::mechanism);
    scram.insert(at, std::move(credential));
}

void CredentialSet::remove(ScramMechanism mechanism) {
    std::erase_if(scram, [mechanism](const ScramCredential& each) { return each.mechanism == mechanism; });
}

std::optional<CredentialSet> read_credentials(ByteView stored) {
    if (stored.empty()) return CredentialSet();
    if (stored[0] == set_form) return read_set(Reader(stored.subspan(1)));
    if (!is_password(stored)) return std::nullopt;
    CredentialSet set{.password = to_bytes(stored), .scram = {}};
    derive_scram(stored, set);
    return set;
}

Bytes write_credentials(const CredentialSet& set) {
    if (set.password.empty() && set.scram.empty()) return {};
    Bytes stored{set_form};
    Writer out(stored);
    if (!set.password.empty()) write_entry(out, password_kind, set.password);
    for (const ScramCredential& each : set.scram)
        write_entry(out, static_cast<std::uint8_t>(each.mechanism), scram_body(each));
    return stored;
}

std::optional<Pbkdf2Hash> read_pbkdf2(ByteView password) {
    if (password.size() != pbkdf2_size) return std::nullopt;
    const PasswordForm form = form_of(password);
    if (form != PasswordForm::salted_password && form != PasswordForm::stored_key) return std::nullopt;
    Reader in(password.subspan(1));
    const Pbkdf2Hash out{.iterations = in.u32(), .salt = in.take(password_salt_size), .hash = in.rest()};
    if (out.iterations == 0 || out.iterations > iterations_max) return std::nullopt;
    return out;
}

}  // namespace fantail::server

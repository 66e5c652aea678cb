// SPDX-License-Identifier: Apache-2.0
//! Password hashing by OpenSSL.
#include "server/auth/password.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "protocols/http/http_request.hpp"
#include "server/auth/credential_set.hpp"
#include "sys/random.hpp"

namespace fantail::server {

namespace {

using sasl::ScramCredential;
using sasl::ScramMechanism;

/// RabbitMQ's hashes, kept as they are: one round of a digest over salt and password.
struct ForeignForm {
    PasswordForm form;
    std::string_view algorithm;
    const EVP_MD* (*digest)();
    std::size_t digest_size;
};
constexpr std::size_t foreign_salt_size = 4;
constexpr ForeignForm foreign_forms[] = {
    {PasswordForm::rabbit_sha256, "rabbit_password_hashing_sha256", EVP_sha256, 32},
    {PasswordForm::rabbit_sha512, "rabbit_password_hashing_sha512", EVP_sha512, 64},
};
/// A bare hash of form 1, and all newer forms.
constexpr std::string_view pbkdf2_algorithm = "fantail_pbkdf2_sha256";
constexpr std::string_view credentials_algorithm = "fantail_credentials";

bool has_form(ByteView hash, PasswordForm form) { return hash[0] == static_cast<std::uint8_t>(form); }

bool verify_foreign(const ForeignForm& form, ByteView hash, std::string_view password) {
    Bytes salted = to_bytes(hash.subspan(1, foreign_salt_size));
    append(salted, as_bytes(password));
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> made{};
    unsigned size = 0;
    if (EVP_Digest(salted.data(), salted.size(), made.data(), &size, form.digest(), nullptr) != 1) return false;
    return CRYPTO_memcmp(made.data(), hash.data() + 1 + foreign_salt_size, form.digest_size) == 0;
}

bool verify_pbkdf2(ByteView hash, std::string_view password) {
    constexpr ScramMechanism mechanism = ScramMechanism::sha_256;
    const auto kept = read_pbkdf2(hash);
    if (!kept) return false;
    Bytes made = sasl::salt_password(password, {mechanism, kept->iterations, kept->salt});
    if (has_form(hash, PasswordForm::stored_key))
        made = sasl::scram_hash(mechanism, sasl::scram_client_key(mechanism, made));
    return sasl::same_secret(made, kept->hash);
}

ScramCredential new_credential(std::string_view password, ScramMechanism mechanism, std::uint32_t iterations) {
    std::array<std::uint8_t, password_salt_size> salt{};
    sys::random_bytes(salt);
    const Bytes salted = sasl::salt_password(password, {mechanism, iterations, salt});
    return sasl::scram_credential({mechanism, iterations, salt, salted});
}

/// The password's own hash: form 4.
Bytes password_of(const ScramCredential& credential) {
    Bytes hash{static_cast<std::uint8_t>(PasswordForm::stored_key)};
    Writer out(hash);
    out.u32(credential.iterations);
    out.raw(credential.salt);
    out.raw(credential.stored_key);
    return hash;
}

/// A digest of hash and password under a key that only this process knows.
std::uint64_t login_digest(ByteView hash, std::string_view password) {
    static const std::array<std::uint8_t, 32> key = [] {
        std::array<std::uint8_t, 32> k{};
        sys::random_bytes(k);
        return k;
    }();
    Bytes text;
    Writer out(text);
    out.u64(hash.size());
    out.raw(hash);
    out.raw(password);
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), key.size(), text.data(), text.size(), digest.data(), &size);
    return load_be<std::uint64_t>(digest.data());
}

}  // namespace

std::uint32_t scram_iterations(ScramMechanism mechanism, std::uint32_t iterations) {
    if (mechanism == ScramMechanism::sha_256) return iterations;
    return std::max(iterations / 2, sasl::scram_iterations_min);
}

Bytes hash_password(std::string_view password, std::uint32_t iterations) {
    const ScramCredential first = new_credential(password, ScramMechanism::sha_256, iterations);
    Bytes hash = password_of(first);
    if (iterations < sasl::scram_iterations_min) return hash;
    constexpr ScramMechanism other = ScramMechanism::sha_512;
    return write_credentials({.password = std::move(hash),
                              .scram = {first, new_credential(password, other, scram_iterations(other, iterations))}});
}

bool verify_password(ByteView hash, std::string_view password) {
    if (password.empty()) return false;
    const auto set = read_credentials(hash);
    if (!set || set->password.empty()) return false;
    for (const ForeignForm& form : foreign_forms)
        if (has_form(set->password, form.form)) return verify_foreign(form, set->password, password);
    return verify_pbkdf2(set->password, password);
}

PasswordHashText password_hash_text(ByteView hash) {
    if (hash.empty()) return {"", std::string(pbkdf2_algorithm)};
    for (const ForeignForm& form : foreign_forms)
        if (has_form(hash, form.form))
            return {http::encode_base64(as_text(hash.subspan(1))), std::string(form.algorithm)};
    const bool old = has_form(hash, PasswordForm::salted_password);
    return {http::encode_base64(as_text(hash)), std::string(old ? pbkdf2_algorithm : credentials_algorithm)};
}

Result<Bytes> read_password_hash(std::string_view text, std::string_view algorithm) {
    if (text.empty()) return Bytes();
    const auto decoded = http::decode_base64(text);
    if (!decoded) return fail(ErrorCode::malformed, "'password_hash' is no base64");
    const auto wrong = [] { return fail(ErrorCode::malformed, "'password_hash' is not of that algorithm's form"); };
    if (algorithm == pbkdf2_algorithm || algorithm == credentials_algorithm) {
        Bytes hash = to_bytes(as_bytes(*decoded));
        if (hash.empty() || !read_credentials(hash) || password_hash_text(hash).algorithm != algorithm) return wrong();
        return hash;
    }
    for (const ForeignForm& form : foreign_forms) {
        // RabbitMQ's own default goes without a name.
        if (form.algorithm != (algorithm.empty() ? foreign_forms[0].algorithm : algorithm)) continue;
        if (decoded->size() != foreign_salt_size + form.digest_size) return wrong();
        Bytes hash{static_cast<std::uint8_t>(form.form)};
        append(hash, as_bytes(*decoded));
        return hash;
    }
    return fail(ErrorCode::unsupported,
                "'hashing_algorithm' must be fantail_credentials, fantail_pbkdf2_sha256, "
                "rabbit_password_hashing_sha256 or rabbit_password_hashing_sha512");
}

runtime::LoginCheck Authenticator::check(const broker::UserDefinition* user, std::string_view password,
                                         const protocols::PeerInfo& peer) {
    if (user == nullptr || user->password_hash.empty() || password.empty()) return false;
    if (guest_loopback_only_ && user->name == "guest" && !peer.loopback) return false;
    const std::uint64_t login = login_digest(user->password_hash, password);
    if (remembers(login)) return true;
    return [this, login, hash = user->password_hash, password = std::string(password)] {
        // Another connection of the same client may have been first.
        if (remembers(login)) return true;
        if (!verify_password(hash, password)) return false;
        remember(login);
        return true;
    };
}

bool Authenticator::remembers(std::uint64_t login) {
    const std::scoped_lock lock(mutex_);
    return remembered_.contains(login);
}

void Authenticator::remember(std::uint64_t login) {
    const std::scoped_lock lock(mutex_);
    if (remembered_.size() >= remembered_max) remembered_.clear();
    remembered_.insert(login);
}

}  // namespace fantail::server

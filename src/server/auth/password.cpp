// SPDX-License-Identifier: Apache-2.0
//! Password hashing by OpenSSL.
#include "server/auth/password.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "protocols/http/http_request.hpp"
#include "sys/random.hpp"

namespace fantail::server {

namespace {

constexpr std::uint8_t hash_version = 1;
constexpr std::uint32_t iterations_max = 10'000'000;
constexpr std::size_t salt_size = 16;
constexpr std::size_t digest_size = 32;
constexpr std::size_t hash_size = 1 + 4 + salt_size + digest_size;

bool derive(std::string_view password, ByteView salt, std::uint32_t iterations, MutableBytes out) {
    return PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(),
                             static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                             static_cast<int>(out.size()), out.data()) == 1;
}

/// RabbitMQ's hashes, kept as they are: one round of a digest over salt and password.
struct ForeignForm {
    std::uint8_t version;
    std::string_view algorithm;
    const EVP_MD* (*digest)();
    std::size_t digest_size;
};
constexpr std::size_t foreign_salt_size = 4;
constexpr ForeignForm foreign_forms[] = {
    {2, "rabbit_password_hashing_sha256", EVP_sha256, 32},
    {3, "rabbit_password_hashing_sha512", EVP_sha512, 64},
};
constexpr std::string_view own_algorithm = "fantail_pbkdf2_sha256";

bool verify_foreign(const ForeignForm& form, ByteView hash, std::string_view password) {
    if (hash.size() != 1 + foreign_salt_size + form.digest_size) return false;
    Bytes salted = to_bytes(hash.subspan(1, foreign_salt_size));
    append(salted, as_bytes(password));
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> made{};
    unsigned size = 0;
    if (EVP_Digest(salted.data(), salted.size(), made.data(), &size, form.digest(), nullptr) != 1) return false;
    return CRYPTO_memcmp(made.data(), hash.data() + 1 + foreign_salt_size, form.digest_size) == 0;
}

/// A digest of hash and password under a key that only this process knows.
std::uint64_t login_digest(ByteView hash, std::string_view password) {
    static const std::array<std::uint8_t, 32> key = [] {
        std::array<std::uint8_t, 32> k{};
        sys::random_bytes(k);
        return k;
    }();
    Bytes text = to_bytes(hash);
    append(text, as_bytes(password));
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), key.size(), text.data(), text.size(), digest.data(), &size);
    return load_be<std::uint64_t>(digest.data());
}

}  // namespace

Bytes hash_password(std::string_view password, std::uint32_t iterations) {
    Bytes hash(hash_size);
    hash[0] = hash_version;
    store_be(&hash[1], iterations);
    const MutableBytes salt = MutableBytes(hash).subspan(5, salt_size);
    sys::random_bytes(salt);
    FANTAIL_ASSERT(derive(password, salt, iterations, MutableBytes(hash).subspan(5 + salt_size)));
    return hash;
}

bool verify_password(ByteView hash, std::string_view password) {
    if (hash.empty() || password.empty()) return false;
    for (const ForeignForm& form : foreign_forms)
        if (hash[0] == form.version) return verify_foreign(form, hash, password);
    if (hash.size() != hash_size || hash[0] != hash_version) return false;
    const auto iterations = load_be<std::uint32_t>(&hash[1]);
    if (iterations == 0 || iterations > iterations_max) return false;
    std::array<std::uint8_t, digest_size> made{};
    if (!derive(password, hash.subspan(5, salt_size), iterations, made)) return false;
    return CRYPTO_memcmp(made.data(), hash.data() + 5 + salt_size, digest_size) == 0;
}

PasswordHashText password_hash_text(ByteView hash) {
    if (hash.empty()) return {"", std::string(own_algorithm)};
    for (const ForeignForm& form : foreign_forms)
        if (hash[0] == form.version)
            return {http::encode_base64(as_text(hash.subspan(1))), std::string(form.algorithm)};
    return {http::encode_base64(as_text(hash)), std::string(own_algorithm)};
}

Result<Bytes> read_password_hash(std::string_view text, std::string_view algorithm) {
    if (text.empty()) return Bytes();
    const auto decoded = http::decode_base64(text);
    if (!decoded) return fail(ErrorCode::malformed, "'password_hash' is no base64");
    const auto wrong_size = [] { return fail(ErrorCode::malformed, "'password_hash' has the wrong size"); };
    if (algorithm == own_algorithm) {
        if (decoded->size() != hash_size || static_cast<std::uint8_t>((*decoded)[0]) != hash_version)
            return wrong_size();
        return to_bytes(as_bytes(*decoded));
    }
    for (const ForeignForm& form : foreign_forms) {
        // RabbitMQ's own default goes without a name.
        if (form.algorithm != (algorithm.empty() ? foreign_forms[0].algorithm : algorithm)) continue;
        if (decoded->size() != foreign_salt_size + form.digest_size) return wrong_size();
        Bytes hash{form.version};
        append(hash, as_bytes(*decoded));
        return hash;
    }
    return fail(ErrorCode::unsupported,
                "'hashing_algorithm' must be fantail_pbkdf2_sha256, "
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

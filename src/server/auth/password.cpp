// SPDX-License-Identifier: Apache-2.0
//! Password hashing by OpenSSL.
#include "server/auth/password.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

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
    if (hash.size() != hash_size || hash[0] != hash_version) return false;
    const auto iterations = load_be<std::uint32_t>(&hash[1]);
    if (iterations == 0 || iterations > iterations_max) return false;
    std::array<std::uint8_t, digest_size> made{};
    if (!derive(password, hash.subspan(5, salt_size), iterations, made)) return false;
    return CRYPTO_memcmp(made.data(), hash.data() + 5 + salt_size, digest_size) == 0;
}

runtime::LoginCheck Authenticator::check(const broker::UserDefinition* user, std::string_view password,
                                         const protocols::PeerInfo& peer) {
    if (user == nullptr || user->password_hash.empty()) return false;
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

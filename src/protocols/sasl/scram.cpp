// SPDX-License-Identifier: Apache-2.0
//! SCRAM's functions by OpenSSL.
#include "protocols/sasl/scram.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace fantail::sasl {

namespace {

const EVP_MD* digest_of(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha_512 ? EVP_sha512() : EVP_sha256();
}

}  // namespace

std::string_view name_of(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha_512 ? "SCRAM-SHA-512" : "SCRAM-SHA-256";
}

std::optional<ScramMechanism> scram_mechanism(std::string_view name) {
    for (const ScramMechanism each : scram_mechanisms)
        if (name == name_of(each)) return each;
    return std::nullopt;
}

std::size_t digest_size(ScramMechanism mechanism) { return mechanism == ScramMechanism::sha_512 ? 64 : 32; }

ScramCredential scram_credential(const SaltedPassword& password) {
    const Bytes client_key = scram_client_key(password.mechanism, password.bytes);
    return {.mechanism = password.mechanism,
            .iterations = password.iterations,
            .salt = to_bytes(password.salt),
            .stored_key = scram_hash(password.mechanism, client_key),
            .server_key = scram_hmac(password.mechanism, password.bytes, "Server Key")};
}

Bytes salt_password(std::string_view password, const Salting& salting) {
    Bytes out(digest_size(salting.mechanism));
    const int made = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salting.salt.data(),
                                       static_cast<int>(salting.salt.size()), static_cast<int>(salting.iterations),
                                       digest_of(salting.mechanism), static_cast<int>(out.size()), out.data());
    FANTAIL_ASSERT(made == 1);
    return out;
}

Bytes scram_hash(ScramMechanism mechanism, ByteView text) {
    Bytes out(digest_size(mechanism));
    const int made = EVP_Digest(text.data(), text.size(), out.data(), nullptr, digest_of(mechanism), nullptr);
    FANTAIL_ASSERT(made == 1);
    return out;
}

Bytes scram_hmac(ScramMechanism mechanism, ByteView key, std::string_view text) {
    Bytes out(digest_size(mechanism));
    unsigned size = 0;
    const auto* made = HMAC(digest_of(mechanism), key.data(), static_cast<int>(key.size()), as_bytes(text).data(),
                            text.size(), out.data(), &size);
    FANTAIL_ASSERT(made != nullptr && size == out.size());
    return out;
}

Bytes scram_client_key(ScramMechanism mechanism, ByteView salted_password) {
    return scram_hmac(mechanism, salted_password, "Client Key");
}

bool same_secret(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace fantail::sasl

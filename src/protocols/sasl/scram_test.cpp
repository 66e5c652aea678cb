// SPDX-License-Identifier: Apache-2.0
//! Names of mechanisms, and credentials made of passwords.
#include "protocols/sasl/scram.hpp"

#include <gtest/gtest.h>

#include "protocols/http/http_request.hpp"

namespace fantail::sasl {
namespace {

std::string base64(ByteView bytes) { return http::encode_base64(as_text(bytes)); }

TEST(Scram, MechanismsAreFoundByTheirNames) {
    for (const ScramMechanism each : scram_mechanisms) EXPECT_EQ(scram_mechanism(name_of(each)), each);
    for (const char* name : {"", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "scram-sha-256"})
        EXPECT_EQ(scram_mechanism(name), std::nullopt) << name;
}

TEST(Scram, CredentialsAreMadeOfSaltedPasswords_Rfc5802_3) {
    const std::string salt = http::decode_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value();
    const Bytes salted = salt_password("pencil", {ScramMechanism::sha_256, 4096, as_bytes(salt)});
    const ScramCredential credential = scram_credential({ScramMechanism::sha_256, 4096, as_bytes(salt), salted});
    EXPECT_EQ(base64(credential.stored_key), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
    EXPECT_EQ(base64(credential.server_key), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    EXPECT_EQ(scram_hash(ScramMechanism::sha_256, scram_client_key(ScramMechanism::sha_256, salted)),
              credential.stored_key);
}

TEST(Scram, KeysAreAsLongAsTheHash) {
    for (const ScramMechanism each : scram_mechanisms) {
        const Bytes salted = salt_password("pencil", {each, 1, as_bytes("salt")});
        const ScramCredential credential = scram_credential({each, 1, as_bytes("salt"), salted});
        EXPECT_EQ(salted.size(), digest_size(each));
        EXPECT_EQ(credential.stored_key.size(), digest_size(each));
        EXPECT_EQ(credential.server_key.size(), digest_size(each));
    }
}

TEST(Scram, SecretsOfAnotherSizeOrByteAreNotTheSame) {
    EXPECT_TRUE(same_secret(as_bytes("abc"), as_bytes("abc")));
    EXPECT_FALSE(same_secret(as_bytes("abc"), as_bytes("abd")));
    EXPECT_FALSE(same_secret(as_bytes("abc"), as_bytes("abcd")));
}

}  // namespace
}  // namespace fantail::sasl

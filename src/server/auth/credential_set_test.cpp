// SPDX-License-Identifier: Apache-2.0
//! Stored credentials: what is written is read, what was written before too, and nothing else.
#include "server/auth/credential_set.hpp"

#include <gtest/gtest.h>

namespace fantail::server {
namespace {

using sasl::ScramCredential;
using sasl::ScramMechanism;

ScramCredential credential(ScramMechanism mechanism, std::uint32_t iterations = 4096) {
    return {.mechanism = mechanism,
            .iterations = iterations,
            .salt = Bytes(20, 1),
            .stored_key = Bytes(sasl::digest_size(mechanism), 2),
            .server_key = Bytes(sasl::digest_size(mechanism), 3)};
}

/// A password hash of a form, with a body of ones behind the iterations.
Bytes password(PasswordForm form, std::uint32_t iterations = 20'000) {
    Bytes hash{static_cast<std::uint8_t>(form)};
    Writer out(hash);
    out.u32(iterations);
    const std::size_t body = form == PasswordForm::rabbit_sha256 ? 32 : form == PasswordForm::rabbit_sha512 ? 64 : 48;
    out.raw(Bytes(body, 1));
    return hash;
}

CredentialSet full_set() {
    return {.password = password(PasswordForm::stored_key),
            .scram = {credential(ScramMechanism::sha_256), credential(ScramMechanism::sha_512, 8192)}};
}

TEST(CredentialSet, IsReadAsItWasWritten) {
    const CredentialSet set = full_set();
    const auto read = read_credentials(write_credentials(set));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->password, set.password);
    EXPECT_EQ(read->scram, set.scram);
}

TEST(CredentialSet, AnEmptyOneIsNothing) {
    EXPECT_TRUE(write_credentials({}).empty());
    const auto read = read_credentials({});
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->password.empty() && read->scram.empty());
}

TEST(CredentialSet, KeepsOneCredentialAMechanismInTheirOrder) {
    CredentialSet set;
    set.put(credential(ScramMechanism::sha_512));
    set.put(credential(ScramMechanism::sha_256));
    set.put(credential(ScramMechanism::sha_512, 5000));
    ASSERT_EQ(set.scram.size(), 2u);
    EXPECT_EQ(set.scram[0].mechanism, ScramMechanism::sha_256);
    EXPECT_EQ(set.find(ScramMechanism::sha_512)->iterations, 5000u);
    set.remove(ScramMechanism::sha_256);
    EXPECT_EQ(set.find(ScramMechanism::sha_256), nullptr);
    EXPECT_NE(set.find(ScramMechanism::sha_512), nullptr);
}

TEST(CredentialSet, EveryFormOfAPasswordIsReadAlone) {
    for (const PasswordForm form : {PasswordForm::salted_password, PasswordForm::rabbit_sha256,
                                    PasswordForm::rabbit_sha512, PasswordForm::stored_key}) {
        const Bytes hash = password(form);
        const auto read = read_credentials(hash);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->password, hash);
        EXPECT_EQ(read_credentials(write_credentials(*read))->password, hash);
    }
}

TEST(CredentialSet, AHashOfTheFirstFormIsASaltedPasswordOfScramSha256) {
    const auto read = read_credentials(password(PasswordForm::salted_password));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->scram.size(), 1u);
    const Bytes ones(32, 1);
    EXPECT_EQ(read->scram[0], sasl::scram_credential(
                                  {ScramMechanism::sha_256, 20'000, ByteView(ones).first(password_salt_size), ones}));
    for (const PasswordForm form : {PasswordForm::rabbit_sha256, PasswordForm::rabbit_sha512, PasswordForm::stored_key})
        EXPECT_TRUE(read_credentials(password(form))->scram.empty());
}

TEST(CredentialSet, OfFewerRoundsThanClientsTakeNoneFollows) {
    EXPECT_TRUE(read_credentials(password(PasswordForm::salted_password, 4095))->scram.empty());
    EXPECT_FALSE(read_credentials(password(PasswordForm::salted_password, 4096))->scram.empty());
}

TEST(CredentialSet, WhatWasTakenFromTheFirstFormDoesNotComeBack) {
    auto set = read_credentials(password(PasswordForm::salted_password));
    ASSERT_TRUE(set);
    set->remove(ScramMechanism::sha_256);
    const auto read = read_credentials(write_credentials(*set));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->password, password(PasswordForm::salted_password));
    EXPECT_TRUE(read->scram.empty());
}

TEST(CredentialSet, WhatEndsEarlyOrLateIsRefused) {
    const Bytes whole = write_credentials(full_set());
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const auto read = read_credentials(ByteView(whole).first(size));
        const std::size_t read_size = read ? write_credentials(*read).size() : size;
        EXPECT_EQ(read_size, size == 1 ? 0 : size) << "a set may end behind an entry";
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(read_credentials(longer));
    for (const PasswordForm form : {PasswordForm::salted_password, PasswordForm::rabbit_sha256,
                                    PasswordForm::rabbit_sha512, PasswordForm::stored_key}) {
        Bytes hash = password(form);
        hash.push_back(0);
        EXPECT_FALSE(read_credentials(hash));
        EXPECT_FALSE(read_credentials(ByteView(hash).first(hash.size() - 2)));
    }
}

/// A set of one entry.
Bytes stored(std::uint8_t kind, ByteView body) {
    Bytes out{5, kind};
    Writer(out).u16(static_cast<std::uint16_t>(body.size()));
    append(out, body);
    return out;
}

TEST(CredentialSet, UnknownFormsKindsAndBodiesAreRefused) {
    for (const std::uint8_t form : std::initializer_list<std::uint8_t>{0, 6, 255})
        EXPECT_FALSE(read_credentials(Bytes{form}));
    EXPECT_TRUE(read_credentials(stored(0, password(PasswordForm::rabbit_sha256))));
    EXPECT_FALSE(read_credentials(stored(0, {}))) << "no password";
    EXPECT_FALSE(read_credentials(stored(0, stored(0, password(PasswordForm::rabbit_sha256))))) << "a set in a set";
    EXPECT_FALSE(read_credentials(stored(3, Bytes(101, 1)))) << "an unknown kind";
    Bytes body(4 + 1 + 0 + 64, 1);
    body[4] = 0;
    EXPECT_FALSE(read_credentials(stored(1, body))) << "without salt";
    EXPECT_FALSE(read_credentials(stored(1, Bytes(4 + 1 + 1 + 63, 1)))) << "a short key";
    EXPECT_TRUE(read_credentials(stored(1, Bytes(4 + 1 + 1 + 64, 1))));
    body = Bytes(4 + 1 + 1 + 64, 1);
    store_be<std::uint32_t>(body.data(), 0);
    EXPECT_FALSE(read_credentials(stored(1, body))) << "without rounds";
}

TEST(CredentialSet, EntriesThatRepeatOrAreOutOfOrderAreRefused) {
    const Bytes entry(4 + 1 + 1 + 64, 1);
    Bytes twice = stored(1, entry);
    append(twice, ByteView(stored(1, entry)).subspan(1));
    EXPECT_FALSE(read_credentials(twice));
    Bytes reversed = stored(1, entry);
    append(reversed, ByteView(stored(0, password(PasswordForm::stored_key))).subspan(1));
    EXPECT_FALSE(read_credentials(reversed));
}

TEST(CredentialSet, AbsurdRoundsAreRefused) {
    EXPECT_FALSE(read_credentials(password(PasswordForm::stored_key, 0)));
    EXPECT_TRUE(read_credentials(password(PasswordForm::stored_key, 10'000'000)));
    EXPECT_FALSE(read_credentials(password(PasswordForm::stored_key, 10'000'001)));
}

}  // namespace
}  // namespace fantail::server

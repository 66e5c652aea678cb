// SPDX-License-Identifier: Apache-2.0
//! Hashes, and who may log in from where.
#include "server/auth/password.hpp"

#include <gtest/gtest.h>

namespace fantail::server {
namespace {

broker::UserDefinition user_of(const std::string& name, Bytes hash) {
    broker::UserDefinition user;
    user.name = name;
    user.password_hash = std::move(hash);
    return user;
}

const protocols::PeerInfo here{.address = "127.0.0.1:1", .local_address = "127.0.0.1:2", .loopback = true};
const protocols::PeerInfo elsewhere{.address = "192.0.2.1:1", .local_address = "192.0.2.2:2"};

TEST(Password, VerifiesWhatWasHashedAndNothingElse) {
    const Bytes hash = hash_password("correct horse");
    EXPECT_TRUE(verify_password(hash, "correct horse"));
    EXPECT_FALSE(verify_password(hash, "correct horsf"));
    EXPECT_FALSE(verify_password(hash, ""));
}

TEST(Password, TheSamePasswordHashesDifferentlyEachTime) { EXPECT_NE(hash_password("x", 10), hash_password("x", 10)); }

TEST(Password, HashesOfAnotherFormAreRefused) {
    Bytes hash = hash_password("x", 10);
    EXPECT_FALSE(verify_password({}, ""));
    EXPECT_FALSE(verify_password(ByteView(hash).first(hash.size() - 1), "x"));
    Bytes longer = hash;
    longer.push_back(0);
    EXPECT_FALSE(verify_password(longer, "x"));
    hash[0] = 2;
    EXPECT_FALSE(verify_password(hash, "x"));
}

TEST(Password, AbsurdIterationCountsAreRefusedInsteadOfComputed) {
    Bytes hash = hash_password("x", 10);
    store_be<std::uint32_t>(&hash[1], 0xFFFF'FFFF);
    EXPECT_FALSE(verify_password(hash, "x"));
    store_be<std::uint32_t>(&hash[1], 0);
    EXPECT_FALSE(verify_password(hash, "x"));
}

TEST(Authenticator, LetsInWhoKnowsThePassword) {
    Authenticator authenticator(true);
    const auto alice = user_of("alice", hash_password("secret", 10));
    EXPECT_TRUE(authenticator.check(&alice, "secret", elsewhere));
    EXPECT_TRUE(authenticator.check(&alice, "secret", elsewhere)) << "from memory";
    EXPECT_FALSE(authenticator.check(&alice, "Secret", elsewhere));
    EXPECT_FALSE(authenticator.check(nullptr, "secret", elsewhere));
}

TEST(Authenticator, ForgetsAnOldPasswordWhenItWasChanged) {
    Authenticator authenticator(true);
    auto alice = user_of("alice", hash_password("old", 10));
    EXPECT_TRUE(authenticator.check(&alice, "old", here));
    alice.password_hash = hash_password("new", 10);
    EXPECT_FALSE(authenticator.check(&alice, "old", here));
    EXPECT_TRUE(authenticator.check(&alice, "new", here));
}

TEST(Authenticator, AUserWithoutPasswordCannotLogInByOne) {
    Authenticator authenticator(true);
    const auto user = user_of("certificate-only", {});
    EXPECT_FALSE(authenticator.check(&user, "", here));
}

TEST(Authenticator, GuestComesFromThisMachineOnlyUnlessAllowed) {
    const auto guest = user_of("guest", hash_password("guest", known_password_iterations));
    Authenticator strict(true);
    EXPECT_TRUE(strict.check(&guest, "guest", here));
    EXPECT_FALSE(strict.check(&guest, "guest", elsewhere));
    Authenticator open(false);
    EXPECT_TRUE(open.check(&guest, "guest", elsewhere));
}

}  // namespace
}  // namespace fantail::server

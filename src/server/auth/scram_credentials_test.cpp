// SPDX-License-Identifier: Apache-2.0
//! What a client must prove, and what those are shown who cannot prove anything.
#include "server/auth/scram_credentials.hpp"

#include <gmock/gmock.h>

#include "protocols/sasl/scram_client.hpp"
#include "protocols/sasl/scram_server.hpp"
#include "server/auth/password.hpp"

namespace fantail::server {
namespace {

using sasl::ScramClient;
using sasl::ScramMechanism;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr ScramMechanism sha_256 = ScramMechanism::sha_256;
constexpr ScramMechanism sha_512 = ScramMechanism::sha_512;
const protocols::PeerInfo here{.address = "127.0.0.1:1", .local_address = "127.0.0.1:2", .loopback = true};
const protocols::PeerInfo elsewhere{.address = "192.0.2.1:1", .local_address = "192.0.2.2:2"};

broker::UserDefinition user_of(const std::string& name, Bytes hash) {
    broker::UserDefinition user;
    user.name = name;
    user.password_hash = std::move(hash);
    return user;
}

sasl::ScramCredential made_of(std::string_view password, ScramMechanism mechanism, std::uint32_t iterations = 4096) {
    const Bytes salted = sasl::salt_password(password, {mechanism, iterations, as_bytes("salt")});
    return sasl::scram_credential({mechanism, iterations, as_bytes("salt"), salted});
}

class Scram : public testing::Test {
protected:
    /// Whether the whole exchange lets him in.
    bool logs_in(const broker::UserDefinition& user, const std::string& password, ScramMechanism mechanism,
                 const protocols::PeerInfo& peer = elsewhere) {
        ScramClient client{.mechanism = mechanism, .name = user.name, .password = password};
        sasl::ScramServer server(mechanism);
        EXPECT_TRUE(server.begin(client.first()));
        const auto credential = credentials_.find({&user, server.user(), mechanism}, peer);
        return server.finish(client.final(server.challenge(credential, "nonce"))).has_value();
    }

    ScramCredentials credentials_{true, [](CoreId) { return std::vector<const broker::UserDefinition*>(); }};
};

TEST_F(Scram, APasswordLogsInByBothMechanisms) {
    const auto alice = user_of("alice", hash_password("secret"));
    for (const ScramMechanism mechanism : sasl::scram_mechanisms) {
        EXPECT_TRUE(logs_in(alice, "secret", mechanism));
        EXPECT_FALSE(logs_in(alice, "wrong", mechanism));
    }
    EXPECT_THAT(credentials_.list(alice.password_hash),
                ElementsAre(sasl::ScramFigures{sha_256, 20'000}, sasl::ScramFigures{sha_512, 10'000}));
}

TEST_F(Scram, WhatWasPutLogsInAndNoLongerWhenItIsTaken) {
    auto alice = user_of("alice", hash_password("secret", 10));
    alice.password_hash = credentials_.with(alice.password_hash, made_of("other", sha_512));
    EXPECT_TRUE(logs_in(alice, "other", sha_512));
    EXPECT_FALSE(logs_in(alice, "other", sha_256));
    EXPECT_TRUE(verify_password(alice.password_hash, "secret")) << "the password stays as it was";
    EXPECT_FALSE(verify_password(alice.password_hash, "other"));
    alice.password_hash = credentials_.with(alice.password_hash, made_of("third", sha_512, 8192));
    EXPECT_TRUE(logs_in(alice, "third", sha_512));
    EXPECT_THAT(credentials_.list(alice.password_hash), ElementsAre(sasl::ScramFigures{sha_512, 8192}));
    alice.password_hash = credentials_.without(alice.password_hash, sha_512);
    EXPECT_FALSE(logs_in(alice, "third", sha_512));
    EXPECT_TRUE(verify_password(alice.password_hash, "secret"));
}

TEST_F(Scram, TheLastCredentialLeavesNothing) {
    const Bytes hash = credentials_.with({}, made_of("x", sha_256));
    EXPECT_TRUE(credentials_.without(hash, sha_256).empty());
    EXPECT_TRUE(credentials_.without({}, sha_256).empty());
}

TEST_F(Scram, WithoutACredentialNobodyGetsIn) {
    for (const Bytes& hash : {Bytes(), Bytes{9, 9}, hash_password("", 10)}) {
        const auto user = user_of("u", hash);
        EXPECT_THAT(credentials_.list(hash), IsEmpty());
        for (const char* password : {"", "x"}) EXPECT_FALSE(logs_in(user, password, sha_256));
    }
}

TEST_F(Scram, AnUnknownUserIsShownTheSameEachTimeAndWhatAKnownOneIsShown) {
    const auto alice = user_of("alice", hash_password("secret"));
    for (const ScramMechanism mechanism : sasl::scram_mechanisms) {
        const auto known = credentials_.find({&alice, "alice", mechanism}, elsewhere);
        const auto unknown = credentials_.find({nullptr, "bob", mechanism}, elsewhere);
        EXPECT_EQ(unknown, credentials_.find({nullptr, "bob", mechanism}, elsewhere));
        EXPECT_EQ(unknown.iterations, known.iterations);
        EXPECT_EQ(unknown.salt.size(), known.salt.size());
        EXPECT_EQ(unknown.stored_key.size(), known.stored_key.size());
        EXPECT_NE(unknown.salt, credentials_.find({nullptr, "carol", mechanism}, elsewhere).salt);
        const ScramCredentials other(true, {});
        EXPECT_NE(unknown.salt, other.find({nullptr, "bob", mechanism}, elsewhere).salt) << "a secret of its own";
    }
}

TEST_F(Scram, TheGuestComesFromThisMachineOnly) {
    const auto guest = user_of("guest", hash_password("secret"));
    EXPECT_TRUE(logs_in(guest, "secret", sha_256, here));
    EXPECT_FALSE(logs_in(guest, "secret", sha_256, elsewhere));
    const ScramCredentials open(false, {});
    EXPECT_NE(open.find({&guest, "guest", sha_256}, elsewhere).salt,
              credentials_.find({&guest, "guest", sha_256}, elsewhere).salt);
}

TEST_F(Scram, ListsAllUsers) {
    const auto alice = user_of("alice", {}), bob = user_of("bob", {});
    const ScramCredentials some(true, [&](CoreId) { return std::vector{&alice, &bob}; });
    EXPECT_THAT(some.users(CoreId(0)), ElementsAre("alice", "bob"));
}

}  // namespace
}  // namespace fantail::server

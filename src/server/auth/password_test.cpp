// SPDX-License-Identifier: Apache-2.0
//! Hashes, and who may log in from where.
#include "server/auth/password.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "server/auth/credential_set.hpp"

namespace fantail::server {
namespace {

using sasl::scram_iterations_min;

broker::UserDefinition user_of(const std::string& name, Bytes hash) {
    broker::UserDefinition user;
    user.name = name;
    user.password_hash = std::move(hash);
    return user;
}

const protocols::PeerInfo here{.address = "127.0.0.1:1", .local_address = "127.0.0.1:2", .loopback = true};
const protocols::PeerInfo elsewhere{.address = "192.0.2.1:1", .local_address = "192.0.2.2:2"};

/// Calculates what is left to be calculated.
bool settle(Authenticator& authenticator, const broker::UserDefinition* user, std::string_view password,
            const protocols::PeerInfo& peer) {
    auto check = authenticator.check(user, password, peer);
    if (const bool* known = std::get_if<bool>(&check)) return *known;
    return std::get<std::move_only_function<bool()>>(check)();
}

/// As passwords were kept before: what PBKDF2 gave, under form 1.
Bytes old_hash(std::string_view password, std::uint32_t iterations) {
    Bytes hash{1};
    Writer out(hash);
    out.u32(iterations);
    const Bytes salt(password_salt_size, 7);
    out.raw(salt);
    out.raw(sasl::salt_password(password, {sasl::ScramMechanism::sha_256, iterations, salt}));
    return hash;
}

TEST(Password, VerifiesWhatWasHashedAndNothingElse) {
    const Bytes hash = hash_password("correct horse");
    EXPECT_TRUE(verify_password(hash, "correct horse"));
    EXPECT_FALSE(verify_password(hash, "correct horsf"));
    EXPECT_FALSE(verify_password(hash, ""));
}

TEST(Password, TheSamePasswordHashesDifferentlyEachTime) { EXPECT_NE(hash_password("x", 10), hash_password("x", 10)); }

TEST(Password, AnEmptyPasswordNeverLogsIn) {
    EXPECT_FALSE(verify_password(hash_password(""), ""));
    Authenticator authenticator(false);
    const auto user = user_of("u", hash_password("", 10));
    EXPECT_FALSE(settle(authenticator, &user, "", here));
}

TEST(Password, RabbitmqsHashesAreVerifiedAndWrittenBackAsTheyCame) {
    // Made by RabbitMQ 3.10 for the password "guest", and by hand for SHA-512.
    const std::string sha256 = "6uKG1RR+H8vZnQGL1l0iK7YFLIJoe/WwBuIATcnwu/qqowWO";
    const auto hash = read_password_hash(sha256, "");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(verify_password(*hash, "guest"));
    EXPECT_FALSE(verify_password(*hash, "guesu"));
    EXPECT_EQ(password_hash_text(*hash).text, sha256);
    EXPECT_EQ(password_hash_text(*hash).algorithm, "rabbit_password_hashing_sha256");
    const std::string sha512 =
        "AQIDBANSvkE51MvG7pNDq4NjmP8SFay7rWsolg//30q7jnApCiuE049Jxcha"
        "pptDh7ryvu/VdvUXYHbwdpa9veVAv14=";
    const auto longer = read_password_hash(sha512, "rabbit_password_hashing_sha512");
    ASSERT_TRUE(longer);
    EXPECT_TRUE(verify_password(*longer, "guest"));
}

TEST(Password, OwnHashesSurviveTheirText) {
    const Bytes hash = hash_password("secret", 10);
    const PasswordHashText text = password_hash_text(hash);
    EXPECT_EQ(read_password_hash(text.text, text.algorithm).value(), hash);
}

TEST(Password, HashesOfFormerFormAreVerifiedAndWrittenBackAsTheyCame) {
    const Bytes hash = old_hash("secret", 10);
    EXPECT_TRUE(verify_password(hash, "secret"));
    EXPECT_FALSE(verify_password(hash, "secres"));
    const PasswordHashText text = password_hash_text(hash);
    EXPECT_EQ(text.algorithm, "fantail_pbkdf2_sha256");
    EXPECT_EQ(read_password_hash(text.text, text.algorithm).value(), hash);
    EXPECT_FALSE(read_password_hash(text.text, "fantail_credentials"));
}

TEST(Password, APasswordLogsInByBothScramMechanisms) {
    const Bytes hash = hash_password("secret", 5000);
    EXPECT_TRUE(verify_password(hash, "secret"));
    EXPECT_FALSE(verify_password(hash, "secres"));
    const auto set = read_credentials(hash);
    ASSERT_TRUE(set);
    for (const sasl::ScramMechanism mechanism : sasl::scram_mechanisms) {
        const sasl::ScramCredential* kept = set->find(mechanism);
        ASSERT_NE(kept, nullptr);
        EXPECT_EQ(kept->iterations, mechanism == sasl::ScramMechanism::sha_256 ? 5000u : sasl::scram_iterations_min);
        const Bytes salted = sasl::salt_password("secret", {mechanism, kept->iterations, kept->salt});
        EXPECT_EQ(*kept, sasl::scram_credential({mechanism, kept->iterations, kept->salt, salted}));
    }
    const PasswordHashText text = password_hash_text(hash);
    EXPECT_EQ(text.algorithm, "fantail_credentials");
    EXPECT_EQ(read_password_hash(text.text, text.algorithm).value(), hash);
    EXPECT_FALSE(read_password_hash(text.text, "fantail_pbkdf2_sha256"));
}

TEST(Password, NothingThatIsKeptLogsInByScramAsItIs) {
    const auto set = read_credentials(hash_password("secret", scram_iterations_min));
    ASSERT_TRUE(set);
    const auto hash = read_pbkdf2(set->password);
    ASSERT_TRUE(hash);
    const Bytes salted = sasl::salt_password("secret", {sasl::ScramMechanism::sha_256, hash->iterations, hash->salt});
    EXPECT_NE(to_bytes(hash->hash), salted);
}

TEST(Password, AHashOfFewRoundsHasNoScramCredentials_Rfc7677_4) {
    const auto set = read_credentials(hash_password("guest", known_password_iterations));
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->scram.empty());
    EXPECT_TRUE(verify_password(write_credentials(*set), "guest"));
}

TEST(Password, HashTextsOfAnotherFormAreRefused) {
    EXPECT_FALSE(read_password_hash("????", ""));
    EXPECT_FALSE(read_password_hash("AAAA", ""));
    EXPECT_FALSE(read_password_hash("AAAA", "fantail_pbkdf2_sha256"));
    EXPECT_FALSE(read_password_hash("AAAA", "fantail_credentials"));
    EXPECT_FALSE(read_password_hash("AAAA", "rabbit_password_hashing_md5"));
    EXPECT_TRUE(read_password_hash("", "")->empty());
}

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
    EXPECT_TRUE(settle(authenticator, &alice, "secret", elsewhere));
    EXPECT_TRUE(settle(authenticator, &alice, "secret", elsewhere)) << "from memory";
    EXPECT_FALSE(settle(authenticator, &alice, "Secret", elsewhere));
    EXPECT_FALSE(settle(authenticator, nullptr, "secret", elsewhere));
}

TEST(Authenticator, AnswersAtOnceWhatWasRightBeforeAndCalculatesTheRest) {
    Authenticator authenticator(true);
    const auto alice = user_of("alice", hash_password("secret", 10));
    EXPECT_FALSE(std::holds_alternative<bool>(authenticator.check(&alice, "secret", here)));
    EXPECT_TRUE(settle(authenticator, &alice, "secret", here));
    EXPECT_TRUE(std::holds_alternative<bool>(authenticator.check(&alice, "secret", here)));
    EXPECT_FALSE(std::holds_alternative<bool>(authenticator.check(&alice, "wrong", here)));
}

TEST(Authenticator, OneCalculationServesAllThatWaitForTheSame) {
    Authenticator authenticator(true);
    const auto alice = user_of("alice", hash_password("secret"));
    std::vector<runtime::LoginCheck> crowd;
    for (int i = 0; i < 500; ++i) crowd.push_back(authenticator.check(&alice, "secret", here));
    const auto from = std::chrono::steady_clock::now();
    for (auto& each : crowd) EXPECT_TRUE(std::get<std::move_only_function<bool()>>(each)());
    EXPECT_LT(std::chrono::steady_clock::now() - from, std::chrono::seconds(3)) << "500 hashes take about 10 s";
}

TEST(Authenticator, ForgetsAnOldPasswordWhenItWasChanged) {
    Authenticator authenticator(true);
    auto alice = user_of("alice", hash_password("old", 10));
    EXPECT_TRUE(settle(authenticator, &alice, "old", here));
    alice.password_hash = hash_password("new", 10);
    EXPECT_FALSE(settle(authenticator, &alice, "old", here));
    EXPECT_TRUE(settle(authenticator, &alice, "new", here));
}

TEST(Authenticator, AUserWithoutPasswordCannotLogInByOne) {
    Authenticator authenticator(true);
    const auto user = user_of("certificate-only", {});
    EXPECT_FALSE(settle(authenticator, &user, "", here));
}

TEST(Authenticator, GuestComesFromThisMachineOnlyUnlessAllowed) {
    const auto guest = user_of("guest", hash_password("guest", known_password_iterations));
    Authenticator strict(true);
    EXPECT_TRUE(settle(strict, &guest, "guest", here));
    EXPECT_FALSE(settle(strict, &guest, "guest", elsewhere));
    Authenticator open(false);
    EXPECT_TRUE(settle(open, &guest, "guest", elsewhere));
}

}  // namespace
}  // namespace fantail::server

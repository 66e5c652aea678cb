// SPDX-License-Identifier: Apache-2.0
//! Logins that are right, wrong, and no logins at all.
#include "protocols/sasl/scram_server.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "protocols/sasl/scram_client.hpp"

namespace fantail::sasl {
namespace {

/// RFC 7677 §3.
constexpr std::string_view rfc_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view rfc_salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr std::string_view rfc_server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view rfc_client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramCredential credential_of(std::string_view password, ScramMechanism mechanism = ScramMechanism::sha_256) {
    const std::string salt = http::decode_base64(rfc_salt).value();
    const Bytes salted = salt_password(password, {mechanism, scram_iterations_min, as_bytes(salt)});
    return scram_credential({mechanism, scram_iterations_min, as_bytes(salt), salted});
}

/// The error of begin(), if there is one.
std::optional<ErrorCode> first_error(std::string_view client_first) {
    ScramServer server(ScramMechanism::sha_256);
    const auto begun = server.begin(client_first);
    if (begun) return std::nullopt;
    return begun.error().code;
}

/// A server that waits for the RFC's client-final.
ScramServer challenged(std::string_view client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO") {
    ScramServer server(ScramMechanism::sha_256);
    EXPECT_TRUE(server.begin(client_first));
    EXPECT_EQ(server.challenge(credential_of("pencil"), rfc_nonce), rfc_server_first);
    return server;
}

std::optional<ErrorCode> final_error(std::string_view client_final) {
    const auto finished = challenged().finish(client_final);
    if (finished) return std::nullopt;
    return finished.error().code;
}

/// A whole login. \return whether the server let the client in, and proved itself
bool logs_in(ScramClient client, const ScramCredential& credential) {
    ScramServer server(client.mechanism);
    if (!server.begin(client.first())) return false;
    const auto signature = server.finish(client.final(server.challenge(credential, rfc_nonce)));
    EXPECT_EQ(signature ? client.signature : "", signature.value_or(""));
    EXPECT_TRUE(signature || signature.error().code == ErrorCode::not_authenticated);
    return signature.has_value();
}

TEST(ScramServer, FollowsTheExample_Rfc7677_3) {
    const auto server = challenged();
    EXPECT_EQ(server.user(), "user");
    EXPECT_EQ(server.finish(rfc_client_final).value(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(ScramServer, FollowsTheExampleWithSha512) {
    ScramServer server(ScramMechanism::sha_512);
    ASSERT_TRUE(server.begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    EXPECT_EQ(server.challenge(credential_of("pencil", ScramMechanism::sha_512), rfc_nonce), rfc_server_first);
    const auto signature = server.finish(
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="
        "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==");
    EXPECT_EQ(signature.value(),
              "v="
              "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==");
}

TEST(ScramServer, LetsInWhoKnowsThePasswordAndNobodyElse) {
    for (const ScramMechanism mechanism : scram_mechanisms) {
        const ScramCredential credential = credential_of("pencil", mechanism);
        EXPECT_TRUE(logs_in({.mechanism = mechanism, .name = "user", .password = "pencil"}, credential));
        EXPECT_FALSE(logs_in({.mechanism = mechanism, .name = "user", .password = "pencik"}, credential));
        EXPECT_FALSE(logs_in({.mechanism = mechanism, .name = "user", .password = ""}, credential));
    }
}

TEST(ScramServer, AProofWithAnotherMechanismsKeysIsNone) {
    EXPECT_EQ(final_error("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=" +
                          http::encode_base64(std::string(64, 'x'))),
              ErrorCode::malformed);
}

// -------------------------------------------------------------------------------------------------- the first message

TEST(ScramServer, NamesMayHaveEscapedCommasAndEqualsSigns_5_1) {
    ScramServer server(ScramMechanism::sha_256);
    ASSERT_TRUE(server.begin("n,,n=a=2Cb=3D=3Dc,r=x"));
    EXPECT_EQ(server.user(), "a,b==c");
    EXPECT_TRUE(logs_in({.name = "a=2Cb=3D", .password = "pencil"}, credential_of("pencil")));
    EXPECT_TRUE(logs_in({.name = "J\xC3\xBCrgen", .password = "pencil"}, credential_of("pencil")));
}

TEST(ScramServer, ANameWithAnotherEscapeIsRefused_5_1) {
    for (const char* name : {"a=", "a=2", "a=2c", "a=3d", "=20", "a=2Cb=", ""})
        EXPECT_EQ(first_error("n,,n=" + std::string(name) + ",r=x"), ErrorCode::malformed) << name;
    EXPECT_EQ(first_error(std::string_view("n,,n=a\0b,r=x", 12)), ErrorCode::malformed);
}

TEST(ScramServer, AnAuthorizationIdMustBeTheUsersName) {
    EXPECT_EQ(first_error("n,a=user,n=user,r=x"), std::nullopt);
    EXPECT_EQ(first_error("n,a=a=2Cb,n=a=2Cb,r=x"), std::nullopt);
    EXPECT_EQ(first_error("n,a=admin,n=user,r=x"), ErrorCode::access_refused);
    EXPECT_EQ(first_error("n,user,n=user,r=x"), ErrorCode::malformed);
    EXPECT_EQ(first_error("n,a=,n=user,r=x"), ErrorCode::malformed);
    EXPECT_TRUE(logs_in({.name = "user", .password = "pencil", .header = "n,a=user,"}, credential_of("pencil")));
}

TEST(ScramServer, ChannelBindingIsRefusedAndItsAbsenceUnderstood_6) {
    EXPECT_EQ(first_error("p=tls-unique,,n=user,r=x"), ErrorCode::unsupported);
    EXPECT_EQ(first_error("x,,n=user,r=x"), ErrorCode::malformed);
    EXPECT_TRUE(logs_in({.name = "user", .password = "pencil", .header = "y,,"}, credential_of("pencil")));
}

TEST(ScramServer, MandatoryExtensionsAndDelegationTokensAreRefusedOthersPassedOver_5_1) {
    EXPECT_EQ(first_error("n,,m=1,n=user,r=x"), ErrorCode::unsupported);
    EXPECT_EQ(first_error("n,,n=user,r=x,tokenauth=true"), ErrorCode::unsupported);
    EXPECT_EQ(first_error("n,,n=user,r=x,more=1,e=2"), std::nullopt);
    for (const char* extension : {"", "=", "e", "e=", "1=2"})
        EXPECT_EQ(first_error("n,,n=user,r=x," + std::string(extension)), ErrorCode::malformed) << extension;
}

TEST(ScramServer, WhatEndsEarlyOrIsOutOfOrderIsRefused) {
    const std::string whole = "n,,n=user,r=x";
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(first_error(whole.substr(0, size)), ErrorCode::malformed) << size;
    EXPECT_EQ(first_error("n,,r=x,n=user"), ErrorCode::malformed);
    EXPECT_EQ(first_error("n,,n=user,r=a b"), ErrorCode::malformed);
    EXPECT_EQ(first_error("n,,n=user,r=\x7F"), ErrorCode::malformed);
}

TEST(ScramServer, LongMessagesAreRefusedUnread) {
    const std::string first = "n,,n=user,r=";
    EXPECT_EQ(first_error(first + std::string(scram_message_size_max - first.size(), 'x')), std::nullopt);
    EXPECT_EQ(first_error(first + std::string(scram_message_size_max - first.size() + 1, 'x')), ErrorCode::too_large);
    EXPECT_EQ(final_error(std::string(scram_message_size_max + 1, 'x')), ErrorCode::too_large);
}

// --------------------------------------------------------------------------------------------------- the last message

TEST(ScramServer, AnotherNonceIsRefused_5_1) {
    std::string message(rfc_client_final);
    message[message.find("hvYD")] = 'x';
    EXPECT_EQ(final_error(message), ErrorCode::not_authenticated);
    message = rfc_client_final;
    message.erase(message.find("$k0"), 1);
    EXPECT_EQ(final_error(message), ErrorCode::not_authenticated);
}

TEST(ScramServer, AHeaderThatIsNotThatOfTheFirstMessageIsRefused_5_1) {
    std::string message(rfc_client_final);
    message.replace(2, 4, http::encode_base64("y,,"));
    EXPECT_EQ(final_error(message), ErrorCode::malformed);
    const auto other = challenged("y,,n=user,r=rOprNGfwEbeRWgbNEkqO").finish(rfc_client_final);
    EXPECT_EQ(other.error().code, ErrorCode::malformed);
}

TEST(ScramServer, ALastMessageThatEndsEarlyIsRefused) {
    const std::string whole(rfc_client_final);
    const std::size_t proof = whole.find(",p=");
    for (std::size_t size = 0; size < whole.size() - 1; ++size)
        EXPECT_EQ(final_error(whole.substr(0, size)), ErrorCode::malformed)
            << size << " of which before the proof " << proof;
}

TEST(ScramServer, AChangedBitOfTheProofIsEnough) {
    const std::string proof = http::decode_base64(rfc_client_final.substr(rfc_client_final.find(",p=") + 3)).value();
    const std::string before(rfc_client_final.substr(0, rfc_client_final.find(",p=")));
    for (std::size_t i = 0; i < proof.size(); ++i) {
        std::string changed = proof;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_EQ(final_error(before + ",p=" + http::encode_base64(changed)), ErrorCode::not_authenticated);
    }
}

}  // namespace
}  // namespace fantail::sasl

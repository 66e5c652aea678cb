// SPDX-License-Identifier: Apache-2.0
//! Logins by SCRAM, and the requests that describe and alter its credentials.
#include <gmock/gmock.h>

#include "protocols/kafka/session_scene.hpp"
#include "protocols/sasl/scram_client.hpp"

namespace fantail::kafka {
namespace {

using sasl::ScramClient;
using sasl::ScramMechanism;
using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;

constexpr ScramMechanism sha_256 = ScramMechanism::sha_256;
constexpr ScramMechanism sha_512 = ScramMechanism::sha_512;

KafkaOptions with_credentials(std::vector<std::string> names = {}) {
    auto credentials = std::make_shared<FakeCredentials>();
    credentials->names = std::move(names);
    KafkaOptions options;
    options.credentials = std::move(credentials);
    return options;
}

// ------------------------------------------------------------------------------------------------------------- logins

struct LoginScene : Scene {
    LoginScene() : Scene(with_credentials(), false) {
        broker.topics.add_user("alice").password_hash = FakeCredentials::hash_of(sha_256);
    }
    auto handshake(std::string_view mechanism = "SCRAM-SHA-256") {
        return ask<SaslHandshakeResponse>(SaslHandshakeRequest{mechanism}, 1);
    }
    SaslAuthenticateResponse say(const std::string& text) {
        return ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{as_bytes(text)}, 2);
    }
    /// The last response of a login.
    SaslAuthenticateResponse log_in(ScramClient& client) {
        handshake(sasl::name_of(client.mechanism));
        const auto challenge = say(client.first());
        if (challenge.error_code != ApiError::none) return challenge;
        return say(client.final(std::string(as_text(challenge.auth_bytes))));
    }
    void expect_refused(const SaslAuthenticateResponse& response, std::string_view message) {
        EXPECT_EQ(response.error_code, ApiError::sasl_authentication_failed);
        EXPECT_EQ(response.error_message, message);
        EXPECT_THAT(response.auth_bytes, IsEmpty());
        EXPECT_TRUE(broker.closed);
        EXPECT_EQ(session.info().user, "");
    }
};

constexpr std::string_view invalid_credentials =
    "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256";

TEST(KafkaScram, TheMechanismsAreListed) {
    LoginScene s;
    const auto response = s.handshake("GSSAPI");
    EXPECT_EQ(response.error_code, ApiError::unsupported_sasl_mechanism);
    EXPECT_THAT(response.mechanisms, ElementsAre("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"));
    EXPECT_EQ(s.handshake().error_code, ApiError::none);
}

TEST(KafkaScram, WhoKnowsThePasswordGetsInAndHearsThatTheServerKnowsItToo) {
    LoginScene s;
    ScramClient client{.name = "alice", .password = "pencil"};
    const auto response = s.log_in(client);
    EXPECT_EQ(response.error_code, ApiError::none);
    EXPECT_EQ(as_text(response.auth_bytes), client.signature);
    EXPECT_EQ(s.session.info().user, "alice");
    EXPECT_TRUE(s.broker.logins.empty()) << "nothing slow is calculated";
    s.ask<MetadataResponse>(MetadataRequest{}, 9);
    EXPECT_EQ(s.handshake().error_code, ApiError::illegal_sasl_state);
    EXPECT_FALSE(s.broker.closed);
}

TEST(KafkaScram, AWrongPasswordIsRefusedInKafkasWords_58) {
    LoginScene s;
    ScramClient client{.name = "alice", .password = "pencik"};
    s.expect_refused(s.log_in(client), invalid_credentials);
}

TEST(KafkaScram, AnUnknownUserIsAskedAndRefusedAsOneWhoIsWrong_58) {
    for (const char* name : {"bob", "carol"}) {
        LoginScene s;
        s.broker.topics.add_user("carol").password_hash = FakeCredentials::hash_of(sha_512);
        ScramClient client{.name = name, .password = "pencil"};
        s.expect_refused(s.log_in(client), invalid_credentials);
        EXPECT_NE(client.signature, "") << "there was a challenge";
    }
}

TEST(KafkaScram, AnotherAuthorizationIdIsRefusedInKafkasWords_58) {
    LoginScene s;
    ScramClient client{.name = "alice", .password = "pencil", .header = "n,a=root,"};
    s.expect_refused(s.log_in(client),
                     "Authentication failed: Client requested an authorization id that is different from username");
}

TEST(KafkaScram, WhatIsNoScramMessageIsRefused_58) {
    for (const char* text : {"", "n,,", "hello", "p=x,,n=alice,r=1"}) {
        LoginScene s;
        s.handshake();
        s.expect_refused(s.say(text), invalid_credentials);
    }
}

TEST(KafkaScram, ThePasswordInClearIsNoScramMessage) {
    LoginScene s;
    s.handshake();
    s.expect_refused(s.say(std::string("\0alice\0pencil", 13)), invalid_credentials);
    EXPECT_TRUE(s.broker.logins.empty());
}

TEST(KafkaScram, EachLoginHasANonceOfItsOwn) {
    LoginScene s;
    const ScramClient client{.name = "alice", .password = "pencil"};
    s.handshake();
    const auto first = ScramClient::value_of(std::string(as_text(s.say(client.first()).auth_bytes)), "r=");
    EXPECT_TRUE(first.starts_with(client.nonce));
    EXPECT_GE(first.size(), client.nonce.size() + 24);
    s.broker.peer_info.loopback = false;
    Session other(s.broker, std::make_shared<const KafkaOptions>(with_credentials()));
    Bytes bytes;
    append_request(bytes, 1, "client", 1, SaslHandshakeRequest{"SCRAM-SHA-256"});
    const std::string text = client.first();
    append_request(bytes, 2, "client", 2, SaslAuthenticateRequest{as_bytes(text)});
    other.on_bytes(bytes);
    s.response<SaslHandshakeResponse>(1);
    const auto second = s.response<SaslAuthenticateResponse>(2);
    EXPECT_NE(ScramClient::value_of(std::string(as_text(second.auth_bytes)), "r="), first);
}

TEST(KafkaScram, ARequestBetweenTheMessagesIsARequestBeforeTheLogin) {
    LoginScene s;
    s.handshake();
    s.say("n,,n=alice,r=x");
    s.send(MetadataRequest{}, 9);
    EXPECT_TRUE(s.broker.closed);
    EXPECT_TRUE(s.silent());
}

TEST(KafkaScram, AHandshakeBetweenTheMessagesClosesTheConnection_34) {
    LoginScene s;
    s.handshake();
    s.say("n,,n=alice,r=x");
    EXPECT_EQ(s.handshake().error_code, ApiError::illegal_sasl_state);
    EXPECT_TRUE(s.broker.closed);
}

// ----------------------------------------------------------------------------------------------------------- describe

struct AdminScene : Scene {
    explicit AdminScene(std::vector<std::string> names = {}) : Scene(with_credentials(std::move(names))) {
        broker.topics.add_user("guest", {"management", "administrator"});
    }
    auto describe(std::optional<std::vector<DescribeUserScramCredentialsRequest::User>> users = {}) {
        return ask<DescribeUserScramCredentialsResponse>(DescribeUserScramCredentialsRequest{std::move(users)}, 0);
    }
    void alter(const AlterUserScramCredentialsRequest& request) { send(request, 0); }
    auto altered() { return response<AlterUserScramCredentialsResponse>(0).results; }
};

TEST(KafkaScram, AllUsersWithCredentialsAreDescribedInOrder) {
    AdminScene s({"zoe", "alice", "guest"});
    s.broker.topics.add_user("alice").password_hash = FakeCredentials::hash_of(sha_256, 8192);
    Bytes& zoe = s.broker.topics.add_user("zoe").password_hash;
    zoe = FakeCredentials::hash_of(sha_256);
    append(zoe, FakeCredentials::hash_of(sha_512, 5000));
    for (const bool null : {true, false}) {
        const auto response =
            null ? s.describe() : s.describe(std::vector<DescribeUserScramCredentialsRequest::User>());
        EXPECT_EQ(response.error_code, ApiError::none);
        EXPECT_THAT(response.results,
                    ElementsAre(FieldsAre("alice", ApiError::none, std::nullopt, ElementsAre(FieldsAre(1, 8192))),
                                FieldsAre("zoe", ApiError::none, std::nullopt,
                                          ElementsAre(FieldsAre(1, 4096), FieldsAre(2, 5000)))));
    }
}

TEST(KafkaScram, WhoHasNoneOrIsAskedForTwiceIsToldSo_91_92) {
    AdminScene s;
    s.broker.topics.add_user("alice").password_hash = FakeCredentials::hash_of(sha_256);
    s.broker.topics.add_user("bob");
    const auto response = s.describe({{{"nobody"}, {"alice"}, {"bob"}, {"twice"}, {"twice"}}});
    const std::string none = "Attempt to describe a user credential that does not exist: ";
    EXPECT_THAT(
        response.results,
        ElementsAre(FieldsAre("alice", ApiError::none, std::nullopt, ElementsAre(FieldsAre(1, 4096))),
                    FieldsAre("bob", ApiError::resource_not_found, none + "bob", IsEmpty()),
                    FieldsAre("nobody", ApiError::resource_not_found, none + "nobody", IsEmpty()),
                    FieldsAre("twice", ApiError::duplicate_resource,
                              "Cannot describe SCRAM credentials for the same user twice in a single request: twice",
                              IsEmpty())));
}

TEST(KafkaScram, OnlyAdministratorsDescribeAndAlter_31) {
    AdminScene s({"guest"});
    s.broker.topics.add_user("guest", {"monitoring"});
    EXPECT_EQ(s.describe().error_code, ApiError::cluster_authorization_failed);
    s.alter({.deletions = {{"b", 1}}, .upsertions = {{"a", 1, 4096, as_bytes("salt"), {}}, {"b", 1, 4096, {}, {}}}});
    EXPECT_THAT(s.altered(), ElementsAre(FieldsAre("a", ApiError::cluster_authorization_failed, testing::_),
                                         FieldsAre("b", ApiError::cluster_authorization_failed, testing::_)));
    EXPECT_TRUE(s.broker.admin.empty());
}

TEST(KafkaScram, WithoutCredentialsNothingIsDescribedOrAltered_54) {
    Scene s;
    s.broker.topics.add_user("guest", {"administrator"});
    const DescribeUserScramCredentialsRequest request;
    EXPECT_EQ(s.ask<DescribeUserScramCredentialsResponse>(request, 0).error_code, ApiError::security_disabled);
    const AlterUserScramCredentialsRequest removal{.deletions = {{"a", 1}}, .upsertions = {}};
    const auto altered = s.ask<AlterUserScramCredentialsResponse>(removal, 0);
    EXPECT_EQ(altered.results.at(0).error_code, ApiError::security_disabled);
}

// -------------------------------------------------------------------------------------------------------------- alter

const Bytes salted_256(32, 7);
const Bytes salted_512(64, 7);

AlterUserScramCredentialsRequest::Upsertion upsertion(std::string_view name, ScramMechanism mechanism = sha_256,
                                                      std::int32_t iterations = 4096) {
    return {name, static_cast<std::int8_t>(mechanism), iterations, as_bytes("salt"),
            mechanism == sha_256 ? ByteView(salted_256) : ByteView(salted_512)};
}

TEST(KafkaScram, AnUpsertionMakesAUserOrChangesOneAndIsAnsweredWhenItIsDurable) {
    AdminScene s;
    auto& alice = s.broker.topics.add_user("alice", {"monitoring"});
    alice.password_hash = FakeCredentials::hash_of(sha_512);
    alice.connections_max = 3;
    s.alter({.deletions = {}, .upsertions = {upsertion("bob"), upsertion("alice", sha_256, 16'384)}});
    const auto first = s.take_admin<broker::PutUser>();
    EXPECT_EQ(first.command.definition.name, "alice");
    EXPECT_THAT(first.command.definition.tags, ElementsAre("monitoring"));
    EXPECT_EQ(first.command.definition.connections_max, 3u);
    EXPECT_FALSE(first.command.keep_password);
    EXPECT_THAT(FakeCredentials().list(first.command.definition.password_hash),
                ElementsAre(sasl::ScramFigures{sha_512, 4096}, sasl::ScramFigures{sha_256, 16'384}));
    const auto second = s.take_admin<broker::PutUser>();
    EXPECT_EQ(second.command.definition.name, "bob");
    EXPECT_THAT(second.command.definition.tags, IsEmpty());
    s.give(broker::AdminReply{.request = first.request});
    EXPECT_TRUE(s.silent());
    s.give(broker::AdminReply{.request = second.request, .outcome = fail(ErrorCode::io, "disk")});
    EXPECT_THAT(s.altered(), ElementsAre(FieldsAre("alice", ApiError::none, std::nullopt),
                                         FieldsAre("bob", ApiError::storage_error, "disk")));
}

TEST(KafkaScram, BothMechanismsOfOneUserAreChangedAtOnce) {
    AdminScene s;
    s.broker.topics.add_user("alice").password_hash = FakeCredentials::hash_of(sha_256);
    s.alter({.deletions = {{"alice", 1}}, .upsertions = {upsertion("alice", sha_512)}});
    EXPECT_EQ(s.take_admin<broker::PutUser>().command.definition.password_hash, FakeCredentials::hash_of(sha_512));
    EXPECT_TRUE(s.broker.admin.empty());
}

TEST(KafkaScram, WhatIsNotThereCannotBeDeleted_91) {
    AdminScene s;
    s.broker.topics.add_user("alice").password_hash = FakeCredentials::hash_of(sha_256);
    s.alter({.deletions = {{"alice", 2}, {"nobody", 1}}, .upsertions = {}});
    const std::string reason = "Attempt to delete a user credential that does not exist";
    EXPECT_THAT(s.altered(), ElementsAre(FieldsAre("alice", ApiError::resource_not_found, reason),
                                         FieldsAre("nobody", ApiError::resource_not_found, reason)));
}

TEST(KafkaScram, ACredentialIsAlteredOnceARequest_92) {
    AdminScene s;
    s.broker.topics.add_user("alice").password_hash = FakeCredentials::hash_of(sha_256);
    s.alter({.deletions = {{"alice", 1}},
             .upsertions = {upsertion("alice"), upsertion("bob"), upsertion("bob"), upsertion("alice", sha_512)}});
    const std::string reason = "A user credential cannot be altered twice in the same request";
    EXPECT_THAT(s.altered(), ElementsAre(FieldsAre("alice", ApiError::duplicate_resource, reason),
                                         FieldsAre("bob", ApiError::duplicate_resource, reason)));
    EXPECT_TRUE(s.broker.admin.empty()) << "all of a user's changes are made, or none";
}

TEST(KafkaScram, UnknownMechanismsAreRefused_33) {
    for (const std::int8_t mechanism : std::initializer_list<std::int8_t>{0, 3, -1}) {
        AdminScene s;
        auto unknown = upsertion("bob");
        unknown.mechanism = mechanism;
        s.alter({.deletions = {{"alice", mechanism}}, .upsertions = {unknown}});
        EXPECT_THAT(s.altered(),
                    ElementsAre(FieldsAre("alice", ApiError::unsupported_sasl_mechanism, "Unknown SCRAM mechanism"),
                                FieldsAre("bob", ApiError::unsupported_sasl_mechanism, "Unknown SCRAM mechanism")));
    }
}

TEST(KafkaScram, CredentialsThatNoClientWouldTakeAreRefused_93) {
    const auto reason_of = [](const AlterUserScramCredentialsRequest::Upsertion& one) {
        AdminScene s;
        s.alter({.deletions = {}, .upsertions = {one}});
        EXPECT_TRUE(s.broker.admin.empty());
        const auto results = s.altered();
        EXPECT_EQ(results.at(0).error_code, ApiError::unacceptable_credential);
        return std::string(results.at(0).error_message.value());
    };
    EXPECT_EQ(reason_of(upsertion("")), "Username must not be empty");
    EXPECT_EQ(reason_of(upsertion("bob", sha_256, 4095)), "Too few iterations");
    EXPECT_EQ(reason_of(upsertion("bob", sha_256, -1)), "Too few iterations");
    EXPECT_EQ(reason_of(upsertion("bob", sha_512, 16'385)), "Too many iterations");
    auto changed = upsertion("bob");
    changed.salt = {};
    EXPECT_EQ(reason_of(changed), "Salt must not be empty");
    const Bytes long_salt(256, 1);
    changed.salt = long_salt;
    EXPECT_EQ(reason_of(changed), "Salt must have at most 255 bytes");
    changed = upsertion("bob");
    changed.salted_password = salted_512;
    EXPECT_EQ(reason_of(changed), "Salted password must be as long as the mechanism's hash");
}

TEST(KafkaScram, ARequestWithoutUsersIsAnsweredAtOnce) {
    AdminScene s;
    s.alter({});
    EXPECT_THAT(s.altered(), IsEmpty());
}

}  // namespace
}  // namespace fantail::kafka

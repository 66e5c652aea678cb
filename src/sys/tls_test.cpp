// SPDX-License-Identifier: Apache-2.0
//! TLS between two streams in memory, with certificates made here.
#include "sys/tls.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fantail::sys {
namespace {

namespace fs = std::filesystem;
using State = TlsStream::State;

constexpr long lifetime_s = 3600;
constexpr long root_lifetime_s = 7200;

struct Identity {
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
    std::string chain_file, key_file;
};

void add_extension(X509* certificate, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    ASSERT_NE(extension, nullptr);
    ::X509_add_ext(certificate, extension, -1);
    ::X509_EXTENSION_free(extension);
}

/// A small authority in a temporary directory.
class Authority {
public:
    Authority() {
        std::string pattern = (fs::temp_directory_path() / "fantail-tls-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        root_ = make("Root", nullptr, "");
    }
    ~Authority() {
        for (const Identity& each : made_) {
            ::X509_free(each.certificate);
            ::EVP_PKEY_free(each.key);
        }
        fs::remove_all(directory_);
    }
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    [[nodiscard]] std::string ca_file() const { return root_.chain_file; }
    Identity issue(const std::string& name, const std::string& alternative_names) {
        return make(name, &root_, alternative_names);
    }
    [[nodiscard]] std::string path(const std::string& name) const { return directory_ + '/' + name; }

private:
    Identity make(const std::string& name, const Identity* issuer, const std::string& alternative_names) {
        Identity made{.key = ::EVP_EC_gen("P-256"), .certificate = ::X509_new(), .chain_file = {}, .key_file = {}};
        X509* x = made.certificate;
        ::X509_set_version(x, 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(x), static_cast<long>(made_.size()) + 1);
        ::X509_gmtime_adj(::X509_getm_notBefore(x), -3600);
        ::X509_gmtime_adj(::X509_getm_notAfter(x), issuer == nullptr ? root_lifetime_s : lifetime_s);
        ::X509_set_pubkey(x, made.key);
        X509_NAME* subject = ::X509_get_subject_name(x);
        ::X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("Example"), -1,
                                     -1, 0);
        ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()),
                                     -1, -1, 0);
        ::X509_set_issuer_name(x, ::X509_get_subject_name(issuer != nullptr ? issuer->certificate : x));
        if (issuer == nullptr) add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
        if (!alternative_names.empty()) add_extension(x, NID_subject_alt_name, alternative_names.c_str());
        EXPECT_GT(::X509_sign(x, issuer != nullptr ? issuer->key : made.key, ::EVP_sha256()), 0);
        save(made, name);
        made_.push_back(made);
        return made;
    }
    void save(Identity& made, const std::string& name) const {
        made.chain_file = path(name + ".crt");
        made.key_file = path(name + ".key");
        std::FILE* file = std::fopen(made.chain_file.c_str(), "w");
        ::PEM_write_X509(file, made.certificate);
        std::fclose(file);
        file = std::fopen(made.key_file.c_str(), "w");
        ::PEM_write_PrivateKey(file, made.key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
    }
    std::string directory_;
    std::vector<Identity> made_;
    Identity root_;
};

struct Link {
    Link(const TlsConfig& server_config, const TlsConfig& client_config, const std::string& host = "broker.example")
        : server(TlsStream::accept(TlsContext::server(server_config).value()).value()),
          client(TlsStream::connect(TlsContext::client(client_config).value(), host).value()) {
        client_result = client.feed({});
    }
    /// Carries bytes until both sides are silent, `step` bytes at a time.
    void carry(std::size_t step = 1 << 20) {
        while (server.output_size() + client.output_size() > 0) {
            move(client, server, server_result, step);
            move(server, client, client_result, step);
        }
    }
    static void move(TlsStream& from, TlsStream& to, Result<void>& result, std::size_t step) {
        Bytes bytes;
        from.take_output(bytes);
        for (std::size_t at = 0; at < bytes.size() && result; at += step) {
            result = to.feed(ByteView(bytes).subspan(at, std::min(step, bytes.size() - at)));
        }
    }
    static std::string read(TlsStream& from) {
        Bytes plain;
        EXPECT_TRUE(from.read(plain).has_value());
        return std::string(as_text(plain));
    }
    TlsStream server, client;
    Result<void> server_result, client_result;
};

class Tls : public ::testing::Test {
protected:
    Authority authority;
    Identity broker = authority.issue("broker", "DNS:broker.example,IP:127.0.0.1");
    TlsConfig server{
        .chain_file = broker.chain_file, .key_file = broker.key_file, .ca_file = {}, .peer = PeerCheck::none};
    TlsConfig client{.chain_file = {}, .key_file = {}, .ca_file = authority.ca_file(), .peer = PeerCheck::required};
};

TEST_F(Tls, BytesGoBothWaysAfterTheHandshake) {
    Link link(server, client);
    link.carry();
    ASSERT_EQ(link.server.state(), State::open);
    ASSERT_EQ(link.client.state(), State::open);
    EXPECT_EQ(link.server.version(), "TLSv1.3");
    ASSERT_TRUE(link.client.write(as_bytes("ping")));
    ASSERT_TRUE(link.server.write(as_bytes("pong")));
    link.carry();
    EXPECT_EQ(Link::read(link.server), "ping");
    EXPECT_EQ(Link::read(link.client), "pong");
}

TEST_F(Tls, WorksWhenTheBytesComeOneByOne) {
    Link link(server, client);
    link.carry(1);
    ASSERT_TRUE(link.client.write(as_bytes("ping")));
    link.carry(1);
    EXPECT_EQ(Link::read(link.server), "ping");
}

TEST_F(Tls, WhatIsWrittenBeforeTheHandshakeArrivesAfterIt) {
    Link link(server, client);
    ASSERT_TRUE(link.client.write(as_bytes("early")));
    EXPECT_EQ(link.client.state(), State::handshaking);
    link.carry();
    EXPECT_EQ(Link::read(link.server), "early");
}

TEST_F(Tls, CarriesMegabytes) {
    Link link(server, client);
    link.carry();
    const std::string big(3'000'000, 'x');
    ASSERT_TRUE(link.server.write(as_bytes(big)));
    link.carry(10'000);
    EXPECT_EQ(Link::read(link.client), big);
}

TEST_F(Tls, AServerOfAnotherNameIsRefused) {
    Link link(server, client, "other.example");
    link.carry();
    ASSERT_FALSE(link.client_result);
    EXPECT_EQ(link.client_result.error().code, ErrorCode::not_authenticated);
    EXPECT_EQ(link.client.state(), State::failed);
    EXPECT_FALSE(link.server_result) << "the alert must reach the server";
}

TEST_F(Tls, AnAddressIsComparedWithTheCertificatesAddresses) {
    Link good(server, client, "127.0.0.1");
    good.carry();
    EXPECT_EQ(good.client.state(), State::open);
    Link bad(server, client, "127.0.0.2");
    bad.carry();
    EXPECT_EQ(bad.client.state(), State::failed);
}

TEST_F(Tls, AServerOfAnUnknownAuthorityIsRefused) {
    Authority stranger;
    client.ca_file = stranger.ca_file();
    Link link(server, client);
    link.carry();
    ASSERT_FALSE(link.client_result);
    EXPECT_EQ(link.client_result.error().code, ErrorCode::not_authenticated);
}

TEST_F(Tls, AClientsCertificateTellsWhoItIs_EXTERNAL) {
    const Identity alice = authority.issue("alice", "DNS:alice.example,email:alice@example.org,URI:urn:alice");
    server.ca_file = authority.ca_file();
    server.peer = PeerCheck::required;
    client.chain_file = alice.chain_file;
    client.key_file = alice.key_file;
    Link link(server, client);
    link.carry();
    ASSERT_EQ(link.server.state(), State::open);
    const auto peer = link.server.peer();
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->subject, "CN=alice,O=Example");
    EXPECT_EQ(peer->common_name, "alice");
    EXPECT_EQ(peer->dns_names, std::vector<std::string>{"alice.example"});
    EXPECT_EQ(peer->emails, std::vector<std::string>{"alice@example.org"});
    EXPECT_EQ(peer->uris, std::vector<std::string>{"urn:alice"});
}

TEST_F(Tls, AClientWithoutACertificateIsRefusedOnlyIfOneIsRequired) {
    server.ca_file = authority.ca_file();
    server.peer = PeerCheck::required;
    Link strict(server, client);
    strict.carry();
    ASSERT_FALSE(strict.server_result);
    EXPECT_EQ(strict.server_result.error().code, ErrorCode::not_authenticated);

    server.peer = PeerCheck::optional;
    Link lenient(server, client);
    lenient.carry();
    EXPECT_EQ(lenient.server.state(), State::open);
    EXPECT_FALSE(lenient.server.peer().has_value());
}

TEST_F(Tls, AClientsCertificateOfAnUnknownAuthorityIsRefusedThoughOptional) {
    Authority stranger;
    const Identity mallory = stranger.issue("mallory", "");
    server.ca_file = authority.ca_file();
    server.peer = PeerCheck::optional;
    client.chain_file = mallory.chain_file;
    client.key_file = mallory.key_file;
    Link link(server, client);
    link.carry();
    ASSERT_FALSE(link.server_result);
    EXPECT_EQ(link.server_result.error().code, ErrorCode::not_authenticated);
    EXPECT_FALSE(link.server.peer().has_value());
}

TEST_F(Tls, ShutdownIsSeenAsTheEndAndTheOtherWayStaysOpen) {
    Link link(server, client);
    link.carry();
    ASSERT_TRUE(link.client.write(as_bytes("last")));
    link.client.shutdown();
    EXPECT_FALSE(link.client.write(as_bytes("more")).has_value());
    link.carry();
    EXPECT_EQ(Link::read(link.server), "last");
    EXPECT_EQ(link.server.state(), State::ended);
    ASSERT_TRUE(link.server.write(as_bytes("bye")));
    link.carry();
    EXPECT_EQ(Link::read(link.client), "bye");
}

TEST_F(Tls, BytesThatAreNotTlsAreMalformed) {
    auto stream = TlsStream::accept(TlsContext::server(server).value()).value();
    const auto fed = stream.feed(as_bytes("GET / HTTP/1.1\r\n\r\n"));
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, ErrorCode::malformed);
    EXPECT_EQ(stream.state(), State::failed);
    EXPECT_FALSE(stream.feed(as_bytes("x")).has_value());
}

TEST_F(Tls, ATamperedRecordFailsTheStream) {
    Link link(server, client);
    link.carry();
    ASSERT_TRUE(link.client.write(as_bytes("secret")));
    Bytes cipher;
    link.client.take_output(cipher);
    cipher.back() ^= 1;
    ASSERT_TRUE(link.server.feed(cipher));
    Bytes plain;
    EXPECT_FALSE(link.server.read(plain).has_value());
    EXPECT_TRUE(plain.empty());
    EXPECT_EQ(link.server.state(), State::failed);
}

TEST_F(Tls, AReloadedContextServesNewConnectionsAndOldOnesGoOn) {
    auto context = TlsContext::server(server).value();
    auto old_server = TlsStream::accept(context).value();
    const Identity renewed = authority.issue("renewed", "DNS:broker.example");
    server.chain_file = renewed.chain_file;
    server.key_file = renewed.key_file;
    context = TlsContext::server(server).value();
    for (const auto& [stream, name] :
         {std::pair{&old_server, "broker"}, {static_cast<TlsStream*>(nullptr), "renewed"}}) {
        auto fresh = TlsStream::accept(context).value();
        TlsStream& serving = stream != nullptr ? *stream : fresh;
        auto connecting = TlsStream::connect(TlsContext::client(client).value(), "broker.example").value();
        Result<void> result = connecting.feed({});
        while (serving.output_size() + connecting.output_size() > 0) {
            Link::move(connecting, serving, result, 1 << 20);
            Link::move(serving, connecting, result, 1 << 20);
        }
        ASSERT_TRUE(connecting.peer()) << name;
        EXPECT_EQ(connecting.peer()->common_name, name);
    }
}

TEST_F(Tls, TellsWhenItsCertificatesEnd) {
    TlsConfig config = server;
    const auto seconds_left = [](const std::optional<std::int64_t>& end) {
        return end.value_or(0) - std::time(nullptr);
    };
    const TlsExpiry alone = TlsContext::server(config).value()->expiry();
    EXPECT_NEAR(static_cast<double>(seconds_left(alone.certificate_unix_s)), lifetime_s, 60);
    EXPECT_FALSE(alone.authority_unix_s);
    config.ca_file = authority.ca_file();
    const TlsExpiry trusting = TlsContext::server(config).value()->expiry();
    EXPECT_EQ(trusting.certificate_unix_s, alone.certificate_unix_s);
    EXPECT_NEAR(static_cast<double>(seconds_left(trusting.authority_unix_s)), root_lifetime_s, 60);
    EXPECT_FALSE(TlsContext::client({}).value()->expiry().certificate_unix_s);
}

TEST_F(Tls, BadFilesAreNamed) {
    TlsConfig missing = server;
    missing.chain_file = authority.path("none.crt");
    EXPECT_NE(TlsContext::server(missing).error().message.find("none.crt"), std::string::npos);
    TlsConfig garbage = server;
    garbage.key_file = authority.path("garbage.key");
    std::ofstream(garbage.key_file) << "not a key";
    EXPECT_EQ(TlsContext::server(garbage).error().code, ErrorCode::malformed);
    TlsConfig mismatch = server;
    mismatch.key_file = authority.issue("someone", "").key_file;
    EXPECT_FALSE(TlsContext::server(mismatch).has_value());
    TlsConfig no_ca = server;
    no_ca.ca_file = authority.path("none.pem");
    EXPECT_FALSE(TlsContext::server(no_ca).has_value());
}

}  // namespace
}  // namespace fantail::sys

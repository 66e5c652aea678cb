// SPDX-License-Identifier: Apache-2.0
//! TLS by OpenSSL over memory BIOs.
#include "sys/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>
#include <ctime>

namespace fantail::sys {

namespace {

constexpr std::size_t record_size = 16 * 1024;

using Certificate = std::unique_ptr<X509, decltype([](X509* x) { ::X509_free(x); })>;
using Names = std::unique_ptr<GENERAL_NAMES, decltype([](GENERAL_NAMES* n) { ::GENERAL_NAMES_free(n); })>;

/// The oldest entry of OpenSSL's error queue, which says most; empties the queue.
std::string take_reason() {
    char text[256] = "no reason given";
    if (const unsigned long code = ::ERR_get_error(); code != 0) ::ERR_error_string_n(code, text, sizeof text);
    ::ERR_clear_error();
    return text;
}

[[nodiscard]] std::unexpected<Error> file_failure(const std::string& path) {
    return fail(ErrorCode::malformed, path + ": " + take_reason());
}

int verify_mode(PeerCheck check) {
    switch (check) {
        case PeerCheck::none: return SSL_VERIFY_NONE;
        case PeerCheck::optional: return SSL_VERIFY_PEER;
        case PeerCheck::required: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

Result<void> load_own_certificate(SSL_CTX* context, const TlsConfig& config) {
    if (::SSL_CTX_use_certificate_chain_file(context, config.chain_file.c_str()) != 1)
        return file_failure(config.chain_file);
    if (::SSL_CTX_use_PrivateKey_file(context, config.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        return file_failure(config.key_file);
    }
    if (::SSL_CTX_check_private_key(context) != 1) return file_failure(config.key_file);
    return {};
}

Result<void> load_trust(SSL_CTX* context, const TlsConfig& config, bool server) {
    ::SSL_CTX_set_verify(context, verify_mode(config.peer), nullptr);
    if (config.ca_file.empty()) {
        if (config.peer != PeerCheck::none) ::SSL_CTX_set_default_verify_paths(context);
        return {};
    }
    if (::SSL_CTX_load_verify_locations(context, config.ca_file.c_str(), nullptr) != 1)
        return file_failure(config.ca_file);
    // The list tells clients which of their certificates to offer.
    if (server) ::SSL_CTX_set_client_CA_list(context, ::SSL_load_client_CA_file(config.ca_file.c_str()));
    ::ERR_clear_error();
    return {};
}

Result<void> configure(SSL_CTX* context, const TlsConfig& config, bool server) {
    ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // An idle connection gives its record buffers back.
    ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    static constexpr unsigned char id[] = "fantail";
    ::SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
    if (server || !config.chain_file.empty()) FANTAIL_CHECK(load_own_certificate(context, config));
    return load_trust(context, config, server);
}

std::string text_of(const ASN1_STRING* text) {
    unsigned char* utf8 = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&utf8, text);
    if (size < 0) return {};
    std::string copy(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    ::OPENSSL_free(utf8);
    return copy;
}

std::string subject_of(const X509* certificate) {
    const std::unique_ptr<BIO, decltype([](BIO* b) { ::BIO_free(b); })> out(::BIO_new(::BIO_s_mem()));
    // RFC 2253's order and escapes, with UTF-8 left readable.
    ::X509_NAME_print_ex(out.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string common_name_of(const X509* certificate) {
    const X509_NAME* name = ::X509_get_subject_name(certificate);
    int last = -1;
    for (int at = -1; (at = ::X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) last = at;
    return last < 0 ? std::string() : text_of(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, last)));
}

void add_alternative_names(const X509* certificate, TlsPeer& peer) {
    const Names names(
        static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_DNS) peer.dns_names.push_back(text_of(name->d.dNSName));
        if (name->type == GEN_EMAIL) peer.emails.push_back(text_of(name->d.rfc822Name));
        if (name->type == GEN_URI) peer.uris.push_back(text_of(name->d.uniformResourceIdentifier));
    }
}

std::int64_t end_of(const X509* certificate) {
    std::tm until{};
    ::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &until);
    return ::timegm(&until);
}

void keep_first(std::optional<std::int64_t>& first, const X509* certificate) {
    if (certificate != nullptr) first = std::min(first.value_or(end_of(certificate)), end_of(certificate));
}

bool is_ip_address(const std::string& host) {
    unsigned char bytes[16];
    return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsConfig& config) {
    ::ERR_clear_error();
    std::shared_ptr<const TlsContext> made(new TlsContext(::SSL_CTX_new(::TLS_server_method())));
    FANTAIL_CHECK(configure(made->context_, config, true));
    return made;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsConfig& config) {
    ::ERR_clear_error();
    std::shared_ptr<const TlsContext> made(new TlsContext(::SSL_CTX_new(::TLS_client_method())));
    FANTAIL_CHECK(configure(made->context_, config, false));
    return made;
}

TlsExpiry TlsContext::expiry() const {
    TlsExpiry found;
    keep_first(found.certificate_unix_s, ::SSL_CTX_get0_certificate(context_));
    STACK_OF(X509)* chain = nullptr;
    ::SSL_CTX_get0_chain_certs(context_, &chain);
    for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i)
        keep_first(found.authority_unix_s, sk_X509_value(chain, i));
    const STACK_OF(X509_OBJECT)* trusted = ::X509_STORE_get0_objects(::SSL_CTX_get_cert_store(context_));
    for (int i = 0; i < sk_X509_OBJECT_num(trusted); ++i)
        keep_first(found.authority_unix_s, ::X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, i)));
    return found;
}

TlsContext::~TlsContext() { ::SSL_CTX_free(context_); }

void TlsStream::Free::operator()(ssl_st* ssl) const { ::SSL_free(ssl); }

Result<TlsStream> TlsStream::make(std::shared_ptr<const TlsContext> context) {
    SSL* ssl = ::SSL_new(context->native());
    if (ssl == nullptr) return fail(ErrorCode::no_space, "tls: " + take_reason());
    ::SSL_set_bio(ssl, ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
    return TlsStream(std::move(context), ssl);
}

Result<TlsStream> TlsStream::accept(std::shared_ptr<const TlsContext> context) {
    FANTAIL_TRY(TlsStream stream, make(std::move(context)));
    ::SSL_set_accept_state(stream.ssl_.get());
    return stream;
}

Result<TlsStream> TlsStream::connect(std::shared_ptr<const TlsContext> context, const std::string& host) {
    FANTAIL_TRY(TlsStream stream, make(std::move(context)));
    SSL* ssl = stream.ssl_.get();
    ::SSL_set_connect_state(ssl);
    if (is_ip_address(host)) {
        ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), host.c_str());
    } else {
        ::SSL_set_tlsext_host_name(ssl, host.c_str());
        ::SSL_set1_host(ssl, host.c_str());
    }
    return stream;
}

Result<void> TlsStream::feed(ByteView cipher) {
    if (state_ == State::failed) return fail(ErrorCode::unavailable, "tls: the stream has failed");
    while (!cipher.empty()) {
        const int size = static_cast<int>(std::min<std::size_t>(cipher.size(), INT_MAX));
        const int taken = ::BIO_write(::SSL_get_rbio(ssl_.get()), cipher.data(), size);
        if (taken <= 0) return fail(ErrorCode::no_space, "tls: out of memory");
        cipher = cipher.subspan(static_cast<std::size_t>(taken));
    }
    return state_ == State::handshaking ? shake_hands() : Result<void>();
}

Result<void> TlsStream::shake_hands() {
    ::ERR_clear_error();
    const int returned = ::SSL_do_handshake(ssl_.get());
    if (returned != 1) return judge(returned);
    state_ = State::open;
    const Bytes early = std::exchange(early_, {});
    FANTAIL_CHECK(write(early));
    if (std::exchange(shut_down_, false)) shutdown();
    return {};
}

/// What a call that did not succeed means: wait for more bytes, the end, or a failure.
Result<void> TlsStream::judge(int returned) {
    const int reason = ::SSL_get_error(ssl_.get(), returned);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return {};
    if (reason == SSL_ERROR_ZERO_RETURN) {
        state_ = State::ended;
        return {};
    }
    state_ = State::failed;
    const long verified = ::SSL_get_verify_result(ssl_.get());
    const unsigned long code = ::ERR_peek_error();
    if (verified != X509_V_OK) {
        ::ERR_clear_error();
        return fail(ErrorCode::not_authenticated, std::string("tls: ") + ::X509_verify_cert_error_string(verified));
    }
    const int detail = ERR_GET_REASON(code);
    const bool no_certificate = detail == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    const bool not_tls = detail == SSL_R_WRONG_VERSION_NUMBER || detail == SSL_R_HTTP_REQUEST;
    const ErrorCode kind = no_certificate ? ErrorCode::not_authenticated
                           : not_tls      ? ErrorCode::malformed
                                          : ErrorCode::io;
    return fail(kind, "tls: " + take_reason());
}

Result<void> TlsStream::read(Bytes& plain) {
    if (state_ == State::failed) return fail(ErrorCode::unavailable, "tls: the stream has failed");
    if (state_ != State::open) return {};
    for (;;) {
        const std::size_t before = plain.size();
        plain.resize(before + record_size);
        std::size_t got = 0;
        ::ERR_clear_error();
        const int returned = ::SSL_read_ex(ssl_.get(), plain.data() + before, record_size, &got);
        plain.resize(before + got);
        if (returned != 1) return judge(returned);
    }
}

Result<void> TlsStream::write(ByteView plain) {
    if (state_ == State::failed || shut_down_) return fail(ErrorCode::unavailable, "tls: the stream is closed");
    if (plain.empty()) return {};
    if (state_ == State::handshaking) {
        append(early_, plain);
        return {};
    }
    std::size_t taken = 0;
    ::ERR_clear_error();
    // A memory BIO grows: all is taken or the connection has failed.
    const int returned = ::SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken);
    return returned == 1 ? Result<void>() : judge(returned);
}

void TlsStream::shutdown() {
    if (shut_down_ || state_ == State::failed) return;
    shut_down_ = true;
    if (state_ == State::handshaking) return;
    ::ERR_clear_error();
    ::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
}

std::size_t TlsStream::output_size() const { return ::BIO_ctrl_pending(::SSL_get_wbio(ssl_.get())); }

void TlsStream::take_output(Bytes& out) {
    while (const std::size_t pending = output_size()) {
        const std::size_t before = out.size();
        out.resize(before + pending);
        const int size = static_cast<int>(std::min<std::size_t>(pending, INT_MAX));
        const int got = ::BIO_read(::SSL_get_wbio(ssl_.get()), out.data() + before, size);
        out.resize(before + static_cast<std::size_t>(std::max(got, 0)));
        if (got <= 0) return;
    }
}

std::optional<TlsPeer> TlsStream::peer() const {
    if (state_ == State::handshaking || ::SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_NONE) return std::nullopt;
    const Certificate certificate(::SSL_get1_peer_certificate(ssl_.get()));
    if (!certificate || ::SSL_get_verify_result(ssl_.get()) != X509_V_OK) return std::nullopt;
    TlsPeer peer{.subject = subject_of(certificate.get()), .common_name = common_name_of(certificate.get())};
    add_alternative_names(certificate.get(), peer);
    return peer;
}

std::string TlsStream::version() const { return ::SSL_get_version(ssl_.get()); }

}  // namespace fantail::sys

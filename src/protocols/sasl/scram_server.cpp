// SPDX-License-Identifier: Apache-2.0
//! Messages in, challenge and signature out.
#include "protocols/sasl/scram_server.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "protocols/http/http_request.hpp"

namespace fantail::sasl {

namespace {

std::unexpected<Error> malformed(std::string what) { return fail(ErrorCode::malformed, std::move(what)); }

Result<void> check_size(std::string_view message) {
    if (message.size() > scram_message_size_max)
        return fail(ErrorCode::too_large, "a SCRAM message of more than 4 KiB");
    return {};
}

/// Takes a message apart at its commas.
class Attributes final {
public:
    explicit Attributes(std::string_view text) : rest_(text) {}
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] std::string_view rest() const { return rest_; }
    /// Empty at the end, too.
    std::string_view next() {
        const std::size_t comma = rest_.find(',');
        const std::string_view piece = rest_.substr(0, comma);
        done_ = comma == std::string_view::npos;
        rest_ = done_ ? std::string_view() : rest_.substr(comma + 1);
        return piece;
    }
    /// The value of the next one; nothing if it has another name.
    std::optional<std::string_view> value(char name) {
        const std::string_view piece = next();
        if (piece.size() < 2 || piece[0] != name || piece[1] != '=') return std::nullopt;
        return piece.substr(2);
    }

private:
    std::string_view rest_;
    bool done_ = false;
};

/// saslname: "=2C" is a comma and "=3D" an equals sign; no other equals sign may be there.
Result<std::string> decode_name(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view escape = text.substr(i, 3);
        if (text[i] == '\0' || (text[i] == '=' && escape != "=2C" && escape != "=3D"))
            return malformed("a name with what must be escaped");
        if (text[i] != '=') {
            out += text[i];
            continue;
        }
        out += escape == "=2C" ? ',' : '=';
        i += escape.size() - 1;
    }
    if (out.empty()) return malformed("an empty name");
    return out;
}

bool is_nonce(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// What we do not know may be left out of account (RFC 5802 §5.1); a delegation token is another kind of login.
Result<void> check_extension(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (equals == std::string_view::npos || name.empty() || !std::ranges::all_of(name, is_letter) ||
        equals + 1 == text.size())
        return malformed("an extension without name or value");
    if (name == "tokenauth") return fail(ErrorCode::unsupported, "delegation tokens are not offered");
    return {};
}

}  // namespace

Result<void> ScramServer::begin(std::string_view client_first) {
    FANTAIL_CHECK(check_size(client_first));
    Attributes in(client_first);
    // 'y': the client could bind to the channel, and has seen that we do not offer it.
    const std::string_view binding = in.next();
    if (binding.starts_with("p=")) return fail(ErrorCode::unsupported, "channel binding is not offered");
    if (binding != "n" && binding != "y") return malformed("neither 'n' nor 'y' before the first comma");
    std::string_view acting_as = in.next();
    if (in.done()) return malformed("a message that ends behind its header");
    gs2_header_ = client_first.substr(0, client_first.size() - in.rest().size());
    first_bare_ = in.rest();
    if (first_bare_.starts_with("m=")) return fail(ErrorCode::unsupported, "a mandatory extension");
    const auto user = in.value('n');
    if (!user) return malformed("no user name");
    FANTAIL_TRY(user_, decode_name(*user));
    const auto nonce = in.value('r');
    if (!nonce || !is_nonce(*nonce)) return malformed("no nonce");
    nonce_ = *nonce;
    while (!in.done()) FANTAIL_CHECK(check_extension(in.next()));
    if (acting_as.empty()) return {};
    if (!acting_as.starts_with("a=")) return malformed("something else than an authorization id");
    FANTAIL_TRY(const std::string id, decode_name(acting_as.substr(2)));
    if (id != user_) return fail(ErrorCode::access_refused, "an authorization id that is not the user's name");
    return {};
}

std::string ScramServer::challenge(ScramCredential credential, std::string_view nonce) {
    credential_ = std::move(credential);
    nonce_ += nonce;
    server_first_ = "r=" + nonce_ + ",s=" + http::encode_base64(as_text(credential_.salt)) +
                    ",i=" + std::to_string(credential_.iterations);
    return server_first_;
}

Result<std::string> ScramServer::finish(std::string_view client_final) const {
    FANTAIL_CHECK(check_size(client_final));
    const std::size_t at = client_final.rfind(",p=");
    if (at == std::string_view::npos) return malformed("no proof");
    const std::string_view without_proof = client_final.substr(0, at);
    Attributes in(without_proof);
    if (in.value('c') != http::encode_base64(gs2_header_)) return malformed("another header than in the first message");
    const auto nonce = in.value('r');
    if (!nonce) return malformed("no nonce");
    if (*nonce != nonce_) return fail(ErrorCode::not_authenticated, "another nonce");
    while (!in.done()) FANTAIL_CHECK(check_extension(in.next()));
    const auto proof = http::decode_base64(client_final.substr(at + 3));
    if (!proof || proof->size() != digest_size(mechanism_)) return malformed("a proof of the wrong size");
    const std::string auth_message = first_bare_ + "," + server_first_ + "," + std::string(without_proof);
    if (!proves(auth_message, as_bytes(*proof))) return fail(ErrorCode::not_authenticated, "wrong user or password");
    return "v=" + http::encode_base64(as_text(scram_hmac(mechanism_, credential_.server_key, auth_message)));
}

bool ScramServer::proves(std::string_view auth_message, ByteView proof) const {
    Bytes client_key = scram_hmac(mechanism_, credential_.stored_key, auth_message);
    std::ranges::transform(client_key, proof, client_key.begin(), std::bit_xor<std::uint8_t>());
    return same_secret(scram_hash(mechanism_, client_key), credential_.stored_key);
}

}  // namespace fantail::sasl

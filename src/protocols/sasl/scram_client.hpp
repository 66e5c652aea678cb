// SPDX-License-Identifier: Apache-2.0
//! A SCRAM client, for tests and fuzzers.
#pragma once

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>

#include "protocols/http/http_request.hpp"
#include "protocols/sasl/scram.hpp"

namespace fantail::sasl {

/// Logs in; what a test wants to be different it changes between the calls.
struct ScramClient {
    ScramMechanism mechanism = ScramMechanism::sha_256;
    std::string name;  ///< escaped
    std::string password;
    std::string header = "n,,";
    std::string nonce = "rOprNGfwEbeRWgbNEkqO";
    std::string signature{};  ///< of the server, as it must be; from final() on

    [[nodiscard]] std::string bare() const { return "n=" + name + ",r=" + nonce; }
    [[nodiscard]] std::string first() const { return header + bare(); }

    /// The message that answers server-first.
    [[nodiscard]] std::string final(const std::string& server_first) {
        const std::string whole_nonce = value_of(server_first, "r=");
        const std::string salt = http::decode_base64(value_of(server_first, "s=")).value_or("");
        const std::string rounds = value_of(server_first, "i=");
        std::uint32_t iterations = 1;
        std::from_chars(rounds.data(), rounds.data() + rounds.size(), iterations);
        const Bytes salted = salt_password(password, {mechanism, iterations, as_bytes(salt)});
        const std::string without_proof = "c=" + http::encode_base64(header) + ",r=" + whole_nonce;
        const std::string auth_message = bare() + "," + server_first + "," + without_proof;
        Bytes proof = scram_client_key(mechanism, salted);
        const ScramCredential keys = scram_credential({mechanism, iterations, as_bytes(salt), salted});
        const Bytes client_signature = scram_hmac(mechanism, keys.stored_key, auth_message);
        std::ranges::transform(proof, client_signature, proof.begin(), std::bit_xor<std::uint8_t>());
        signature = "v=" + http::encode_base64(as_text(scram_hmac(mechanism, keys.server_key, auth_message)));
        return without_proof + ",p=" + http::encode_base64(as_text(proof));
    }

    /// The value of the attribute `name` ("r=") of a message; empty if it has none.
    [[nodiscard]] static std::string value_of(const std::string& message, const std::string& name) {
        const std::string all = "," + message;
        const std::size_t at = all.find("," + name);
        if (at == std::string::npos) return "";
        const std::size_t from = at + 1 + name.size();
        return all.substr(from, all.find(',', from) - from);
    }
};

}  // namespace fantail::sasl

// SPDX-License-Identifier: Apache-2.0
//! SaslHandshake and SaslAuthenticate, mechanisms PLAIN and SCRAM.
#include "protocols/kafka/security.hpp"

#include <algorithm>
#include <array>

#include "protocols/http/http_request.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/security_messages.hpp"

namespace fantail::kafka {

namespace {

constexpr std::string_view plain_mechanism = "PLAIN";

class SaslHandshakeExchange final : public ExchangeOf<SaslHandshakeRequest> {
    using ExchangeOf::ExchangeOf;

    void start() override {
        using Stage = Login::Stage;
        Login& login = link().login();
        SaslHandshakeResponse response;
        if (login.stage == Stage::under_way || login.stage == Stage::over) {
            response.error_code = ApiError::illegal_sasl_state;
            respond(response);
            if (login.stage == Stage::under_way) link().close();
            return;
        }
        response.mechanisms = mechanisms();
        login = {};
        if (std::ranges::find(response.mechanisms, request().mechanism) == response.mechanisms.end()) {
            response.error_code = ApiError::unsupported_sasl_mechanism;
        } else {
            login.stage = Stage::chosen;
            if (const auto scram = sasl::scram_mechanism(request().mechanism)) login.scram.emplace(*scram);
        }
        respond(response);
    }

    [[nodiscard]] std::vector<std::string_view> mechanisms() const {
        std::vector<std::string_view> out{plain_mechanism};
        if (!link().options().credentials) return out;
        for (const sasl::ScramMechanism each : sasl::scram_mechanisms) out.push_back(sasl::name_of(each));
        return out;
    }
};

/// RFC 4616: authorization id, NUL, user, NUL, password.
struct PlainMessage {
    std::string_view user;
    std::string_view password;
};
std::optional<PlainMessage> read_plain(std::string_view text) {
    const std::size_t first = text.find('\0');
    if (first == std::string_view::npos) return std::nullopt;
    const std::size_t second = text.find('\0', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    return PlainMessage{text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

/// 192 bits that nobody can foretell.
std::string new_nonce(broker::Port& broker) {
    std::array<std::uint8_t, 24> bytes{};
    for (std::size_t i = 0; i < bytes.size(); i += 8) store_be(&bytes[i], broker.random());
    return http::encode_base64(as_text(bytes));
}

class SaslAuthenticateExchange final : public ExchangeOf<SaslAuthenticateRequest> {
    using ExchangeOf::ExchangeOf;
    using Stage = Login::Stage;

    void start() override {
        Login& login = link().login();
        if (login.stage == Stage::over)
            return answer(ApiError::illegal_sasl_state,
                          "SaslAuthenticate request received after successful authentication");
        if (login.stage == Stage::chosen) return login.scram ? challenge(*login.scram) : check_plain();
        if (login.stage == Stage::under_way && login.scram) return check_proof(*login.scram);
        answer(ApiError::illegal_sasl_state,
               "Unexpected Kafka request of type SASL_AUTHENTICATE during SASL handshake.");
        link().close();
    }

    void check_plain() {
        const auto plain = read_plain(as_text(request().auth_bytes));
        if (!plain) return refuse(wrong_password);
        link().login().stage = Stage::under_way;
        user_ = plain->user;
        link().check_login(*this, plain->user, plain->password);
    }

    void on_event(broker::Event& event) override {
        const auto& checked = std::get<broker::LoginChecked>(event);
        if (!checked.outcome) return refuse(wrong_password);
        let_in(user_, {});
    }

    void challenge(sasl::ScramServer& scram) {
        const auto begun = scram.begin(as_text(request().auth_bytes));
        if (!begun) return refuse(scram, begun.error());
        link().login().stage = Stage::under_way;
        const broker::UserDefinition* user = link().catalog().user(scram.user());
        auto credential =
            link().options().credentials->find({user, scram.user(), scram.mechanism()}, link().host().peer());
        const std::string text = scram.challenge(std::move(credential), new_nonce(link().host().broker()));
        respond(SaslAuthenticateResponse{.auth_bytes = as_bytes(text)});
    }

    void check_proof(const sasl::ScramServer& scram) {
        const auto signature = scram.finish(as_text(request().auth_bytes));
        if (!signature) return refuse(scram, signature.error());
        let_in(std::string(scram.user()), *signature);
    }

    void let_in(const std::string& user, std::string_view signature) {
        link().logged_in(user);
        respond(SaslAuthenticateResponse{.auth_bytes = as_bytes(signature)});
    }

    /// What was wrong is not told, but for what concerns the client alone.
    void refuse(const sasl::ScramServer& scram, const Error& error) {
        if (error.code == ErrorCode::access_refused)
            return refuse(
                "Authentication failed: Client requested an authorization id that is different from username");
        refuse("Authentication failed during authentication due to invalid credentials with SASL mechanism " +
               std::string(sasl::name_of(scram.mechanism())));
    }
    void refuse(std::string_view message) {
        answer(ApiError::sasl_authentication_failed, message);
        link().close();
    }
    void answer(ApiError error, std::string_view message) {
        respond(SaslAuthenticateResponse{.error_code = error, .error_message = message});
    }

    static constexpr std::string_view wrong_password = "Authentication failed: Invalid username or password";
    std::string user_;
};

}  // namespace

bool is_allowed_before_login(ApiKey api) {
    return api == ApiKey::api_versions || api == ApiKey::sasl_handshake || api == ApiKey::sasl_authenticate;
}

std::unique_ptr<Exchange> make_sasl_handshake(Link& link, const RequestHeader& header) {
    return std::make_unique<SaslHandshakeExchange>(link, header);
}
std::unique_ptr<Exchange> make_sasl_authenticate(Link& link, const RequestHeader& header) {
    return std::make_unique<SaslAuthenticateExchange>(link, header);
}

}  // namespace fantail::kafka

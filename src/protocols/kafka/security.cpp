// SPDX-License-Identifier: Apache-2.0
//! SaslHandshake and SaslAuthenticate, mechanism PLAIN.
#include "protocols/kafka/security.hpp"

#include <algorithm>

#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/security_messages.hpp"

namespace fantail::kafka {

namespace {

constexpr std::string_view mechanism = "PLAIN";

class SaslHandshakeExchange final : public ExchangeOf<SaslHandshakeRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override {
        SaslHandshakeResponse response;
        response.mechanisms = {mechanism};
        if (request().mechanism != mechanism) response.error_code = ApiError::unsupported_sasl_mechanism;
        respond(response);
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

class SaslAuthenticateExchange final : public ExchangeOf<SaslAuthenticateRequest> {
    using ExchangeOf::ExchangeOf;
    void start() override {
        const auto plain = read_plain(as_text(request().auth_bytes));
        if (!plain) return refuse();
        user_ = plain->user;
        link().check_login(*this, plain->user, plain->password);
    }

    void on_event(broker::Event& event) override {
        const auto& checked = std::get<broker::LoginChecked>(event);
        if (!checked.outcome) return refuse();
        link().logged_in(user_);
        respond(SaslAuthenticateResponse{});
    }

    void refuse() {
        SaslAuthenticateResponse response;
        response.error_code = ApiError::sasl_authentication_failed;
        response.error_message = "Authentication failed: invalid user name or password";
        respond(response);
        link().close();
    }

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

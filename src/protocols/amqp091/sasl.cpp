// SPDX-License-Identifier: Apache-2.0
//! Reads SASL responses.
#include "protocols/amqp091/sasl.hpp"

#include <algorithm>

#include "record/field_table.hpp"

namespace fantail::amqp091 {
namespace {

bool usable(const Link& link, std::string_view mechanism) {
    if (mechanism != "EXTERNAL") return true;
    return link.host.peer().tls && !link.host.peer().certificate_name.empty();
}

bool offered(const Link& link, std::string_view mechanism) {
    const auto& all = link.options->mechanisms;
    return std::ranges::find(all, mechanism) != all.end() && usable(link, mechanism);
}

Replied<Claim> by_password(std::string_view mechanism, std::optional<Credentials> credentials) {
    if (!credentials) return refuse(login_refused(mechanism));
    return Claim{std::string(mechanism), std::move(credentials->user), std::move(credentials->password)};
}

Replied<Claim> by_name(const Link& link, std::string_view mechanism, std::string_view name) {
    if (name.empty() || link.catalog().user(name) == nullptr) return refuse(login_refused(mechanism));
    return Claim{std::string(mechanism), std::string(name), std::nullopt};
}

}  // namespace

std::optional<Credentials> parse_plain(std::string_view response) {
    const std::size_t user_at = response.find('\0');
    if (user_at == std::string_view::npos) return std::nullopt;
    const std::size_t password_at = response.find('\0', user_at + 1);
    if (password_at == std::string_view::npos) return std::nullopt;
    return Credentials{std::string(response.substr(user_at + 1, password_at - user_at - 1)),
                       std::string(response.substr(password_at + 1))};
}

std::optional<Credentials> parse_amqplain(std::string_view response) {
    const record::FieldTableView table(as_bytes(response));
    if (!record::validate(table)) return std::nullopt;
    const auto user = table.find("LOGIN");
    const auto password = table.find("PASSWORD");
    if (!user || !password || !user->as_text() || !password->as_text()) return std::nullopt;
    return Credentials{std::string(*user->as_text()), std::string(*password->as_text())};
}

std::string offered_mechanisms(const Link& link) {
    std::string out;
    for (const std::string& mechanism : link.options->mechanisms) {
        if (!usable(link, mechanism)) continue;
        if (!out.empty()) out += ' ';
        out += mechanism;
    }
    return out;
}

Replied<Claim> read_claim(const Link& link, std::string_view mechanism, std::string_view response) {
    if (!offered(link, mechanism)) {
        return refuse(ReplyCode::command_invalid, "unknown authentication mechanism '" + std::string(mechanism) + "'");
    }
    if (mechanism == "PLAIN") return by_password(mechanism, parse_plain(response));
    if (mechanism == "AMQPLAIN") return by_password(mechanism, parse_amqplain(response));
    if (mechanism == "EXTERNAL") return by_name(link, mechanism, link.host.peer().certificate_name);
    if (mechanism == "ANONYMOUS") return by_name(link, mechanism, link.options->anonymous_user);
    return refuse(ReplyCode::command_invalid, "unknown authentication mechanism '" + std::string(mechanism) + "'");
}

}  // namespace fantail::amqp091

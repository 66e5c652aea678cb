// SPDX-License-Identifier: Apache-2.0
//! Calls, pages and error texts of the administration port.
#include "cli/admin_client.hpp"

#include <boost/json.hpp>

#include <CLI/CLI.hpp>

namespace fantail::cli {

namespace {

constexpr std::size_t page_size = 10'000;

/// What the broker says is wrong, or at least the status.
std::string error_text(const HttpReply& reply) {
    boost::system::error_code error;
    const boost::json::value body = boost::json::parse(reply.body, error);
    if (!error && body.is_object())
        if (const auto* text = body.as_object().if_contains("reason"); text != nullptr && text->is_string())
            return std::string(text->as_string());
    return "the broker answered with status " + std::to_string(reply.status);
}

ErrorCode code_of(int status) {
    if (status == 401) return ErrorCode::not_authenticated;
    if (status == 404) return ErrorCode::not_found;
    return status >= 500 ? ErrorCode::unavailable : ErrorCode::precondition_failed;
}

}  // namespace

std::shared_ptr<AdminTarget> add_admin_target(CLI::App& command) {
    auto target = std::make_shared<AdminTarget>();
    command.add_option("--admin", target->url, "the broker's administration port (default: http://127.0.0.1:15672)")
        ->type_name("URL")
        ->envname("FANTAIL_ADMIN");
    command.add_option("--user", target->user, "administrator to log in as (default: the URL's, or guest)")
        ->type_name("NAME");
    command
        .add_option("--password", target->password,
                    "its password; rather put it into FANTAIL_ADMIN=http://user:password@host:port")
        ->type_name("TEXT");
    command.fallthrough();
    return target;
}

Result<std::string> AdminClient::run(HttpCall call) {
    FANTAIL_TRY(AdminUrl url, parse_admin_url(target_.url));
    if (!target_.user.empty()) url.user = target_.user;
    if (!target_.password.empty()) url.password = target_.password;
    if (url.user.empty()) url.user = "guest";
    if (url.password.empty() && url.user == "guest") url.password = "guest";
    FANTAIL_TRY(HttpReply reply, call_(url, call));
    if (reply.status >= 200 && reply.status < 300) return std::move(reply.body);
    return fail(code_of(reply.status), error_text(reply));
}

Result<std::string> AdminClient::get(const std::string& target) { return run({"GET", target, ""}); }
Result<std::string> AdminClient::put(const std::string& target, const boost::json::value& body) {
    return run({"PUT", target, boost::json::serialize(body)});
}
Result<std::string> AdminClient::post(const std::string& target, const std::string& body) {
    return run({"POST", target, body});
}
Result<std::string> AdminClient::remove(const std::string& target) { return run({"DELETE", target, ""}); }

Result<boost::json::array> AdminClient::list(const std::string& path, const std::string& query) {
    boost::json::array all;
    for (;;) {
        const std::string page = "offset=" + std::to_string(all.size()) + "&limit=" + std::to_string(page_size);
        FANTAIL_TRY(const std::string body, get(path + "?" + page + (query.empty() ? "" : "&" + query)));
        boost::system::error_code error;
        boost::json::value parsed = boost::json::parse(body, error);
        const boost::json::value* items =
            !error && parsed.is_object() ? parsed.as_object().if_contains("items") : nullptr;
        if (items == nullptr || !items->is_array()) return fail(ErrorCode::malformed, "the broker's answer is no list");
        for (const boost::json::value& item : items->as_array()) all.push_back(item);
        if (items->as_array().size() < page_size) return all;
    }
}

}  // namespace fantail::cli

// SPDX-License-Identifier: Apache-2.0
//! The administration port as commands use it: options that say where it is, calls, and lists page by page.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "cli/http_client.hpp"

namespace CLI {
class App;
}

namespace fantail::cli {

/// Where and who, as given on the command line or in FANTAIL_ADMIN.
struct AdminTarget {
    std::string url = "http://127.0.0.1:15672";
    std::string user;  ///< empty: the URL's, or guest
    std::string password;
};

/// Adds --admin, --user and --password to `command`; its subcommands know them too.
[[nodiscard]] std::shared_ptr<AdminTarget> add_admin_target(CLI::App& command);

class AdminClient {
public:
    using Call = std::function<Result<HttpReply>(const AdminUrl&, const HttpCall&)>;
    /// \param call how to reach the broker; tests give their own
    explicit AdminClient(AdminTarget target, Call call = http_call)
        : target_(std::move(target)), call_(std::move(call)) {}

    /// The body of a successful answer. Errors: what the broker says, in its words.
    [[nodiscard]] Result<std::string> get(const std::string& target);
    [[nodiscard]] Result<std::string> put(const std::string& target, const boost::json::value& body);
    [[nodiscard]] Result<std::string> post(const std::string& target, const std::string& body = "");
    [[nodiscard]] Result<std::string> remove(const std::string& target);
    /// All entries of a list, over all its pages. \param query "vhost=x" or empty
    [[nodiscard]] Result<boost::json::array> list(const std::string& path, const std::string& query);

private:
    Result<std::string> run(HttpCall call);

    AdminTarget target_;
    Call call_;
};

}  // namespace fantail::cli

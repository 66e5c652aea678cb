// SPDX-License-Identifier: Apache-2.0
//! The administration port: HTTP requests in, JSON and metrics out.
#pragma once

#include "protocols/http/http_request.hpp"
#include "protocols/session.hpp"
#include "server/admin_api.hpp"
#include "server/admin_context.hpp"

namespace fantail::server {

/// One HTTP connection. Requests are answered one after another; the next is parsed when the last is answered.
class AdminSession final : public protocols::Session {
public:
    AdminSession(protocols::SessionHost& host, AdminContext& context);

    std::size_t on_bytes(ByteView bytes) override;
    void end_of_input() override {}
    void on_event(broker::Event& event) override;
    void end_of_turn() override {}
    void on_tick() override { host_.close(); }
    [[nodiscard]] MonoTime deadline() const override { return deadline_; }
    void on_writable(bool) override {}
    void on_closed() override {}
    [[nodiscard]] protocols::SessionInfo info() const override;

    /// Answers the request under way; called on the session's core.
    void respond(http::Response response);

    [[nodiscard]] static protocols::Protocol protocol(AdminContext& context);

private:
    void handle(http::Request request);
    [[nodiscard]] bool authorized(const http::Request& request);

    protocols::SessionHost& host_;
    AdminContext& context_;
    http::RequestParser parser_;
    AdminApi api_;
    MonoTime deadline_;
    std::string user_;
    bool busy_ = false;
    bool keep_alive_ = true;
    bool head_only_ = false;
};

}  // namespace fantail::server

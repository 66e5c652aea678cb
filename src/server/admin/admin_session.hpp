// SPDX-License-Identifier: Apache-2.0
//! The administration port: HTTP requests in, JSON and metrics out.
#pragma once

#include "protocols/http/http_request.hpp"
#include "protocols/session.hpp"
#include "server/admin/admin_api.hpp"

namespace fantail::server {

inline constexpr std::size_t definitions_size_max = 20u << 20;  ///< bytes of a file to import

/// One HTTP connection. Requests are answered one after another; the next is parsed when the last is answered.
class AdminSession final : public protocols::Session {
public:
    /// `host` and `backend` outlive it.
    AdminSession(protocols::SessionHost& host, AdminBackend& backend);

    std::size_t on_bytes(ByteView bytes) override;
    void end_of_input() override {}
    void on_event(broker::Event& event) override;
    void end_of_turn() override {}
    void on_tick() override;
    [[nodiscard]] MonoTime deadline() const override { return deadline_; }
    void on_writable(bool writable) override;
    void on_closed() override { api_.on_closed(); }
    [[nodiscard]] protocols::SessionInfo info() const override;

    /// \param backend outlives all sessions
    [[nodiscard]] static protocols::Protocol protocol(AdminBackend& backend);

private:
    bool parse_one(ByteView bytes, std::size_t& used);
    void handle(http::Request request);
    void respond(http::Response response);
    void log_in();
    void on_login(const broker::LoginChecked& answer);
    void refuse_login();
    void refuse_login_later();

    protocols::SessionHost& host_;
    http::RequestParser parser_{{"/api/definitions", definitions_size_max}};
    AdminApi api_;
    MonoTime deadline_;         ///< of the request under way, or of the idle connection
    http::Request request_;     ///< the one under way, while its login is checked
    std::string claimed_user_;  ///< of request_
    std::string user_;          ///< of the last request that was let in
    RequestId login_;           ///< the last that was checked
    bool busy_ = false;         ///< a request awaits its answer
    bool parsing_ = false;      ///< inside on_bytes
    bool writable_ = true;
    bool refused_ = false;  ///< a wrong password: the answer waits, against guessing
    bool keep_alive_ = true;
    bool head_only_ = false;
};

}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! One Kafka connection: takes requests, runs their exchanges side by side, and sends the responses in the requests' order.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <unordered_map>

#include "protocols/kafka/exchange.hpp"

namespace fantail::kafka {

/// Invariant: every exchange is in `exchanges_`, oldest first; those that wait for an event are in `waiting_` under its id.
class Session final : public protocols::Session, public Link {
public:
    Session(protocols::SessionHost& host, std::shared_ptr<const KafkaOptions> options);

    // protocols::Session
    std::size_t on_bytes(ByteView bytes) override;
    [[nodiscard]] std::size_t kept_size_max() const override;
    void end_of_input() override {}
    void on_event(broker::Event& event) override;
    void end_of_turn() override {}
    void on_tick() override;
    [[nodiscard]] MonoTime deadline() const override;
    void on_writable(bool writable) override;
    void on_closed() override;
    [[nodiscard]] protocols::SessionInfo info() const override;

    // Link
    RequestId send(Exchange& from, ShardId shard, broker::ShardCommand command) override;
    RequestId send(Exchange& from, broker::AdminCommand command) override;
    void check_login(Exchange& from, std::string_view user, std::string_view password) override;
    void tell(ShardId shard, broker::ShardCommand command) override;
    [[nodiscard]] bool is_next(const Exchange& exchange) const override;
    [[nodiscard]] Login& login() override { return login_; }
    void logged_in(const std::string& user) override;
    void close() override;
    [[nodiscard]] protocols::SessionHost& host() const override { return host_; }
    [[nodiscard]] const KafkaOptions& options() const override { return *options_; }
    [[nodiscard]] const std::string& user() const override { return user_; }
    [[nodiscard]] const std::string& client_id() const override { return client_id_; }
    [[nodiscard]] VhostId vhost() const override { return vhost_; }

private:
    enum class Took : std::uint8_t { yes, not_now };
    [[nodiscard]] Took take(ByteView payload);
    [[nodiscard]] bool may_take(const RequestHeader& header);
    void begin(const RequestHeader& header);
    void refuse_version(const RequestHeader& header);
    void flush();
    void fail(std::string reason);

    protocols::SessionHost& host_;
    std::shared_ptr<const KafkaOptions> options_;
    std::string user_;  ///< empty: must log in first
    Login login_;
    VhostId vhost_;
    std::string client_id_;
    std::deque<std::unique_ptr<Exchange>> exchanges_;
    std::unordered_map<RequestId, Exchange*> waiting_;
    std::set<ShardId> told_;  ///< shards that may hold reads of this connection
    RequestId last_request_;
    bool writable_ = true;
    bool blocked_ = false;  ///< by an alarm: what stores records is not taken
    bool held_ = false;     ///< a request waits in the input
    bool alarmed_ = false;  ///< it waits for the end of the alarm
    bool closing_ = false;
};

}  // namespace fantail::kafka

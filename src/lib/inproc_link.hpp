// SPDX-License-Identifier: Apache-2.0
//! A peer in the same process.
#pragma once

#include <memory>
#include <string>

#include "fantail/event.hpp"
#include "lib/connection.hpp"
#include "lib/inproc.hpp"

namespace fantail::lib {

class Engine;

/// Messages are moved into the channel by the sender's thread and out of it by the receiver's. One that connects makes the channel, and
/// fills it while nobody is there yet; when the other end goes, what that has not taken goes into the next channel.
class InprocLink final : public Connection {
public:
    /// Of an address that is connected to.
    InprocLink(Engine& engine, std::string endpoint, std::string name);
    /// Of an address that is bound.
    InprocLink(Engine& engine, std::string endpoint, std::shared_ptr<Channel> channel);
    ~InprocLink() override;

    bool send(message& m) override;
    bool has_room() override;
    void subscribe(byte_view prefix, bool add) override;
    void reject(const char* reason) override;

    void begin() override;
    void flush() override {}
    bool resume() override;
    void on_timer(MonoTime now) override;
    MonoTime deadline() const override { return next_attempt_; }
    void settle_loss() override;
    void finish() override { close_channel(); }
    bool is_connector() const override { return is_connector_; }
    bool is_over() const override { return !is_connector_ && !channel_; }
    bool has_unsent() const override;
    const std::string& endpoint() const override { return endpoint_; }

    /// Its side has news.
    void on_news();

private:
    [[nodiscard]] Side& mine() const { return channel_->sides[is_connector_ ? 0 : 1]; }
    [[nodiscard]] Side& theirs() const { return channel_->sides[is_connector_ ? 1 : 0]; }
    void introduce();
    void make_channel();
    void accept();
    void on_open();
    void drain();
    void replace_newest(message&& m);
    [[nodiscard]] bool take_newest();
    void tell_if_open();
    void tell();
    void tell_state();
    void close_channel();
    void broke(event::type what, std::string reason);
    [[nodiscard]] bool is_full() const;

    Engine& engine_;
    const std::string endpoint_;
    const std::string name_;
    const bool is_connector_;
    std::shared_ptr<Channel> channel_;
    bool is_open_ = false;
    bool is_broken_ = false;
    event::type loss_ = event::type::disconnected;
    std::string loss_reason_;
    MonoTime next_attempt_ = MonoTime::never();
};

}  // namespace fantail::lib

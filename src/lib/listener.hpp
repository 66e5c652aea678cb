// SPDX-License-Identifier: Apache-2.0
//! A bound endpoint of a socket.
#pragma once

#include <memory>
#include <string>

#include "base/time.hpp"
#include "lib/endpoint.hpp"
#include "lib/pollable.hpp"
#include "sys/fd.hpp"

namespace fantail::lib {

class Engine;

/// Accepts connections for its engine. When descriptors run out it waits retry_ms.
class Listener final : public Pollable {
public:
    static constexpr int accepts_a_turn_max = 64;
    static constexpr std::int64_t retry_ms = 100;

    /// Errors: as sys::listen_stream.
    [[nodiscard]] static Result<std::unique_ptr<Listener>> open(Engine& engine, Endpoint endpoint);
    ~Listener() override;

    void on_ready(bool readable, bool writable) override;
    void on_timer(MonoTime now);
    [[nodiscard]] MonoTime deadline() const { return retry_at_; }
    /// With the port that it really is.
    [[nodiscard]] const std::string& endpoint() const { return text_; }

private:
    Listener(Engine& engine, Endpoint endpoint, sys::Fd fd);

    Engine& engine_;
    Endpoint where_;
    std::string text_;
    sys::Fd fd_;
    MonoTime retry_at_ = MonoTime::never();
};

}  // namespace fantail::lib

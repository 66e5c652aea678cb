// SPDX-License-Identifier: Apache-2.0
//! Listening and accepting.
#include "lib/listener.hpp"

#include <unistd.h>

#include "lib/engine.hpp"

namespace fantail::lib {

Listener::Listener(Engine& engine, Endpoint endpoint, sys::Fd fd)
    : engine_(engine), where_(std::move(endpoint)), fd_(std::move(fd)) {
    engine_.watches(1);
    text_ = endpoint_text(where_, sys::local_address(fd_.get()));
}

Result<std::unique_ptr<Listener>> Listener::open(Engine& engine, Endpoint endpoint) {
    const auto backlog = static_cast<int>(engine.settings().listen_backlog);
    FANTAIL_TRY(sys::Fd fd, sys::listen_stream(endpoint.addresses.front(), backlog));
    std::unique_ptr<Listener> listener(new Listener(engine, std::move(endpoint), std::move(fd)));
    const auto tag = reinterpret_cast<std::uint64_t>(static_cast<Pollable*>(listener.get()));
    FANTAIL_CHECK(engine.poll().add(listener->fd_.get(), tag, {}));
    engine.report({.what = event::type::listening, .endpoint = listener->text_});
    return listener;
}

Listener::~Listener() {
    engine_.poll().remove(fd_.get());
    engine_.watches(-1);
    if (!where_.path.empty()) ::unlink(where_.path.c_str());
}

void Listener::on_ready(bool, bool) {
    for (int i = 0; i < accepts_a_turn_max; ++i) {
        auto fd = sys::accept_stream(fd_.get(), engine_.stream_options());
        if (!fd) {
            engine_.report({.what = event::type::accept_failed, .endpoint = text_, .reason = fd.error().message});
            engine_.poll().remove(fd_.get());
            retry_at_ = engine_.now().plus_ms(retry_ms);
            return engine_.note_deadline(retry_at_);
        }
        if (!*fd) return;
        engine_.accepted(
            std::move(*fd),
            {.text = text_, .path = {}, .addresses = {}, .wire = where_.wire, .transport = where_.transport});
    }
}

void Listener::on_timer(MonoTime now) {
    if (now < retry_at_) return;
    retry_at_ = MonoTime::never();
    const auto tag = reinterpret_cast<std::uint64_t>(static_cast<Pollable*>(this));
    if (!engine_.poll().add(fd_.get(), tag, {})) {
        retry_at_ = now.plus_ms(retry_ms);
        engine_.note_deadline(retry_at_);
    }
}

}  // namespace fantail::lib

// SPDX-License-Identifier: Apache-2.0
//! The login, frames and time-outs of a simulated Kafka client.
#include "sim/kafka_peer.hpp"

#include "protocols/kafka/metadata_client.hpp"
#include "protocols/kafka/security_client.hpp"

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {

/// Time that the broker has for any answer; later a client takes it for dead.
constexpr std::int64_t answer_time_max = 10 * second;
constexpr std::int64_t patience = 40 * second;
constexpr std::uint32_t response_size_max = 64u << 20;

}  // namespace

bool KafkaPeer::open(Random& random) {
    link_ = node_.connect(draw_quality(random));
    if (!link_) return false;
    incarnation_ = node_.incarnation();
    const std::weak_ptr<KafkaPeer> weak = weak_from_this();
    link_->attach_client({[weak](ByteView bytes) {
                              if (const auto self = weak.lock()) self->on_bytes(bytes);
                          },
                          [weak](bool broken) {
                              if (const auto self = weak.lock()) self->on_end(broken);
                          }});
    log_in();
    watch();
    return true;
}

void KafkaPeer::log_in() {
    ask<ApiVersionsResponse>(ApiVersionsRequest{.client_software_name = "sim", .client_software_version = "1"}, 3,
                             [](const ApiVersionsResponse&) {});
    ask<SaslHandshakeResponse>(SaslHandshakeRequest{.mechanism = "PLAIN"}, 1, [this](const auto& response) {
        if (response.error_code != ApiError::none) world_.fail("PLAIN is refused");
    });
    const std::string_view login("\0guest\0guest", 12);
    ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{.auth_bytes = as_bytes(login)}, 1,
                                  [this](const auto& response) {
                                      if (response.error_code != ApiError::none)
                                          return world_.fail("the login is refused");
                                      open_ = true;
                                      owner_.on_open();
                                  });
}

void KafkaPeer::drop() {
    if (over_) return;
    over_ = true;
    waiting_.clear();
    link_->client_close();
}

void KafkaPeer::gone() {
    if (over_) return;
    const auto self = shared_from_this();  // the owner lets go of it
    drop();
    owner_.on_gone();
}

void KafkaPeer::on_end(bool broken) {
    if (!over_ && !broken && !may_be_closed_ && node_.running() && node_.incarnation() == incarnation_ &&
        !link_->unreliable() && !link_->was_stalled())
        world_.fail("the broker closes a Kafka connection for no reason");
    gone();
}

void KafkaPeer::on_bytes(ByteView bytes) {
    const auto self = shared_from_this();  // the owner may let go of it
    append(in_, bytes);
    std::size_t used = 0;
    Frame frame;
    while (!over_) {
        const auto status = next_frame(ByteView(in_).subspan(used), response_size_max, frame);
        if (!status) return world_.fail("the broker sent what is no frame: " + status.error().message);
        if (*status == FrameStatus::need_more) break;
        used += frame.wire_size;
        if (waiting_.empty()) return world_.fail("an answer that nobody waits for");
        const Waiting waiting = std::move(waiting_.front());
        waiting_.pop_front();
        waiting.answer(frame.payload, waiting.correlation);
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(used));
}

void KafkaPeer::watch() {
    world_.after(second, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->over_) return;
        if (!self->waiting_.empty() && self->waiting_.front().due + patience < self->world_.time()) self->gone();
        self->watch();
    });
}

bool KafkaPeer::owes() const {
    if (over_ || waiting_.empty() || link_->server_gone() || link_->unreliable()) return false;
    return waiting_.front().due + answer_time_max < world_.time();
}

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! The public sockets of lanes.
#include "fantail/lane.hpp"

#include "lib/engine.hpp"
#include "patterns/lane_wire.hpp"

namespace fantail {

using patterns::Kind;

static std::uint8_t number_of(Kind kind) { return static_cast<std::uint8_t>(kind); }

lane_sender::lane_sender(const options& settings)
    : socket(static_cast<pattern>(number_of(Kind::lane_sender)), settings) {}

lane_receiver::lane_receiver(const options& settings)
    : socket(static_cast<pattern>(number_of(Kind::lane_receiver)), settings),
      receive_timeout_(settings.receive_timeout),
      is_automatic_(settings.lane.acknowledge_automatically) {}

std::string delivery::key() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : lane) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out + '-' + std::to_string(number);
}

result<delivery> lane_receiver::receive() { return receive(receive_timeout_); }

result<delivery> lane_receiver::receive(milliseconds timeout) {
    delivery out;
    if (auto received = receive_into(out.content, timeout); !received) return received.error();
    if (is_automatic_) flush_settled();
    const patterns::LaneGiven given = patterns::decode_lane_given(out.content.take_first().bytes());
    out.lane = given.lane;
    out.number = given.number.value;
    out.redelivered = given.is_redelivered;
    return out;
}

result<void> lane_receiver::settle(const delivery& what, bool again) {
    return settle_lane(what.lane, what.number, again);
}

result<std::uint64_t> socket::post_message(message&& m) { return engine_->post(m, engine_->settings().send_timeout); }
result<std::uint64_t> socket::post_message(message&& m, milliseconds timeout) { return engine_->post(m, timeout); }
result<void> socket::flush_journal() { return engine_->flush_journal(); }
std::uint64_t socket::durable_number() { return engine_->lane_progress().durable; }
std::uint64_t socket::unsettled() { return engine_->unsettled(); }
result<void> socket::wait_settled(milliseconds timeout) { return engine_->wait_settled(timeout); }
void socket::flush_settled() { engine_->flush_settled(); }
result<void> socket::settle_lane(byte_view lane, std::uint64_t number, bool again) {
    return engine_->settle_lane({.lane = lane, .number = number, .again = again});
}

}  // namespace fantail

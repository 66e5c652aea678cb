// SPDX-License-Identifier: Apache-2.0
//! The parts of FrameWriter that are not templates.
#include "protocols/amqp091/codec.hpp"

namespace fantail::amqp091 {

void FrameWriter::method(std::uint16_t channel, const Method& m) {
    std::visit([&](const auto& known) { method(channel, known); }, m);
}

void FrameWriter::heartbeat() {
    *fields::store_frame_header(extend(out_, frame_overhead), FrameType::heartbeat, 0, 0) = frame_end;
}

}  // namespace fantail::amqp091

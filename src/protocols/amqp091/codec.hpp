// SPDX-License-Identifier: Apache-2.0
//! FrameWriter: appends AMQP 0-9-1 frames to an output buffer.
#pragma once

#include "protocols/amqp091/frame.hpp"
#include "protocols/amqp091/methods.hpp"

namespace fantail::amqp091 {

namespace fields {
inline std::uint8_t* store_frame_header(std::uint8_t* p, FrameType type, std::uint16_t channel, std::size_t size) {
    *p = static_cast<std::uint8_t>(type);
    return store_long(store_short(p + 1, channel), static_cast<std::uint32_t>(size));
}
}  // namespace fields

/// Lengthens `out` by `size` bytes, whose values are open (Bytes does not zero them), and returns where they begin.
/// Raw stores there are what the hot paths do: inserting into Bytes goes byte by byte.
inline std::uint8_t* extend(Bytes& out, std::size_t size) {
    const std::size_t at = out.size();
    reserve_more(out, size);
    out.resize(at + size);
    return out.data() + at;
}

/// Appends whole frames. Keeps no state but the buffer, which must outlive it.
/// Frames with content have their own writers in content.hpp.
class FrameWriter final {
public:
    explicit FrameWriter(Bytes& out) : out_(out) {}

    /// One method frame. REQUIRES: shortstrs of at most 255 bytes, and together within the peer's frame_max.
    template <class M>
    void method(std::uint16_t channel, const M& m) {
        const std::size_t size = encoded_size(m);
        std::uint8_t* p = extend(out_, size + frame_overhead);
        p = store(fields::store_frame_header(p, FrameType::method, channel, size), m);
        *p = frame_end;
    }
    /// The same for any method.
    void method(std::uint16_t channel, const Method& m);

    /// A heartbeat: empty, on channel 0 (spec 4.2.7).
    void heartbeat();

private:
    Bytes& out_;
};

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! AMQP 0-9-1 framing: the protocol header, and cutting a read buffer into frames without copying.
//!
//! Big endian throughout (spec 4.2.3):
//!
//!     0      1         3             7                  7+size
//!     +------+---------+-------------+------------------+------+
//!     | type | channel | size        | payload          | 0xCE |
//!     +------+---------+-------------+------------------+------+
//!      octet   short     long          size octets        octet
#pragma once

#include <array>

#include "base/result.hpp"
#include "protocols/amqp091/codec_fields.hpp"

namespace fantail::amqp091 {

enum class FrameType : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };

inline constexpr std::size_t frame_header_size = 7;
inline constexpr std::uint8_t frame_end = 0xCE;
inline constexpr std::uint32_t frame_overhead = 8;
static_assert(frame_overhead == frame_header_size + sizeof frame_end);
/// No peer may negotiate less (spec 4.2.3), so that much is always allowed.
inline constexpr std::uint32_t frame_max_min = 4096;

/// One frame. `payload` is a view into the read buffer.
struct Frame {
    FrameType type = FrameType::method;
    std::uint16_t channel = 0;
    ByteView payload;
    std::size_t wire_size = 0;  ///< bytes of the whole frame, framing included
};

enum class FrameStatus : std::uint8_t { need_more, complete };

/// Takes the first frame of `in` if it is there whole and in order; otherwise returns false and next_frame says why.
/// `frame_max` counts the whole frame in bytes; REQUIRES: at least frame_overhead. Hot: once for each frame read.
[[nodiscard]] inline bool take_frame(ByteView in, std::uint32_t frame_max, Frame& out) {
    if (in.size() < frame_overhead) return false;
    const std::uint8_t type = in[0];
    if ((type < 1 || type > 3) && type != 8) return false;
    const auto size = load_be<std::uint32_t>(&in[3]);
    if (size > frame_max - frame_overhead || in.size() - frame_overhead < size) return false;
    if (in[frame_header_size + size] != frame_end) return false;
    out = {FrameType{type}, load_be<std::uint16_t>(&in[1]), in.subspan(frame_header_size, size),
           std::size_t{size} + frame_overhead};
    return true;
}

/// Takes the first frame of `in`. On need_more, `out.wire_size` is the size of the frame if its header is there, else 0;
/// call again with the same bytes and more. `frame_max` counts the whole frame in bytes (RabbitMQ's reading of tune too);
/// REQUIRES: at least frame_overhead. A wrong header is reported as soon as it is seen, not when the frame is whole.
/// Errors, all of them 501 FRAME_ERROR: malformed (unknown type, wrong end octet), too_large (over frame_max).
[[nodiscard]] Result<FrameStatus> next_frame(ByteView in, std::uint32_t frame_max, Frame& out);

/// How a peer introduces itself.
enum class Opening : std::uint8_t {
    need_more,      ///< so far the beginning of some known one
    amqp_0_9_1,     ///< "AMQP" 0 0 9 1, and "AMQP" 1 1 0 9, which old clients send and mean the same
    amqp_1_0,       ///< "AMQP" 0 1 0 0
    amqp_1_0_sasl,  ///< "AMQP" 3 1 0 0
    amqp_other,     ///< "AMQP" and a version that nobody offers: answer with protocol_header and close
    http,           ///< the beginning of an HTTP request line
    tls,            ///< a TLS ClientHello
    unknown,        ///< none of these
};

inline constexpr std::size_t protocol_header_size = 8;
/// The header that we offer: sent as it is to a peer whose version we refuse (spec 4.2.2).
inline constexpr std::array<std::uint8_t, protocol_header_size> protocol_header{'A', 'M', 'Q', 'P', 0, 0, 9, 1};

/// Recognises the first bytes of a connection; 8 always suffice for an answer other than need_more.
/// An AMQP header takes protocol_header_size bytes; nothing of the others is consumed.
[[nodiscard]] Opening recognize_opening(ByteView in);

}  // namespace fantail::amqp091

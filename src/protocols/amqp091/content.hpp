// SPDX-License-Identifier: Apache-2.0
//! Messages in AMQP 0-9-1 frames: content headers, and the hot paths of publishing and delivering.
//!
//! A message is a method frame, a content header frame, and as many body frames as it takes; none for an empty body
//! (spec 4.2.6). Payload of the content header, big endian:
//!
//!     0          2        4           12
//!     +----------+--------+-----------+-------+------------+
//!     | class id | weight | body size | flags | properties |
//!     +----------+--------+-----------+-------+------------+
//!      short      short    longlong    `--- property bytes --`
#pragma once

#include "protocols/amqp091/codec.hpp"

namespace fantail::amqp091 {

inline constexpr std::uint16_t basic_class_id = 60;
inline constexpr std::size_t content_header_fixed_size = 12;

struct ContentHeader {
    std::uint16_t class_id = basic_class_id;
    std::uint16_t weight = 0;
    std::uint64_t body_size = 0;
    ByteView property_bytes;  ///< flags word and properties; a view into the payload, for decode_properties

    /// Class basic and weight 0; anything else is 505 UNEXPECTED_FRAME.
    [[nodiscard]] bool follows_basic_method() const { return class_id == basic_class_id && weight == 0; }
};

/// Decodes a header frame's payload; does not look into the properties. Errors: malformed (shorter than its fixed part: 501).
[[nodiscard]] Result<ContentHeader> decode_content_header(ByteView payload);

/// A message on its way out. Both views are copied into the output.
struct Content {
    ByteView property_bytes;  ///< flags word and properties; empty for none
    ByteView body;
};

/// Whether a message with these properties can be sent at all: a content header must fit one frame.
[[nodiscard]] constexpr bool header_fits(ByteView property_bytes, std::uint32_t frame_max) {
    return property_bytes.size() + content_header_fixed_size + frame_overhead <= frame_max;
}

// Each appends a whole message: method, header, body split at frame_max - 8 bytes. Hot: one reservation, then raw stores.
// `frame_max` is the negotiated one in bytes. REQUIRES: frame_max > 8, header_fits(), shortstrs of at most 255 bytes.
void write_deliver(Bytes& out, std::uint16_t channel, const BasicDeliver& method, const Content& content,
                   std::uint32_t frame_max);
void write_get_ok(Bytes& out, std::uint16_t channel, const BasicGetOk& method, const Content& content,
                  std::uint32_t frame_max);
void write_return(Bytes& out, std::uint16_t channel, const BasicReturn& method, const Content& content,
                  std::uint32_t frame_max);
/// For clients: tests, the load driver, bridges.
void write_publish(Bytes& out, std::uint16_t channel, const BasicPublish& method, const Content& content,
                   std::uint32_t frame_max);

/// A published message that lies whole in the read buffer. Views into that.
struct WholePublish {
    std::uint16_t channel = 0;
    BasicPublish method;
    ByteView property_bytes;
    ByteView body;
    std::size_t wire_size = 0;  ///< bytes of all its frames
};

/// The fast path of reading: takes a basic.publish with its header and body off the front of `in` if all of it is there,
/// in frames that follow one another on one channel, with at most one body frame. Otherwise returns false, consumes and
/// reports nothing, and the caller goes frame by frame with next_frame. Frames are checked as there; properties are not
/// looked into. REQUIRES: as next_frame; no content is under way on the connection's channels, or the caller checks.
[[nodiscard]] bool take_whole_publish(ByteView in, std::uint32_t frame_max, WholePublish& out);

}  // namespace fantail::amqp091

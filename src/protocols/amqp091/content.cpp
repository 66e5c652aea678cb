// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes whole AMQP 0-9-1 messages.
#include "protocols/amqp091/content.hpp"

namespace fantail::amqp091 {
namespace {

constexpr std::array<std::uint8_t, 2> no_properties{};

std::uint8_t* store_content_header(std::uint8_t* p, std::uint16_t channel, ByteView property_bytes,
                                   std::uint64_t body_size) {
    p = fields::store_frame_header(p, FrameType::header, channel, content_header_fixed_size + property_bytes.size());
    p = fields::store_short(p, basic_class_id);
    p = fields::store_short(p, 0);
    p = fields::store_longlong(p, body_size);
    p = fields::store_raw(p, property_bytes);
    *p = frame_end;
    return p + 1;
}

std::uint8_t* store_body_frame(std::uint8_t* p, std::uint16_t channel, ByteView piece) {
    p = fields::store_frame_header(p, FrameType::body, channel, piece.size());
    p = fields::store_raw(p, piece);
    *p = frame_end;
    return p + 1;
}

template <class M>
void write_message(Bytes& out, std::uint16_t channel, const M& method, const Content& content,
                   std::uint32_t frame_max) {
    FANTAIL_ASSERT(frame_max > frame_overhead);
    const ByteView properties = content.property_bytes.empty() ? ByteView(no_properties) : content.property_bytes;
    const std::size_t method_size = encoded_size(method);
    const std::size_t head_size = method_size + content_header_fixed_size + properties.size() + 2 * frame_overhead;
    const std::size_t piece_max = frame_max - frame_overhead;
    const std::size_t pieces = (content.body.size() + piece_max - 1) / piece_max;

    std::uint8_t* p = extend(out, head_size + content.body.size() + pieces * frame_overhead);
    p = fields::store_frame_header(p, FrameType::method, channel, method_size);
    p = store(p, method);
    *p = frame_end;
    p = store_content_header(p + 1, channel, properties, content.body.size());
    for (ByteView left = content.body; !left.empty();) {
        const ByteView piece = left.first(std::min(left.size(), piece_max));
        p = store_body_frame(p, channel, piece);
        left = left.subspan(piece.size());
    }
    FANTAIL_ASSERT(p == out.data() + out.size());
}

bool take_publish_method(ByteView in, std::uint32_t frame_max, WholePublish& out) {
    Frame frame;
    if (!take_frame(in, frame_max, frame) || frame.type != FrameType::method) return false;
    if (method_id(frame.payload) != MethodId::basic_publish) return false;
    Reader arguments(frame.payload.subspan(sizeof(MethodId)));
    decode_into(out.method, arguments);
    out.channel = frame.channel;
    out.wire_size = frame.wire_size;
    return arguments.done();
}

/// Takes the frame behind what `out` has so far.
bool take_following(ByteView in, std::uint32_t frame_max, FrameType type, WholePublish& out, Frame& frame) {
    if (!take_frame(in.subspan(out.wire_size), frame_max, frame)) return false;
    if (frame.type != type || frame.channel != out.channel) return false;
    out.wire_size += frame.wire_size;
    return true;
}

}  // namespace

Result<ContentHeader> decode_content_header(ByteView payload) {
    Reader in(payload);
    ContentHeader header{in.u16(), in.u16(), in.u64(), in.rest()};
    if (in.failed() || header.property_bytes.size() < 2) return fail(ErrorCode::malformed, "content header ends early");
    return header;
}

void write_deliver(Bytes& out, std::uint16_t channel, const BasicDeliver& method, const Content& content,
                   std::uint32_t frame_max) {
    write_message(out, channel, method, content, frame_max);
}
void write_get_ok(Bytes& out, std::uint16_t channel, const BasicGetOk& method, const Content& content,
                  std::uint32_t frame_max) {
    write_message(out, channel, method, content, frame_max);
}
void write_return(Bytes& out, std::uint16_t channel, const BasicReturn& method, const Content& content,
                  std::uint32_t frame_max) {
    write_message(out, channel, method, content, frame_max);
}
void write_publish(Bytes& out, std::uint16_t channel, const BasicPublish& method, const Content& content,
                   std::uint32_t frame_max) {
    write_message(out, channel, method, content, frame_max);
}

bool take_whole_publish(ByteView in, std::uint32_t frame_max, WholePublish& out) {
    Frame frame;
    if (!take_publish_method(in, frame_max, out)) return false;
    if (!take_following(in, frame_max, FrameType::header, out, frame)) return false;
    if (frame.payload.size() < content_header_fixed_size + 2) return false;
    // Class and weight are one word: class basic, weight 0.
    if (load_be<std::uint32_t>(frame.payload.data()) != std::uint32_t{basic_class_id} << 16) return false;
    const auto body_size = load_be<std::uint64_t>(&frame.payload[4]);
    out.property_bytes = frame.payload.subspan(content_header_fixed_size);
    out.body = {};
    if (body_size == 0) return true;
    if (!take_following(in, frame_max, FrameType::body, out, frame) || frame.payload.size() != body_size) return false;
    out.body = frame.payload;
    return true;
}

}  // namespace fantail::amqp091

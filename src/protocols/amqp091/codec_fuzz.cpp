// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the AMQP 0-9-1 codec: what decodes must encode to the same, and the fast path must agree with the slow one.
#include "protocols/amqp091/basic_properties.hpp"
#include "protocols/amqp091/codec_test_values.hpp"
#include "protocols/amqp091/content.hpp"

namespace fantail::amqp091 {
namespace {

constexpr std::uint32_t frame_max = 4096;

void check_method(ByteView payload) {
    const auto first = decode(payload);
    if (!first) return;
    Bytes encoded;
    FrameWriter(encoded).method(1, *first);
    Frame frame;
    // Decoding ignores unused bits, so that the second encoding, not the input, is the one to compare.
    FANTAIL_ASSERT(take_frame(encoded, static_cast<std::uint32_t>(payload.size() + frame_overhead), frame));
    const auto second = decode(frame.payload);
    FANTAIL_ASSERT(second.has_value());
    const auto text = [](const auto& m) { return describe_fields(m); };
    FANTAIL_ASSERT(first->index() == second->index());
    FANTAIL_ASSERT(std::visit(text, *first) == std::visit(text, *second));
}

void check_header(ByteView payload) {
    const auto header = decode_content_header(payload);
    if (!header) return;
    const auto properties = decode_properties(header->property_bytes);
    if (!properties) return;
    Bytes encoded;
    append_properties(encoded, *properties);
    FANTAIL_ASSERT(as_text(encoded) == as_text(header->property_bytes));
}

void check_fast_path(ByteView in) {
    WholePublish whole;
    if (!take_whole_publish(in, frame_max, whole)) return;
    Frame method;
    Frame header;
    Frame body;
    FANTAIL_ASSERT(next_frame(in, frame_max, method).value() == FrameStatus::complete);
    FANTAIL_ASSERT(std::holds_alternative<BasicPublish>(decode(method.payload).value()));
    in = in.subspan(method.wire_size);
    FANTAIL_ASSERT(next_frame(in, frame_max, header).value() == FrameStatus::complete);
    const auto decoded = decode_content_header(header.payload).value();
    FANTAIL_ASSERT(decoded.follows_basic_method() && decoded.body_size == whole.body.size());
    in = in.subspan(header.wire_size);
    if (decoded.body_size != 0) FANTAIL_ASSERT(next_frame(in, frame_max, body).value() == FrameStatus::complete);
    FANTAIL_ASSERT(method.wire_size + header.wire_size + body.wire_size == whole.wire_size);
}

}  // namespace
}  // namespace fantail::amqp091

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fantail::amqp091;
    fantail::ByteView in(data, size);
    (void)recognize_opening(in);
    check_method(in);
    check_header(in);
    while (true) {
        check_fast_path(in);
        Frame frame;
        const auto status = next_frame(in, frame_max, frame);
        if (!status || *status == FrameStatus::need_more) return 0;
        if (frame.type == FrameType::method) check_method(frame.payload);
        if (frame.type == FrameType::header) check_header(frame.payload);
        in = in.subspan(frame.wire_size);
    }
}

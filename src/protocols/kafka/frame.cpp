// SPDX-License-Identifier: Apache-2.0
//! Takes Kafka requests out of a byte stream and puts responses into one.
#include "protocols/kafka/frame.hpp"

#include <limits>
#include <string>

namespace fantail::kafka {

Result<FrameStatus> next_frame(ByteView in, std::uint32_t payload_size_max, Frame& out) {
    out = {};
    if (in.size() < frame_size_size) return FrameStatus::need_more;
    const auto size = load_be<std::int32_t>(in.data());
    if (size < 0) return fail(ErrorCode::malformed, "request of a negative size");
    if (static_cast<std::uint32_t>(size) > payload_size_max) {
        return fail(ErrorCode::too_large,
                    "request of " + std::to_string(size) + " bytes; the limit is " + std::to_string(payload_size_max));
    }
    const auto payload_size = static_cast<std::size_t>(size);
    out.wire_size = frame_size_size + payload_size;
    if (in.size() < out.wire_size) return FrameStatus::need_more;
    out.payload = in.subspan(frame_size_size, payload_size);
    return FrameStatus::complete;
}

Result<RequestHeader> decode_request_header(ByteView payload) {
    // The client id never has the form of flexible versions, so that brokers can read it before they know the version.
    Decoder fixed(payload, 0, false);
    RequestHeader header;
    header.api = ApiKey{fixed.number<std::int16_t>()};
    header.version = fixed.number<std::int16_t>();
    header.correlation_id = fixed.number<std::int32_t>();
    if (fixed.failed()) return fail(ErrorCode::malformed, "request header ends early");
    const ApiInfo* info = find_api(header.api);
    if (info == nullptr || !info->versions.contains(header.version)) return header;
    header.client_id = fixed.nullable_string(true);
    Decoder rest(fixed.rest(), header.version, info->versions.flexible(header.version));
    rest.skip_tags();
    if (fixed.failed() || rest.failed()) return fail(ErrorCode::malformed, "request header ends early");
    header.info = info;
    header.body = rest.rest();
    return header;
}

OpenResponse begin_response(Bytes& out, ApiKey api, bool flexible, std::int32_t correlation_id) {
    const OpenResponse response{out.size()};
    Encoder header(out, 0, flexible && api != ApiKey::api_versions);
    header.number<std::int32_t>(0);
    header.number(correlation_id);
    header.tag_count(0);
    return response;
}

void end_response(Bytes& out, OpenResponse response) {
    const std::size_t size = out.size() - response.at - frame_size_size;
    FANTAIL_ASSERT(size <= std::numeric_limits<std::int32_t>::max());
    store_be(out.data() + response.at, static_cast<std::int32_t>(size));
}

}  // namespace fantail::kafka

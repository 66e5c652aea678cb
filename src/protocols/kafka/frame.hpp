// SPDX-License-Identifier: Apache-2.0
//! Frames of the Kafka protocol and the headers of requests and responses.
//
// Big endian:
//
//   frame             i32 size of what follows, header, message
//   request header    i16 API key, i16 API version, i32 correlation id, string client id (i16 length, -1 null)
//                     and tagged fields, if the API's version is flexible
//   response header   i32 correlation id
//                     and tagged fields, if the API's version is flexible and the API is not ApiVersions
#pragma once

#include <optional>
#include <string_view>

#include "protocols/kafka/api.hpp"
#include "protocols/kafka/codec.hpp"

namespace fantail::kafka {

/// Largest request, in bytes without its size, that a broker takes unless it is configured otherwise.
inline constexpr std::uint32_t request_size_max = 100u << 20;
/// Bytes of a frame's size.
inline constexpr std::size_t frame_size_size = 4;

enum class FrameStatus : std::uint8_t { complete, need_more };

/// One frame in borrowed bytes.
struct Frame {
    ByteView payload{};         ///< header and message
    std::size_t wire_size = 0;  ///< bytes of the frame, its size included; known as soon as 4 bytes are there, else 0
};

/// Looks at the frame that `in` begins with. need_more leaves the payload empty.
/// Errors: malformed (a size below 0), too_large (above `payload_size_max`). After them the stream makes no sense any more.
[[nodiscard]] Result<FrameStatus> next_frame(ByteView in, std::uint32_t payload_size_max, Frame& out);

/// The header of a request, and where its message is.
struct RequestHeader {
    ApiKey api{};
    std::int16_t version = 0;
    std::int32_t correlation_id = 0;
    std::optional<std::string_view> client_id;  ///< view into the payload
    const ApiInfo* info = nullptr;              ///< null if the codec does not speak this API and version
    ByteView body{};                            ///< what decode() takes; empty if info is null
};

/// Decodes the header of a request's whole payload. If the codec does not speak the API or its version, the result says so
/// by a null `info`, and only the API, version and correlation id are read: the rest may have any form.
/// Errors: malformed.
[[nodiscard]] Result<RequestHeader> decode_request_header(ByteView payload);

/// A response that is being written.
struct OpenResponse {
    std::size_t at = 0;  ///< of the frame in the buffer
};
/// Appends what precedes the message in a response's frame.
[[nodiscard]] OpenResponse begin_response(Bytes& out, ApiKey api, bool flexible, std::int32_t correlation_id);
/// Completes the frame once the message is appended.
void end_response(Bytes& out, OpenResponse response);

/// Appends a whole response frame in `version`, which may differ from the request's: ApiVersions answers versions that it
/// does not know in version 0.
template <class M>
void append_response(Bytes& out, std::int32_t correlation_id, std::int16_t version, const M& response) {
    const OpenResponse open = begin_response(out, M::api, M::versions.flexible(version), correlation_id);
    encode(out, response, version);
    end_response(out, open);
}
/// Appends the response to `request`. REQUIRES request.info.
template <class M>
void append_response(Bytes& out, const RequestHeader& request, const M& response) {
    FANTAIL_ASSERT(request.api == M::api);
    append_response(out, request.correlation_id, request.version, response);
}

}  // namespace fantail::kafka

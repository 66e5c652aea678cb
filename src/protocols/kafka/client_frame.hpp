// SPDX-License-Identifier: Apache-2.0
//! The client's side of framing, for tests and drivers: requests out, responses in. Needs the library fantail_kafka_client.
#pragma once

#include "protocols/kafka/frame.hpp"

namespace fantail::kafka {

/// Appends a whole request frame.
template <class M>
void append_request(Bytes& out, std::int32_t correlation_id, std::optional<std::string_view> client_id,
                    std::int16_t version, const M& request) {
    const std::size_t at = out.size();
    {
        Encoder header(out, 0, false);
        header.number<std::int32_t>(0);
        header.number(static_cast<std::int16_t>(M::api));
        header.number(version);
        header.number(correlation_id);
        header.nullable_string(client_id, true);
        if (M::versions.flexible(version)) header.uvarint(0);
    }
    encode(out, request, version);
    store_be(out.data() + at, static_cast<std::int32_t>(out.size() - at - frame_size_size));
}

/// A response of a known API and version.
template <class M>
struct Response {
    std::int32_t correlation_id = 0;
    M message;
};

/// Decodes the whole payload of a response's frame. Errors: malformed.
template <class M>
[[nodiscard]] Result<Response<M>> decode_response(ByteView payload, std::int16_t version) {
    Decoder header(payload, version, M::versions.flexible(version) && M::api != ApiKey::api_versions);
    const auto correlation_id = header.number<std::int32_t>();
    header.skip_tags();
    if (header.failed()) return fail(ErrorCode::malformed, "response header ends early");
    FANTAIL_TRY(M message, decode<M>(header.rest(), version));
    return Response<M>{correlation_id, std::move(message)};
}

}  // namespace fantail::kafka

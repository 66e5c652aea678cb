// SPDX-License-Identifier: Apache-2.0
//! Says why a frame cannot be taken, and recognises how a connection opens.
#include "protocols/amqp091/frame.hpp"

namespace fantail::amqp091 {
namespace {

bool known_type(std::uint8_t type) { return (type >= 1 && type <= 3) || type == 8; }

struct KnownOpening {
    std::string_view bytes;
    Opening opening;
};

using namespace std::string_view_literals;
// Methods of HTTP/1.1 and the preface of HTTP/2; with their blank, so that they cannot be half of something else.
constexpr std::array known_openings{
    KnownOpening{"AMQP\x00\x00\x09\x01"sv, Opening::amqp_0_9_1},
    KnownOpening{"AMQP\x01\x01\x00\x09"sv, Opening::amqp_0_9_1},
    KnownOpening{"AMQP\x00\x01\x00\x00"sv, Opening::amqp_1_0},
    KnownOpening{"AMQP\x03\x01\x00\x00"sv, Opening::amqp_1_0_sasl},
    KnownOpening{"GET "sv, Opening::http},
    KnownOpening{"HEAD "sv, Opening::http},
    KnownOpening{"POST "sv, Opening::http},
    KnownOpening{"PUT "sv, Opening::http},
    KnownOpening{"DELETE "sv, Opening::http},
    KnownOpening{"OPTIONS "sv, Opening::http},
    KnownOpening{"PATCH "sv, Opening::http},
    KnownOpening{"CONNECT "sv, Opening::http},
    KnownOpening{"PRI * HT"sv, Opening::http},
    KnownOpening{"\x16\x03"sv, Opening::tls},
};

}  // namespace

Result<FrameStatus> next_frame(ByteView in, std::uint32_t frame_max, Frame& out) {
    FANTAIL_ASSERT(frame_max >= frame_overhead);
    if (take_frame(in, frame_max, out)) [[likely]]
        return FrameStatus::complete;
    out = {};
    if (in.empty()) return FrameStatus::need_more;
    if (!known_type(in[0])) return fail(ErrorCode::malformed, "unknown frame type " + std::to_string(in[0]));
    if (in.size() < frame_header_size) return FrameStatus::need_more;
    const auto size = load_be<std::uint32_t>(&in[3]);
    if (size > frame_max - frame_overhead) {
        return fail(ErrorCode::too_large, "frame payload of " + std::to_string(size) + " bytes, at most " +
                                              std::to_string(frame_max - frame_overhead) + " are allowed");
    }
    out.wire_size = std::size_t{size} + frame_overhead;
    if (in.size() < out.wire_size) return FrameStatus::need_more;
    return fail(ErrorCode::malformed,
                "frame ends with octet " + std::to_string(in[out.wire_size - 1]) + " instead of 206");
}

Opening recognize_opening(ByteView in) {
    const std::string_view seen = as_text(in.first(std::min(in.size(), protocol_header_size)));
    bool may_become = false;
    for (const KnownOpening& known : known_openings) {
        if (seen.starts_with(known.bytes)) return known.opening;
        may_become |= known.bytes.starts_with(seen);
    }
    if (may_become) return Opening::need_more;
    if (!seen.starts_with("AMQP")) return Opening::unknown;
    return seen.size() < protocol_header_size ? Opening::need_more : Opening::amqp_other;
}

}  // namespace fantail::amqp091

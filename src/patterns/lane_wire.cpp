// SPDX-License-Identifier: Apache-2.0
//! The codec of lanes.
#include "patterns/lane_wire.hpp"

namespace fantail::patterns {

static constexpr std::uint8_t version = 1;
static constexpr std::uint8_t flag_redelivered = 1;
static constexpr std::uint8_t flag_skipped = 2;
enum class Op : std::uint8_t { resume = 1, ack = 2, retry = 3 };

std::string lane_property(const LaneId& id) {
    std::string value(1, static_cast<char>(version));
    value.append(as_text(id));
    return value;
}

std::optional<LaneId> parse_lane_property(std::string_view value) {
    Reader in(as_bytes(value));
    const std::uint8_t theirs = in.u8();
    const ByteView bytes = in.take(LaneId{}.size());
    if (in.failed() || theirs != version) return std::nullopt;
    LaneId id;
    std::ranges::copy(bytes, id.begin());
    return id;
}

part encode(const LaneFrame& frame) {
    part out = part::with_size(LaneFrame::size);
    std::uint8_t* const at = out.data();
    at[0] = static_cast<std::uint8_t>((frame.is_redelivered ? flag_redelivered : 0) |
                                      (frame.is_skipped ? flag_skipped : 0));
    store_be(at + 1, frame.round);
    store_be(at + 5, frame.number.value);
    return out;
}

std::optional<LaneFrame> decode_lane_frame(byte_view bytes) {
    if (bytes.size() != LaneFrame::size) return std::nullopt;
    const std::uint8_t flags = bytes[0];
    const LaneFrame frame{.is_redelivered = (flags & flag_redelivered) != 0,
                          .is_skipped = (flags & flag_skipped) != 0,
                          .round = load_be<std::uint32_t>(bytes.data() + 1),
                          .number = LaneNumber(load_be<std::uint64_t>(bytes.data() + 5))};
    if (frame.number.value == 0) return std::nullopt;
    return frame;
}

namespace {
struct Encoder {
    Writer& out;
    void operator()(const LaneOther&) const {}
    void operator()(const LaneResume& resume) const {
        out.u8(static_cast<std::uint8_t>(Op::resume));
        out.u8(resume.is_known ? 1 : 0);
        out.u64(resume.delivered.value);
        out.u64(resume.acked.value);
        out.u64(resume.given.value);
        out.u32(resume.window);
        out.u64(resume.message_size_max);
    }
    void operator()(const LaneAck& ack) const {
        out.u8(static_cast<std::uint8_t>(Op::ack));
        out.u64(ack.acked.value);
    }
    void operator()(const LaneRetry& retry) const {
        out.u8(static_cast<std::uint8_t>(Op::retry));
        out.u64(retry.number.value);
        out.u64(retry.given.value);
    }
};
}  // namespace

Bytes encode(const LaneCommand& command) {
    Bytes bytes;
    Writer writer(bytes);
    std::visit(Encoder{writer}, command);
    return bytes;
}

static LaneCommand read_command(Reader& in) {
    switch (static_cast<Op>(in.u8())) {
        case Op::resume: {
            LaneResume resume;
            resume.is_known = in.u8() != 0;
            resume.delivered = LaneNumber(in.u64());
            resume.acked = LaneNumber(in.u64());
            resume.given = LaneNumber(in.u64());
            resume.window = in.u32();
            if (in.left() >= sizeof resume.message_size_max) resume.message_size_max = in.u64();
            return resume;
        }
        case Op::ack: return LaneAck{LaneNumber(in.u64())};
        case Op::retry: {
            LaneRetry retry;
            retry.number = LaneNumber(in.u64());
            retry.given = LaneNumber(in.u64());
            return retry;
        }
    }
    return LaneOther{};
}

std::optional<LaneCommand> decode_lane_command(byte_view bytes) {
    Reader in(bytes);
    const LaneCommand command = read_command(in);
    if (in.failed()) return std::nullopt;
    return command;
}

part encode(const LaneGiven& given) {
    part out = part::with_size(LaneGiven::size);
    std::uint8_t* const at = out.data();
    std::ranges::copy(given.lane, at);
    at[16] = given.is_redelivered ? flag_redelivered : 0;
    store_be(at + 17, given.number.value);
    return out;
}

LaneGiven decode_lane_given(byte_view bytes) {
    FANTAIL_ASSERT(bytes.size() == LaneGiven::size);
    LaneGiven given;
    std::ranges::copy(bytes.first(given.lane.size()), given.lane.begin());
    given.is_redelivered = (bytes[16] & flag_redelivered) != 0;
    given.number = LaneNumber(load_be<std::uint64_t>(bytes.data() + 17));
    return given;
}

}  // namespace fantail::patterns

// SPDX-License-Identifier: Apache-2.0
//! The slow side of the codec: everything that is not sent or received per message.
#include "driver/wire.hpp"

#include "driver/report.hpp"

namespace fantail::bench {

FrameWriter& FrameWriter::begin(std::uint8_t type, std::uint16_t channel) {
    u8(type).u16(channel);
    size_at_ = out_.size();
    return u32(0);
}

FrameWriter& FrameWriter::begin_method(std::uint16_t channel, Method method) {
    return begin(frame_method, channel).u32(static_cast<std::uint32_t>(method));
}

FrameWriter& FrameWriter::end() {
    store_be(out_.data() + size_at_, static_cast<std::uint32_t>(out_.size() - size_at_ - 4));
    return u8(frame_end);
}

FrameWriter& FrameWriter::u8(std::uint8_t value) {
    out_.push_back(value);
    return *this;
}

FrameWriter& FrameWriter::u16(std::uint16_t value) {
    return u8(static_cast<std::uint8_t>(value >> 8)).u8(static_cast<std::uint8_t>(value));
}

FrameWriter& FrameWriter::u32(std::uint32_t value) {
    return u16(static_cast<std::uint16_t>(value >> 16)).u16(static_cast<std::uint16_t>(value));
}

FrameWriter& FrameWriter::u64(std::uint64_t value) {
    return u32(static_cast<std::uint32_t>(value >> 32)).u32(static_cast<std::uint32_t>(value));
}

FrameWriter& FrameWriter::raw(Bytes value) {
    out_.insert(out_.end(), value.begin(), value.end());
    return *this;
}

FrameWriter& FrameWriter::short_text(std::string_view value) {
    u8(static_cast<std::uint8_t>(value.size()));
    return raw({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
}

FrameWriter& FrameWriter::long_text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    return raw({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
}

FrameWriter& FrameWriter::text_table(std::span<const std::pair<std::string_view, std::string_view>> entries) {
    const std::size_t at = out_.size();
    u32(0);
    for (const auto& [name, value] : entries) short_text(name).u8('S').long_text(value);
    store_be(out_.data() + at, static_cast<std::uint32_t>(out_.size() - at - 4));
    return *this;
}

Bytes FieldReader::take(std::size_t size) {
    if (size > in_.size()) fail("a frame from the server is shorter than its fields");
    const Bytes out = in_.first(size);
    in_ = in_.subspan(size);
    return out;
}

std::uint8_t FieldReader::u8() { return take(1)[0]; }
std::uint16_t FieldReader::u16() { return load_be<std::uint16_t>(take(2).data()); }
std::uint32_t FieldReader::u32() { return load_be<std::uint32_t>(take(4).data()); }
std::uint64_t FieldReader::u64() { return load_be<std::uint64_t>(take(8).data()); }

std::string_view FieldReader::short_text() {
    const Bytes text = take(u8());
    return {reinterpret_cast<const char*>(text.data()), text.size()};
}

}  // namespace fantail::bench

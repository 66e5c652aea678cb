// SPDX-License-Identifier: Apache-2.0
//! The bytes of journal files: header, frames, entries (docs/formats/journal.md).
#include "storage/local/journal_format.hpp"

#include "base/crc32c.hpp"

namespace fantail::storage {

namespace {

constexpr std::uint64_t header_magic = 0x46544C4A524E4C00;  // "FTLJRNL\0"
constexpr std::uint32_t frame_magic = 0x46544C46;           // "FTLF"
constexpr std::size_t header_crc_at = 60;
constexpr std::size_t frame_crc_at = 44;
constexpr std::uint8_t flag_transient = 1;
static_assert(frame_crc_at + 4 == frame_header_size);

std::uint32_t frame_crc(ByteView frame, std::uint32_t seed) {
    return crc32c(frame.subspan(frame_header_size), crc32c(frame.first(frame_crc_at), seed));
}

std::uint8_t* put_head(std::uint8_t* out, EntryKind kind, bool transient) {
    out[0] = static_cast<std::uint8_t>(kind);
    out[1] = transient ? flag_transient : 0;
    out[2] = out[3] = 0;
    return out + 4;
}

std::uint8_t* put_u32(std::uint8_t* out, std::size_t v) {
    store_be(out, static_cast<std::uint32_t>(v));
    return out + 4;
}

std::uint8_t* put_targets(std::uint8_t* out, std::span<const Target> targets) {
    for (const auto& t : targets) {
        store_be(out, t.stream.value);
        store_be(out + 8, t.base.value);
        out += target_size;
    }
    return out;
}

}  // namespace

std::uint32_t encode_journal_header(const JournalHeader& header, MutableBytes out) {
    FANTAIL_ASSERT(out.size() >= journal_header_size);
    std::uint8_t* p = out.data();
    std::memset(p, 0, journal_header_size);
    store_be(p, header_magic);
    store_be(p + 8, journal_version);
    p[10] = static_cast<std::uint8_t>(header.state);
    store_be(p + 12, header.shard.value);
    store_be(p + 16, header.sequence);
    store_be(p + 24, header.base.value);
    store_be(p + 32, header.durable.value);
    store_be(p + 40, header.nonce);
    store_be(p + 48, header.epoch);
    const auto crc = crc32c({p, header_crc_at});
    store_be(p + header_crc_at, crc);
    return crc;
}

Result<JournalHeader> decode_journal_header(ByteView block) {
    if (block.size() < header_crc_at + 4 || load_be<std::uint64_t>(block.data()) != header_magic)
        return fail(ErrorCode::malformed, "not a journal file");
    const std::uint8_t* p = block.data();
    JournalHeader h;
    h.crc = load_be<std::uint32_t>(p + header_crc_at);
    if (crc32c(block.first(header_crc_at)) != h.crc)
        return fail(ErrorCode::malformed, "journal header fails its checksum");
    if (const auto version = load_be<std::uint16_t>(p + 8); version > journal_version)
        return fail(ErrorCode::unsupported, "journal format version " + std::to_string(version) +
                                                " is newer than this program's " + std::to_string(journal_version));
    if (p[10] != 1 && p[10] != 2) return fail(ErrorCode::malformed, "journal header with an unknown state");
    h.state = static_cast<JournalState>(p[10]);
    h.shard = ShardId(load_be<std::uint16_t>(p + 12));
    h.sequence = load_be<std::uint64_t>(p + 16);
    h.base = Lsn(load_be<std::uint64_t>(p + 24));
    h.durable = Lsn(load_be<std::uint64_t>(p + 32));
    h.nonce = load_be<std::uint64_t>(p + 40);
    h.epoch = load_be<std::uint32_t>(p + 48);
    return h;
}

std::uint32_t seal_frame(const FrameHeader& header, std::uint32_t seed, MutableBytes frame) {
    FANTAIL_ASSERT(frame.size() == frame_header_size + header.payload_length);
    std::uint8_t* p = frame.data();
    store_be(p, frame_magic);
    store_be(p + 4, header.payload_length);
    store_be(p + 8, header.epoch);
    store_be(p + 12, header.entry_count);
    store_be(p + 16, header.first.value);
    store_be(p + 24, header.durable.value);
    store_be(p + 32, header.previous_crc);
    store_be(p + 36, std::uint64_t{0});
    const auto crc = frame_crc(frame, seed);
    store_be(p + frame_crc_at, crc);
    return crc;
}

Result<FrameHeader> decode_frame_header(ByteView bytes) {
    if (bytes.size() < frame_header_size || load_be<std::uint32_t>(bytes.data()) != frame_magic)
        return fail(ErrorCode::malformed, "no frame");
    const std::uint8_t* p = bytes.data();
    FrameHeader h;
    h.payload_length = load_be<std::uint32_t>(p + 4);
    h.epoch = load_be<std::uint32_t>(p + 8);
    h.entry_count = load_be<std::uint32_t>(p + 12);
    h.first = Lsn(load_be<std::uint64_t>(p + 16));
    h.durable = Lsn(load_be<std::uint64_t>(p + 24));
    h.previous_crc = load_be<std::uint32_t>(p + 32);
    h.crc = load_be<std::uint32_t>(p + frame_crc_at);
    return h;
}

bool frame_is_whole(ByteView frame, std::uint32_t seed) {
    return load_be<std::uint32_t>(frame.data() + frame_crc_at) == frame_crc(frame, seed);
}

Result<Entry> decode_entry(Reader& in, std::size_t payload_size) {
    Entry e;
    const auto kind = in.u8();
    e.transient = (in.u8() & flag_transient) != 0;
    in.u16();
    if (kind < 1 || kind > 3) return fail(ErrorCode::malformed, "journal entry of an unknown kind");
    e.kind = static_cast<EntryKind>(kind);
    std::uint32_t targets = 0;
    if (e.kind != EntryKind::change) {
        e.count = in.u32();
        targets = in.u32();
    }
    e.length = in.u32();
    if (e.kind == EntryKind::external) e.segment = in.u64();
    e.targets = in.take(std::size_t{targets} * target_size);
    e.bytes_position = payload_size - in.left();
    if (e.kind != EntryKind::external) e.bytes = in.take(e.length);
    if (in.failed()) return fail(ErrorCode::malformed, "journal entry reaches past its frame");
    if (e.kind != EntryKind::change && (targets == 0 || e.count == 0))
        return fail(ErrorCode::malformed, "empty journal entry");
    return e;
}

void decode_targets(ByteView encoded, std::vector<Target>& out) {
    out.resize(encoded.size() / target_size);
    const std::uint8_t* p = encoded.data();
    for (auto& t : out) {
        t = {StreamId(load_be<std::uint64_t>(p)), Offset(load_be<std::uint64_t>(p + 8))};
        p += target_size;
    }
}

std::uint8_t* encode_batch(std::uint8_t* out, std::span<const Target> targets, std::uint32_t count, bool transient,
                           ByteView bytes) {
    out = put_head(out, EntryKind::batch, transient);
    out = put_u32(out, count);
    out = put_u32(out, targets.size());
    out = put_u32(out, bytes.size());
    out = put_targets(out, targets);
    std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
}

std::uint8_t* encode_change_head(std::uint8_t* out, std::uint32_t length) {
    return put_u32(put_head(out, EntryKind::change, false), length);
}

std::uint8_t* encode_change(std::uint8_t* out, ByteView bytes) {
    out = encode_change_head(out, static_cast<std::uint32_t>(bytes.size()));
    if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
}

std::uint8_t* encode_external(std::uint8_t* out, std::span<const Target> targets, std::uint32_t count, bool transient,
                              std::uint32_t length, std::uint64_t segment) {
    out = put_head(out, EntryKind::external, transient);
    out = put_u32(out, count);
    out = put_u32(out, targets.size());
    out = put_u32(out, length);
    store_be(out, segment);
    return put_targets(out + 8, targets);
}

}  // namespace fantail::storage

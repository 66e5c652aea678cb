// SPDX-License-Identifier: Apache-2.0
//! The bytes of segment files: header, runs, footer, trailer (docs/formats/segment.md).
#include "storage/local/segment_format.hpp"

#include "base/crc32c.hpp"

namespace fantail::storage {

namespace {
constexpr std::uint64_t header_magic = 0x46544C5345474D00;   // "FTLSEGM\0"
constexpr std::uint64_t trailer_magic = 0x46544C5345475400;  // "FTLSEGT\0"
constexpr std::uint8_t flag_transient = 1;
constexpr std::size_t target_bytes = 16;
constexpr std::size_t run_bytes_min = 6;

Result<RunDescription> decode_run(Reader& in) {
    RunDescription run;
    run.position = in.uvarint();
    run.length = in.uvarint();
    run.transient = (in.u8() & flag_transient) != 0;
    run.span = in.uvarint();
    const auto targets = in.uvarint();
    if (targets > in.left() / target_bytes) return fail(ErrorCode::malformed, "segment footer is cut off");
    run.targets.resize(targets);
    for (auto& t : run.targets) {
        t.stream = StreamId(in.u64());
        t.base = Offset(in.u64());
    }
    const auto entries = in.uvarint();
    if (entries > in.left() / 2) return fail(ErrorCode::malformed, "segment footer is cut off");
    run.index.resize(entries);
    RunDescription::IndexEntry last;
    for (auto& e : run.index) {
        e = {last.offset + in.uvarint(), last.position + in.uvarint()};
        if (e.position < last.position || e.position > run.length)
            return fail(ErrorCode::malformed, "segment index out of its run");
        last = e;
    }
    return run;
}
}  // namespace

Bytes encode_segment_header(ShardId shard, std::uint64_t sequence) {
    Bytes out;
    Writer w(out);
    w.u64(header_magic);
    w.u16(segment_version);
    w.u16(shard.value);
    w.u32(0);
    w.u64(sequence);
    w.u32(crc32c(out));
    out.resize(segment_header_size, 0);
    return out;
}

Result<std::uint64_t> decode_segment_header(ByteView block) {
    Reader in(block);
    if (in.u64() != header_magic) return fail(ErrorCode::malformed, "not a segment file");
    const auto version = in.u16();
    in.u16();
    in.u32();
    const auto sequence = in.u64();
    if (const auto crc = in.u32(); in.failed() || crc != crc32c(block.first(24)))
        return fail(ErrorCode::malformed, "segment header fails its checksum");
    if (version > segment_version)
        return fail(ErrorCode::unsupported, "segment format version " + std::to_string(version) +
                                                " is newer than this program's " + std::to_string(segment_version));
    return sequence;
}

Bytes encode_segment_footer(const std::vector<RunDescription>& runs) {
    Bytes out;
    Writer w(out);
    w.uvarint(runs.size());
    for (const auto& run : runs) {
        w.uvarint(run.position);
        w.uvarint(run.length);
        w.u8(run.transient ? flag_transient : 0);
        w.uvarint(run.span);
        w.uvarint(run.targets.size());
        for (const auto& t : run.targets) {
            w.u64(t.stream.value);
            w.u64(t.base.value);
        }
        w.uvarint(run.index.size());
        RunDescription::IndexEntry last;
        for (const auto& e : run.index) {
            w.uvarint(e.offset - last.offset);
            w.uvarint(e.position - last.position);
            last = e;
        }
    }
    return out;
}

Result<std::vector<RunDescription>> decode_segment_footer(ByteView bytes) {
    Reader in(bytes);
    const auto count = in.uvarint();
    if (count > in.left() / run_bytes_min) return fail(ErrorCode::malformed, "segment footer is cut off");
    std::vector<RunDescription> runs;
    for (std::uint64_t i = 0; i < count; ++i) {
        FANTAIL_TRY(auto run, decode_run(in));
        if (in.failed()) break;
        runs.push_back(std::move(run));
    }
    if (!in.done()) return fail(ErrorCode::malformed, "segment footer of the wrong length");
    return runs;
}

Bytes encode_segment_trailer(const SegmentTrailer& trailer) {
    Bytes out;
    Writer w(out);
    w.u64(trailer_magic);
    w.u64(trailer.sequence);
    w.u64(trailer.footer_position);
    w.u64(trailer.footer_length);
    w.u32(trailer.footer_crc);
    w.u32(crc32c(out));
    out.resize(segment_trailer_size, 0);
    return out;
}

Result<SegmentTrailer> decode_segment_trailer(ByteView bytes) {
    Reader in(bytes);
    SegmentTrailer t;
    if (in.u64() != trailer_magic) return fail(ErrorCode::malformed, "segment without a trailer");
    t.sequence = in.u64();
    t.footer_position = in.u64();
    t.footer_length = in.u64();
    t.footer_crc = in.u32();
    if (const auto crc = in.u32(); in.failed() || crc != crc32c(bytes.first(36)))
        return fail(ErrorCode::malformed, "segment trailer fails its checksum");
    return t;
}

}  // namespace fantail::storage

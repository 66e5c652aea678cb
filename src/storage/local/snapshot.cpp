// SPDX-License-Identifier: Apache-2.0
//! The snapshot file: where recovery begins, what the segments hold, and the owner's state (docs/formats/snapshot.md).
#include "storage/local/snapshot.hpp"

#include "base/crc32c.hpp"

namespace fantail::storage {

namespace {

constexpr std::uint64_t magic = 0x46544C534E415000;  // "FTLSNAP\0"
constexpr std::size_t flags_at = 56;
constexpr std::size_t crc_at = 60;
constexpr std::uint32_t flag_has_journal = 1;
constexpr std::size_t segment_bytes_min = 9;
constexpr std::size_t run_bytes_min = 13;
constexpr std::size_t target_bytes = 16;

void encode_segment(Writer& w, const SnapshotSegment& s) {
    w.uvarint(s.sequence);
    w.uvarint(s.source);
    w.uvarint(s.trailer.footer_position);
    w.uvarint(s.trailer.footer_length);
    w.u32(s.trailer.footer_crc);
    w.uvarint(s.runs.size());
    for (const auto& run : s.runs) {
        w.uvarint(run.number);
        w.uvarint(run.position);
        w.uvarint(run.length);
        w.uvarint(run.span);
        w.uvarint(run.targets.size());
        for (const auto& t : run.targets) {
            w.u64(t.stream.value);
            w.u64(t.base.value);
        }
        w.u64(run.first_base);
    }
}

Result<SnapshotRun> decode_run(Reader& in) {
    SnapshotRun run;
    run.number = static_cast<std::uint32_t>(in.uvarint());
    run.position = in.uvarint();
    run.length = in.uvarint();
    run.span = in.uvarint();
    const auto targets = in.uvarint();
    if (targets > in.left() / target_bytes) return fail(ErrorCode::malformed, "snapshot index is cut off");
    run.targets.resize(targets);
    for (auto& t : run.targets) {
        t.stream = StreamId(in.u64());
        t.base = Offset(in.u64());
    }
    run.first_base = in.u64();
    return run;
}

Result<SnapshotSegment> decode_segment(Reader& in) {
    SnapshotSegment s;
    s.sequence = in.uvarint();
    s.source = in.uvarint();
    s.trailer.sequence = s.sequence;
    s.trailer.footer_position = in.uvarint();
    s.trailer.footer_length = in.uvarint();
    s.trailer.footer_crc = in.u32();
    const auto runs = in.uvarint();
    if (runs > in.left() / run_bytes_min) return fail(ErrorCode::malformed, "snapshot index is cut off");
    for (std::uint64_t i = 0; i < runs; ++i) {
        FANTAIL_TRY(auto run, decode_run(in));
        s.runs.push_back(std::move(run));
    }
    return s;
}

Result<std::vector<SnapshotSegment>> decode_index(ByteView bytes) {
    Reader in(bytes);
    const auto count = in.uvarint();
    if (count > in.left() / segment_bytes_min) return fail(ErrorCode::malformed, "snapshot index is cut off");
    std::vector<SnapshotSegment> segments;
    for (std::uint64_t i = 0; i < count; ++i) {
        FANTAIL_TRY(auto segment, decode_segment(in));
        segments.push_back(std::move(segment));
    }
    if (!in.done()) return fail(ErrorCode::malformed, "snapshot index of the wrong length");
    return segments;
}

std::uint32_t snapshot_crc(ByteView bytes) {
    return crc32c(bytes.subspan(snapshot_header_size), crc32c(bytes.first(crc_at)));
}

}  // namespace

Bytes encode_snapshot(const Snapshot& snapshot, ByteView state) {
    Bytes out;
    out.reserve(snapshot_header_size + state.size() + snapshot.segments.size() * 128);
    out.resize(snapshot_header_size, 0);
    Writer w(out);
    w.uvarint(snapshot.segments.size());
    for (const auto& s : snapshot.segments) encode_segment(w, s);
    const std::uint64_t index_length = out.size() - snapshot_header_size;
    w.raw(state);
    std::uint8_t* p = out.data();
    store_be(p, magic);
    store_be(p + 8, snapshot_version);
    store_be(p + 10, snapshot.shard.value);
    store_be(p + 12, snapshot.epoch);
    store_be(p + 16, snapshot.lsn.value);
    store_be(p + 24, snapshot.replay_from);
    store_be(p + 32, snapshot.next_segment);
    store_be(p + 40, index_length);
    store_be(p + 48, std::uint64_t{state.size()});
    store_be(p + flags_at, snapshot.has_journal ? flag_has_journal : 0u);
    store_be(p + crc_at, snapshot_crc(out));
    return out;
}

Result<DecodedSnapshot> decode_snapshot(ByteView bytes) {
    if (bytes.size() < snapshot_header_size || load_be<std::uint64_t>(bytes.data()) != magic)
        return fail(ErrorCode::malformed, "not a snapshot");
    const std::uint8_t* p = bytes.data();
    if (load_be<std::uint32_t>(p + crc_at) != snapshot_crc(bytes))
        return fail(ErrorCode::malformed, "snapshot fails its checksum");
    if (const auto version = load_be<std::uint16_t>(p + 8); version > snapshot_version)
        return fail(ErrorCode::unsupported, "snapshot format version " + std::to_string(version) +
                                                " is newer than this program's " + std::to_string(snapshot_version));
    DecodedSnapshot out;
    out.snapshot.shard = ShardId(load_be<std::uint16_t>(p + 10));
    out.snapshot.epoch = load_be<std::uint32_t>(p + 12);
    out.snapshot.lsn = Lsn(load_be<std::uint64_t>(p + 16));
    out.snapshot.replay_from = load_be<std::uint64_t>(p + 24);
    out.snapshot.next_segment = load_be<std::uint64_t>(p + 32);
    out.snapshot.has_journal = (load_be<std::uint32_t>(p + flags_at) & flag_has_journal) != 0;
    const auto index_length = load_be<std::uint64_t>(p + 40), state_length = load_be<std::uint64_t>(p + 48);
    const auto rest = bytes.subspan(snapshot_header_size);
    if (index_length > rest.size() || state_length != rest.size() - index_length)
        return fail(ErrorCode::malformed, "snapshot of the wrong length");
    FANTAIL_TRY(out.snapshot.segments, decode_index(rest.first(index_length)));
    out.state = rest.subspan(index_length);
    return out;
}

}  // namespace fantail::storage

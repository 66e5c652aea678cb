// SPDX-License-Identifier: Apache-2.0
//! Encodes and decodes state changes.
#include "broker/queue_changes.hpp"

namespace fantail::broker {

namespace {

constexpr std::uint8_t kind_progress = 1;
constexpr std::uint8_t kind_counts = 2;
constexpr std::uint8_t kind_removed = 3;
constexpr std::uint8_t kind_opened = 4;
constexpr std::uint8_t kind_passed = 5;
constexpr std::uint8_t kind_forgotten = 6;

template <class Id>
Writer begin(Bytes& out, std::uint8_t kind, Id id) {
    out.clear();
    Writer w(out);
    w.u8(kind);
    w.u64(id.value);
    return w;
}

/// Reads a range that must lie behind `after`.
OffsetSpan read_span(Reader& in, std::uint64_t first, std::uint64_t after) {
    const std::uint64_t end = first + in.uvarint();
    if (first < after || end <= first) in.fail();
    return {first, end};
}

ProgressChange read_progress(Reader& in, QueueId queue) {
    ProgressChange change{queue, in.u8(), in.uvarint(), {}};
    std::uint64_t last = 0;
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        const OffsetSpan span = read_span(in, last + in.uvarint(), last);
        change.settled.push_back(span);
        last = span.end;
    }
    return change;
}

CountsChange read_counts(Reader& in, QueueId queue) {
    CountsChange change{queue, in.u8(), {}};
    for (std::uint64_t n = in.uvarint(); n > 0 && !in.failed(); --n) {
        ReturnedRange range;
        range.span = read_span(in, in.uvarint(), 0);
        range.counts.failed = static_cast<std::uint32_t>(in.uvarint());
        range.counts.acquired = static_cast<std::uint32_t>(in.uvarint());
        range.due_ms = in.svarint();
        change.ranges.push_back(range);
    }
    return change;
}

PassedChange read_passed(Reader& in, ExchangeId exchange) {
    PassedChange change{exchange, in.svarint(), static_cast<std::int64_t>(in.uvarint()), {}};
    change.id = read_string(in);
    return change;
}

}  // namespace

void encode_progress(Bytes& out, QueueId queue, std::uint8_t level, std::uint64_t next,
                     std::span<const OffsetSpan> settled) {
    Writer w = begin(out, kind_progress, queue);
    w.u8(level);
    w.uvarint(next);
    w.uvarint(settled.size());
    std::uint64_t last = 0;
    for (const OffsetSpan& span : settled) {
        w.uvarint(span.first - last);
        w.uvarint(span.size());
        last = span.end;
    }
}

void encode_counts(Bytes& out, QueueId queue, std::uint8_t level, std::span<const ReturnedRange> ranges) {
    Writer w = begin(out, kind_counts, queue);
    w.u8(level);
    w.uvarint(ranges.size());
    for (const ReturnedRange& range : ranges) {
        w.uvarint(range.span.first);
        w.uvarint(range.span.size());
        w.uvarint(range.counts.failed);
        w.uvarint(range.counts.acquired);
        w.svarint(range.due_ms);
    }
}

void encode_removed(Bytes& out, QueueId queue) { begin(out, kind_removed, queue); }

void encode_opened(Bytes& out) { begin(out, kind_opened, QueueId()); }

void encode_passed(Bytes& out, const PassedChange& passed) {
    Writer w = begin(out, kind_passed, passed.exchange);
    w.svarint(passed.at_ms);
    w.uvarint(static_cast<std::uint64_t>(passed.window_ms));
    w.string(passed.id);
}

void encode_forgotten(Bytes& out, ExchangeId exchange) { begin(out, kind_forgotten, exchange); }

Result<QueueChange> decode_queue_change(ByteView bytes) {
    Reader in(bytes);
    const std::uint8_t kind = in.u8();
    const std::uint64_t id = in.u64();
    const QueueId queue(id);
    QueueChange change = RemovedChange{queue};
    if (kind == kind_progress) change = read_progress(in, queue);
    else if (kind == kind_counts) change = read_counts(in, queue);
    else if (kind == kind_opened) change = OpenedChange{};
    else if (kind == kind_passed) change = read_passed(in, ExchangeId(id));
    else if (kind == kind_forgotten) change = ForgottenChange{ExchangeId(id)};
    else if (kind != kind_removed) return fail(ErrorCode::corrupt, "shard change: unknown kind");
    if (!in.done()) return fail(ErrorCode::corrupt, "shard change: cut off or bytes left over");
    return change;
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! A queue's part of the snapshot, and the end of its replay.
#include "broker/queue.hpp"

namespace fantail::broker {

// levels uvarint, then per level Level::encode(); rare u8; if 1: last_base uvarint, Deduplication, QueueRetention;
// log u8; if 1: Log::encode()
void Queue::encode(Writer& out) const {
    out.uvarint(levels());
    for (std::size_t i = 0; i < levels(); ++i) existing(i).encode(out);
    const bool has_rare = rare_ && (rare_->seen.size() > 0 || rules_->is_stream());
    out.u8(has_rare ? 1 : 0);
    if (has_rare) {
        out.uvarint(rare_->last_base);
        rare_->seen.encode(out);
        rare_->retention.encode(out);
    }
    const bool has_log = log_ && rules_->is_stream();
    out.u8(has_log ? 1 : 0);
    if (has_log) log_->encode(out);
}

bool Queue::decode(Reader& in, Logs logs) {
    const std::uint64_t count = in.uvarint();
    if (count == 0 || count > 256) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (!level(static_cast<std::uint8_t>(i)).decode(in)) return false;
    }
    if (in.u8() != 0) {
        rare().last_base = in.uvarint();
        rare().seen.decode(in);
        rare().retention.decode(in);
    }
    if (logs != Logs::unknown && in.u8() != 0 && !log().decode(in, logs == Logs::whole)) return false;
    return !in.failed();
}

void Queue::finish_replay(const std::function<const OffsetSet&(StreamId)>& covered, bool crashed) {
    for (std::size_t i = 0; i < levels(); ++i) {
        Level& l = existing(i);
        l.finish_replay(covered(stream(static_cast<std::uint8_t>(i))));
        // A delivery is not written before it is made: after a crash any message may have been seen.
        if (crashed) l.redelivered_below = l.end;
    }
    used_at_ = context_.now.mono;
    if (rare_) {
        rare_->seen.expire(context_.now.wall.ms, rules_->deduplication_window_ms);
        if (rules_->is_stream()) rare_->retention.forget_below(first_.head);
        else rare_->retention = {};
        if (!rules_->is_stream() && rare_->seen.size() == 0) rare_.reset();
    }
    if (!rules_->is_stream()) log_.reset();
    if (!log_) return mark_dirty();
    log_->transactions.became_durable(first_.end);
    log_->transactions.trim(first_.head);
    mark_dirty();
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Leases and their times.
#include "broker/consumer.hpp"

namespace fantail::broker {

Consumer::Leases* Consumer::leases_of(std::uint8_t level) {
    for (Leases& l : leases) {
        if (l.level == level) return &l;
    }
    return nullptr;
}

void Consumer::lease(std::uint8_t level, OffsetSpan span, MonoTime now) {
    Leases* l = leases_of(level);
    if (l == nullptr) l = &leases.emplace_back(Leases{level, {}});
    l->offsets.insert(span);
    held += span.size();
    if (timeout_ms < 0) return;
    if (!marks_) marks_ = std::make_unique<std::deque<Mark>>();
    Mark* last = marks_->empty() ? nullptr : &marks_->back();
    if (last != nullptr && last->at == now && last->level == level && last->span.end == span.first)
        last->span.end = span.end;
    else marks_->push_back({now, level, span});
}

OffsetSpan Consumer::unlease(std::uint8_t level, OffsetSpan span) {
    Leases* l = leases_of(level);
    if (l == nullptr) return {};
    const OffsetSpan run = l->offsets.take(span);
    held -= run.size();
    return run;
}

MonoTime Consumer::times_out_at() {
    if (!marks_) return MonoTime::never();
    while (!marks_->empty()) {
        const Mark& mark = marks_->front();
        Leases* l = leases_of(mark.level);
        if (l != nullptr && !l->offsets.next_run(mark.span.first, mark.span.end).empty())
            return mark.at.plus_ms(timeout_ms);
        marks_->pop_front();
    }
    return MonoTime::never();
}

}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! A ring of send times, four windows long so that a late confirm does not stop the others.
#include "driver/confirm_window.hpp"

#include <algorithm>
#include <bit>

#include "driver/report.hpp"

namespace fantail::bench {

ConfirmWindow::ConfirmWindow(std::uint64_t window)
    : window_(window), sent_ns_(std::bit_ceil(std::max<std::uint64_t>(4 * window, 64))) {}

std::uint64_t ConfirmWindow::room() const {
    const std::uint64_t outstanding = next_ - 1 - confirmed_;
    const std::uint64_t ring_room = sent_ns_.size() - (next_ - low_);
    return std::min(window_ - std::min(window_, outstanding), ring_room);
}

void ConfirmWindow::sent(std::uint64_t count, std::int64_t sent_ns) {
    for (std::uint64_t i = 0; i < count; ++i) sent_ns_[(next_ + i) & (sent_ns_.size() - 1)] = sent_ns;
    next_ += count;
}

bool ConfirmWindow::settle(std::uint64_t tag, std::int64_t now, Histogram* latency) {
    std::int64_t& slot = sent_ns_[tag & (sent_ns_.size() - 1)];
    if (slot == 0) return false;
    if (latency != nullptr) latency->record(now - slot);
    slot = 0;
    ++confirmed_;
    return true;
}

void ConfirmWindow::confirm(std::uint64_t tag, bool multiple, std::int64_t now, Histogram* latency) {
    const std::uint64_t last = tag == 0 && multiple ? next_ - 1 : tag;
    if (last >= next_ || last == 0) fail("the server confirmed a message that was not sent");
    if (!multiple && (last < low_ || !settle(last, now, latency))) fail("the server confirmed a message twice");
    if (multiple) {
        for (std::uint64_t t = low_; t <= last; ++t) settle(t, now, latency);
    }
    while (low_ < next_ && sent_ns_[low_ & (sent_ns_.size() - 1)] == 0) ++low_;
}

void ConfirmWindow::drain(Connection& connection, Histogram* latency) {
    const std::int64_t now = now_ns();
    Frame frame;
    while (connection.next(frame)) {
        if (frame.type == frame_heartbeat) continue;
        const bool method = frame.type == frame_method && frame.payload.size() >= 13;
        const bool nack = method && frame.method() == Method::basic_nack;
        if (!nack && !(method && frame.method() == Method::basic_ack)) connection.unexpected(frame);
        const std::uint64_t before = confirmed_;
        confirm(load_be<std::uint64_t>(frame.payload.data() + 4), (frame.payload[12] & 1) != 0, now, latency);
        if (nack) refused_ += confirmed_ - before;
    }
}

}  // namespace fantail::bench

// SPDX-License-Identifier: Apache-2.0
//! Fuzzes envelopes and death histories: what parses encodes again to the same meaning.
#include <cstdlib>

#include "record/deaths.hpp"
#include "record/envelope.hpp"

using namespace fantail;
using namespace fantail::record;

namespace {

void must(bool condition) {
    if (!condition) std::abort();
}

void check_deaths(ByteView bytes) {
    auto history = decode_deaths(bytes);
    if (!history) return;
    Bytes again;
    encode_deaths(again, *history);
    must(decode_deaths(again).value() == *history);
    if (history->deaths.empty()) return;
    (void)is_death_cycle(*history, history->deaths.back().queue);
    const Death first = *history->first();
    Death another;
    another.queue = "q";
    another.reason = DeathReason::maxlen;
    record_death(*history, another);
    must(history->last()->queue == "q" && history->first()->queue == first.queue);
    must(history->deaths.size() <= deaths_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes{data, size};
    check_deaths(bytes);
    const auto view = EnvelopeView::parse(bytes);
    if (!view) return 0;
    check_deaths(view->deaths());
    Bytes again;
    encode_envelope(again, view->parts());
    const auto back = EnvelopeView::parse(again);
    must(back.has_value());
    must(back->exchange() == view->exchange() && back->due_time() == view->due_time() &&
         back->origin() == view->origin());
    must(back->delivery_count() == view->delivery_count() &&
         as_text(back->properties()) == as_text(view->properties()));
    Bytes third;
    encode_envelope(third, back->parts());
    must(third == again);
    return 0;
}

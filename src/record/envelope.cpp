// SPDX-License-Identifier: Apache-2.0
//! Encodes and reads envelopes.
#include "record/envelope.hpp"

#include "record/varint.hpp"

namespace fantail::record {

namespace {

constexpr std::size_t due_time_size = 8;

struct Extension {
    std::uint64_t tag = 0;
    ByteView bytes{};
};

/// Walks extensions. False at the end and on bad bytes, which in.failed() tells apart.
bool next_extension(Reader& in, Extension& out) {
    if (in.left() == 0) return false;
    out.tag = in.uvarint();
    out.bytes = in.take(in.uvarint());
    return !in.failed();
}

bool is_uvarint(ByteView bytes) {
    Reader in(bytes);
    in.uvarint();
    return in.done();
}

bool well_formed(const Extension& e) {
    if (e.tag == static_cast<std::uint64_t>(ExtensionTag::due_time_ms)) {
        // The top bit would make a wall time negative.
        return e.bytes.size() == due_time_size && e.bytes[0] < 0x80;
    }
    const bool number = e.tag == static_cast<std::uint64_t>(ExtensionTag::delivery_count) ||
                        e.tag == static_cast<std::uint64_t>(ExtensionTag::dedup_window_ms);
    return !number || is_uvarint(e.bytes);
}

void put_extension(Writer& out, ExtensionTag tag, ByteView bytes) {
    out.uvarint(static_cast<std::uint64_t>(tag));
    out.uvarint(bytes.size());
    out.raw(bytes);
}

void put_optional(Writer& out, ExtensionTag tag, const std::optional<ByteView>& bytes) {
    if (bytes) put_extension(out, tag, *bytes);
}

void put_number(Writer& out, ExtensionTag tag, const std::optional<std::uint64_t>& number) {
    if (!number) return;
    out.uvarint(static_cast<std::uint64_t>(tag));
    out.uvarint(uvarint_size(*number));
    out.uvarint(*number);
}

void put_non_empty(Writer& out, ExtensionTag tag, ByteView bytes) {
    if (!bytes.empty()) put_extension(out, tag, bytes);
}

}  // namespace

void encode_envelope(Bytes& out, ByteView properties, std::string_view exchange) {
    std::size_t size = 1 + uvarint_size(properties.size()) + properties.size();
    if (!exchange.empty()) size += 1 + uvarint_size(exchange.size()) + exchange.size();
    const std::size_t start = out.size();
    out.resize(start + size);
    std::uint8_t* at = out.data() + start;
    *at++ = envelope_version;
    at = put_bytes(put_uvarint(at, properties.size()), properties);
    if (exchange.empty()) return;
    *at++ = static_cast<std::uint8_t>(ExtensionTag::exchange);
    put_bytes(put_uvarint(at, exchange.size()), as_bytes(exchange));
}

void encode_envelope(Bytes& out, const EnvelopeParts& parts) {
    encode_envelope(out, parts.properties, parts.exchange);
    Writer w(out);
    put_non_empty(w, ExtensionTag::deaths, parts.deaths);
    if (parts.due_time) {
        FANTAIL_ASSERT(parts.due_time->ms >= 0);
        std::uint8_t due[due_time_size];
        store_be(due, static_cast<std::uint64_t>(parts.due_time->ms));
        put_extension(w, ExtensionTag::due_time_ms, due);
    }
    put_optional(w, ExtensionTag::dedup_id, parts.dedup_id);
    put_number(w, ExtensionTag::delivery_count, parts.delivery_count);
    put_optional(w, ExtensionTag::group_key, parts.group_key);
    put_non_empty(w, ExtensionTag::origin, as_bytes(parts.origin));
    put_number(w, ExtensionTag::dedup_window_ms, parts.dedup_window_ms);
    w.raw(parts.unknown);
}

Result<EnvelopeView> EnvelopeView::parse(ByteView bytes) {
    Reader in(bytes);
    const std::uint8_t version = in.u8();
    if (in.failed()) return fail(ErrorCode::malformed, "envelope: empty");
    if (version != envelope_version) return fail(ErrorCode::unsupported, "envelope: version is not 1");
    EnvelopeView view;
    view.properties_ = in.take(in.uvarint());
    view.extensions_ = in.rest();
    std::uint64_t previous = 0;
    Extension e;
    while (next_extension(in, e)) {
        if (e.tag <= previous) return fail(ErrorCode::malformed, "envelope: extension tags do not ascend");
        if (!well_formed(e)) return fail(ErrorCode::malformed, "envelope: bad due time or number");
        if (e.tag == static_cast<std::uint64_t>(ExtensionTag::exchange)) view.exchange_ = as_text(e.bytes);
        previous = e.tag;
    }
    if (in.failed()) return fail(ErrorCode::malformed, "envelope: cut off");
    return view;
}

std::optional<ByteView> EnvelopeView::extension(ExtensionTag tag) const {
    const auto wanted = static_cast<std::uint64_t>(tag);
    Reader in(extensions_);
    Extension e;
    while (next_extension(in, e)) {
        if (e.tag == wanted) return e.bytes;
        if (e.tag > wanted) break;
    }
    return std::nullopt;
}

std::optional<WallTime> EnvelopeView::due_time() const {
    const auto bytes = extension(ExtensionTag::due_time_ms);
    if (!bytes) return std::nullopt;
    return WallTime{load_be<std::int64_t>(bytes->data())};
}

std::uint64_t EnvelopeView::number(ExtensionTag tag) const {
    const auto bytes = extension(tag);
    return bytes ? Reader(*bytes).uvarint() : 0;
}

EnvelopeParts EnvelopeView::parts() const {
    EnvelopeParts parts;
    parts.properties = properties_;
    parts.exchange = exchange_;
    parts.deaths = deaths();
    parts.due_time = due_time();
    parts.dedup_id = dedup_id();
    if (extension(ExtensionTag::delivery_count)) parts.delivery_count = delivery_count();
    parts.group_key = group_key();
    parts.origin = origin();
    if (extension(ExtensionTag::dedup_window_ms)) parts.dedup_window_ms = dedup_window_ms();
    Reader in(extensions_);
    Extension e;
    ByteView rest = in.rest();
    while (next_extension(in, e) && e.tag <= static_cast<std::uint64_t>(ExtensionTag::dedup_window_ms))
        rest = in.rest();
    parts.unknown = rest;
    return parts;
}

}  // namespace fantail::record

// SPDX-License-Identifier: Apache-2.0
//! Parses, scans and encodes message properties.
#include "record/properties.hpp"

#include <charconv>

namespace fantail::record {

namespace {

std::string_view read_text(Reader& in) { return in.text(in.u8()); }

/// What the fields alone cannot say: that the bytes sufficed, none are left, and the headers are sound.
Result<void> conclude(const Reader& in, const std::optional<FieldTableView>& headers) {
    if (in.failed()) return fail(ErrorCode::malformed, "message properties: cut off");
    if (!in.done()) return fail(ErrorCode::malformed, "message properties: bytes are left over");
    if (headers && !headers->empty()) return validate(*headers);
    return {};
}

std::unexpected<Error> unknown_flags() { return fail(ErrorCode::malformed, "message properties: unknown flags"); }

/// Encodes the fields in order and collects their flags.
class FieldWriter {
public:
    explicit FieldWriter(Bytes& out) : at_(out.size()), out_(out) { out_.u16(0); }

    void text(std::uint16_t flag, const std::optional<std::string_view>& v) {
        if (!v) return;
        FANTAIL_ASSERT(v->size() <= property_text_size_max);
        flags_ |= flag;
        out_.u8(static_cast<std::uint8_t>(v->size()));
        out_.raw(*v);
    }
    template <class T>
    void number(std::uint16_t flag, const std::optional<T>& v) {
        if (!v) return;
        flags_ |= flag;
        out_.be(*v);
    }
    void table(std::uint16_t flag, const std::optional<FieldTableView>& v) {
        if (!v) return;
        FANTAIL_ASSERT(v->bytes().size() <= field_payload_size_max);
        flags_ |= flag;
        out_.u32(static_cast<std::uint32_t>(v->bytes().size()));
        out_.raw(v->bytes());
    }
    void finish() { store_be(out_.bytes().data() + at_, flags_); }

private:
    std::size_t at_;
    Writer out_;
    std::uint16_t flags_ = 0;
};

}  // namespace

Result<Properties> Properties::parse(ByteView bytes) {
    Reader in(bytes);
    const std::uint16_t flags = in.u16();
    if ((flags & property_flag::none) != 0) return unknown_flags();
    Properties p;
    const auto text = [&](std::uint16_t flag, std::optional<std::string_view>& field) {
        if ((flags & flag) != 0) field = read_text(in);
    };
    text(property_flag::content_type, p.content_type);
    text(property_flag::content_encoding, p.content_encoding);
    if ((flags & property_flag::headers) != 0) p.headers = FieldTableView(in.take(in.u32()));
    if ((flags & property_flag::delivery_mode) != 0) p.delivery_mode = in.u8();
    if ((flags & property_flag::priority) != 0) p.priority = in.u8();
    text(property_flag::correlation_id, p.correlation_id);
    text(property_flag::reply_to, p.reply_to);
    text(property_flag::expiration, p.expiration);
    text(property_flag::message_id, p.message_id);
    if ((flags & property_flag::timestamp) != 0) p.timestamp = in.u64();
    text(property_flag::type, p.type);
    text(property_flag::user_id, p.user_id);
    text(property_flag::app_id, p.app_id);
    text(property_flag::cluster_id, p.cluster_id);
    FANTAIL_CHECK(conclude(in, p.headers));
    return p;
}

void Properties::encode(Bytes& out) const {
    FieldWriter w(out);
    w.text(property_flag::content_type, content_type);
    w.text(property_flag::content_encoding, content_encoding);
    w.table(property_flag::headers, headers);
    w.number(property_flag::delivery_mode, delivery_mode);
    w.number(property_flag::priority, priority);
    w.text(property_flag::correlation_id, correlation_id);
    w.text(property_flag::reply_to, reply_to);
    w.text(property_flag::expiration, expiration);
    w.text(property_flag::message_id, message_id);
    w.number(property_flag::timestamp, timestamp);
    w.text(property_flag::type, type);
    w.text(property_flag::user_id, user_id);
    w.text(property_flag::app_id, app_id);
    w.text(property_flag::cluster_id, cluster_id);
    w.finish();
}

Result<PropertyScan> scan_properties(ByteView bytes) {
    Reader in(bytes);
    const std::uint16_t flags = in.u16();
    if ((flags & property_flag::none) != 0) return unknown_flags();
    PropertyScan scan;
    if (flags != 0) {
        const auto skip_text = [&](std::uint16_t flag) {
            if ((flags & flag) != 0) in.take(in.u8());
        };
        skip_text(property_flag::content_type);
        skip_text(property_flag::content_encoding);
        if ((flags & property_flag::headers) != 0) scan.headers = FieldTableView(in.take(in.u32()));
        if ((flags & property_flag::delivery_mode) != 0) scan.delivery_mode = in.u8();
        if ((flags & property_flag::priority) != 0) scan.priority = in.u8();
        skip_text(property_flag::correlation_id);
        if ((flags & property_flag::reply_to) != 0) scan.reply_to = read_text(in);
        if ((flags & property_flag::expiration) != 0) scan.expiration = read_text(in);
        if ((flags & property_flag::message_id) != 0) scan.message_id = read_text(in);
        if ((flags & property_flag::timestamp) != 0) in.u64();
        skip_text(property_flag::type);
        if ((flags & property_flag::user_id) != 0) scan.user_id = read_text(in);
        skip_text(property_flag::app_id);
        skip_text(property_flag::cluster_id);
    }
    FANTAIL_CHECK(conclude(in, scan.headers));
    return scan;
}

Result<std::uint64_t> parse_expiration(std::string_view text) {
    std::uint64_t ms = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || ms > expiration_ms_max) {
        return fail(ErrorCode::precondition_failed, "expiration is not a number of milliseconds from 0 to 4294967295");
    }
    return ms;
}

}  // namespace fantail::record

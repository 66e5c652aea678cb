// SPDX-License-Identifier: Apache-2.0
//! Reads the properties of published messages.
#include "protocols/amqp091/publication.hpp"

#include <algorithm>

namespace fantail::amqp091 {
namespace {

constexpr std::string_view copy_header = "CC";
constexpr std::string_view blind_copy_header = "BCC";
constexpr std::string_view exchange_delay_header = "x-delay";
constexpr std::string_view delay_header = "x-opt-delivery-delay";
constexpr std::string_view deduplication_header = "x-deduplication-header";

Handled check_user(const Link& link, std::string_view user) {
    if (user == link.user || link.impersonator) return {};
    return refuse(ReplyCode::precondition_failed, "user_id property set to '" + std::string(user) +
                                                      "' but authenticated user was '" + link.user + "'");
}

Replied<std::optional<std::int64_t>> read_delay(const record::FieldEntry& entry) {
    const auto delay = entry.value.as_int();
    if (!delay) return refuse(ReplyCode::precondition_failed, "header '" + std::string(entry.name) + "' must be an integer");
    if (*delay <= 0) return std::nullopt;
    return std::min(*delay, limits::delay_ms_max);
}

}  // namespace

Handled Inspector::inspect(const Publication& message) {
    auto scan = record::scan_properties(message.properties);
    if (!scan) return refuse(ReplyCode::syntax_error, scan.error().message);
    draft_.scan = *scan;
    draft_.properties = message.properties;
    draft_.traits = {.transient = !scan->persistent()};
    draft_.priority = scan->priority.value_or(0);
    if (!scan->headers && !scan->expiration && !scan->user_id && !scan->reply_to) [[likely]] {
        if (!draft_.more_keys.empty()) draft_.more_keys.clear();
        draft_.delay_ms.reset();
        draft_.exchange_delay_ms.reset();
        draft_.deduplication.reset();
        return {};
    }
    return inspect_rare(message);
}

Handled Inspector::inspect_rare(const Publication& message) {
    draft_.more_keys.clear();
    draft_.delay_ms.reset();
    draft_.exchange_delay_ms.reset();
    draft_.deduplication.reset();
    has_blind_keys_ = false;
    const record::PropertyScan& scan = draft_.scan;
    if (scan.expiration) {
        if (const auto expiration = record::parse_expiration(*scan.expiration); !expiration) {
            return refuse(ReplyCode::precondition_failed, "invalid expiration '" + std::string(*scan.expiration) + "'");
        }
        draft_.traits.has_expiration = true;
    }
    if (scan.user_id) FANTAIL_CHECK(check_user(link_, *scan.user_id));
    if (scan.headers) FANTAIL_CHECK(inspect_headers());
    const bool to_reply_consumer = scan.reply_to == reply_queue;
    return has_blind_keys_ || to_reply_consumer ? rewrite(message, to_reply_consumer) : Handled{};
}

Handled Inspector::inspect_headers() {
    auto entries = draft_.scan.headers->entries();
    record::FieldEntry entry;
    while (entries.next(entry)) {
        if (entry.name == copy_header || entry.name == blind_copy_header) {
            FANTAIL_CHECK(add_keys(entry.name, entry.value));
            has_blind_keys_ = has_blind_keys_ || entry.name == blind_copy_header;
        } else if (entry.name == exchange_delay_header) {
            // Only a delayed exchange gives this header its meaning; elsewhere any value may stand in it.
            draft_.exchange_delay_ms = read_delay(entry).value_or(std::nullopt);
        } else if (entry.name == delay_header) {
            FANTAIL_TRY(draft_.delay_ms, read_delay(entry));
        } else if (entry.name == deduplication_header) {
            draft_.deduplication = entry.value;
        }
    }
    return {};
}

Handled Inspector::add_keys(std::string_view name, const record::FieldValueView& value) {
    const auto list = value.as_array();
    if (!list) return refuse(ReplyCode::precondition_failed, "unsupported type of header '" + std::string(name) + "': expected an array of strings");
    auto keys = list->values();
    record::FieldValueView key;
    while (keys.next(key)) {
        const auto text = key.as_text();
        if (!text || text->size() > shortstr_size_max || draft_.more_keys.size() >= limits::more_keys_max) {
            return refuse(ReplyCode::precondition_failed, "header '" + std::string(name) + "' must hold up to 255 routing keys");
        }
        draft_.more_keys.push_back(*text);
    }
    return {};
}

/// Makes the copy that is stored: without BCC, which only the publisher may see, and with the reply consumer's address.
Handled Inspector::rewrite(const Publication& message, bool to_reply_consumer) {
    auto properties = record::Properties::parse(message.properties);
    if (!properties) return refuse(ReplyCode::syntax_error, properties.error().message);
    record::FieldTableBuilder headers;
    if (has_blind_keys_) {
        headers = record::FieldTableBuilder(*properties->headers);
        headers.erase(blind_copy_header);
        properties->headers = headers.view();
    }
    if (to_reply_consumer) {
        if (message.reply_address == nullptr) return refuse(ReplyCode::precondition_failed, "fast reply consumer does not exist");
        properties->reply_to = *message.reply_address;
    }
    rewritten_.clear();
    properties->encode(rewritten_);
    draft_.properties = rewritten_;
    return {};
}

}  // namespace fantail::amqp091

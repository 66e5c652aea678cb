// SPDX-License-Identifier: Apache-2.0
//! Reads the properties of published messages.
#include "protocols/amqp091/publication.hpp"

#include <algorithm>
#include <cstring>

namespace fantail::amqp091 {
namespace {

constexpr std::string_view copy_header = "CC";
constexpr std::string_view blind_copy_header = "BCC";
constexpr std::string_view exchange_delay_header = "x-delay";
constexpr std::string_view delay_header = "x-opt-delivery-delay";
constexpr std::string_view no_history_header = "x-recent-history-no-store";
constexpr std::string_view deduplication_header = "x-deduplication-header";

Handled check_user(const Link& link, std::string_view user) {
    if (user == link.user || link.impersonator) return {};
    return refuse(ReplyCode::precondition_failed,
                  "user_id property set to '" + std::string(user) + "' but authenticated user was '" + link.user + "'");
}

Replied<std::optional<std::int64_t>> read_delay(const record::FieldEntry& entry) {
    const auto delay = entry.value.as_int();
    if (!delay)
        return refuse(ReplyCode::precondition_failed, "header '" + std::string(entry.name) + "' must be an integer");
    if (*delay <= 0) return std::nullopt;
    return std::min(*delay, limits::delay_ms_max);
}

}  // namespace

bool Inspector::repeats(ByteView properties) const {
    return properties.size() == last_plain_.size() && !last_plain_.empty() &&
           std::memcmp(properties.data(), last_plain_.data(), properties.size()) == 0;
}

Handled Inspector::inspect(const Publication& message) {
    draft_.properties = message.properties;
    if (repeats(message.properties)) [[likely]] {
        draft_.traits = {.transient = !draft_.scan.persistent()};
        return {};
    }
    // The scan is of a copy, so that it outlives the message.
    last_plain_.assign(message.properties.data(), message.properties.data() + message.properties.size());
    auto scan = record::scan_properties(last_plain_);
    if (!scan) {
        last_plain_.clear();
        return refuse(ReplyCode::syntax_error, scan.error().message);
    }
    draft_.scan = *scan;
    draft_.traits = {.transient = !scan->persistent()};
    draft_.priority = scan->priority.value_or(0);
    draft_.more_keys.clear();
    draft_.delay_ms.reset();
    draft_.passing = false;
    draft_.deduplication.reset();
    if (!scan->headers && !scan->expiration && !scan->user_id && !scan->reply_to) [[likely]]
        return {};
    const Handled handled = inspect_rare(message);
    // Nothing may take these for plain ones; the views stay good until the next message.
    inspected_.swap(last_plain_);
    last_plain_.clear();
    return handled;
}

Handled Inspector::inspect_rare(const Publication& message) {
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
            // Any queue honours it, through any exchange; but only here may other programs' own values stand in it.
            hold_for(read_delay(entry).value_or(std::nullopt));
        } else if (entry.name == delay_header) {
            FANTAIL_TRY(const auto delay_ms, read_delay(entry));
            hold_for(delay_ms);
        } else if (entry.name == no_history_header) {
            draft_.passing = entry.value.as_bool().value_or(false);
        } else if (entry.name == deduplication_header) {
            if (entry.value.payload().size() > limits::deduplication_id_size_max)
                return refuse(ReplyCode::precondition_failed, "header 'x-deduplication-header' is too long");
            draft_.deduplication = entry.value;
        }
    }
    return {};
}

/// With both headers, the longer delay counts.
void Inspector::hold_for(std::optional<std::int64_t> delay_ms) {
    if (delay_ms) draft_.delay_ms = std::max(*delay_ms, draft_.delay_ms.value_or(0));
}

Handled Inspector::add_keys(std::string_view name, const record::FieldValueView& value) {
    const auto list = value.as_array();
    if (!list)
        return refuse(ReplyCode::precondition_failed,
                      "unsupported type of header '" + std::string(name) + "': expected an array of strings");
    auto keys = list->values();
    record::FieldValueView key;
    while (keys.next(key)) {
        const auto text = key.as_text();
        if (!text || text->size() > shortstr_size_max || draft_.more_keys.size() >= limits::more_keys_max) {
            return refuse(ReplyCode::precondition_failed,
                          "header '" + std::string(name) + "' must hold up to 255 routing keys");
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
        if (message.reply_address == nullptr)
            return refuse(ReplyCode::precondition_failed, "fast reply consumer does not exist");
        properties->reply_to = *message.reply_address;
    }
    rewritten_.clear();
    properties->encode(rewritten_);
    draft_.properties = rewritten_;
    return {};
}

}  // namespace fantail::amqp091

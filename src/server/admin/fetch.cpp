// SPDX-License-Identifier: Apache-2.0
//! Messages as JSON.
#include "server/admin/fetch.hpp"

#include <algorithm>
#include <limits>

#include "protocols/http/http_request.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/message_json.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {
/// Bounds an answer: a message more may come.
constexpr std::size_t answer_size_max = 16u << 20;
}  // namespace

std::optional<AckMode> ack_mode_of(std::string_view name) {
    if (name == "ack_requeue_false") return AckMode{};
    if (name == "ack_requeue_true") return AckMode{broker::Outcome::release};
    if (name == "reject_requeue_true") return AckMode{broker::Outcome::requeue};
    if (name == "reject_requeue_false") return AckMode{broker::Outcome::reject};
    return std::nullopt;
}

bool Fetch::take(const broker::GetResult& got) {
    const broker::Deliver& message = got.message;
    if (!got.found || message.count == 0) return false;
    const auto batch = record::BatchView::parse(unpacked.of(message.batch));
    auto cursor = batch ? batch->records() : Result<record::RecordCursor>(fail(ErrorCode::not_found, ""));
    record::RecordView record;
    if (!cursor || !cursor->skip(message.index) || !cursor->next(record)) return false;
    if (mode.outcome) held.push_back({message.first, message.first.plus(1), message.level});
    constexpr std::uint32_t no_frames = std::numeric_limits<std::uint32_t>::max();
    const auto mapped =
        mapper.map(record, {kind, message.delivery_count, message.acquired_count, message.first}, no_frames);
    const std::string_view all = as_text(mapped.body);
    const std::string_view shown = all.substr(0, truncate.value_or(all.size()));
    const bool text = !always_base64 && is_utf8(shown);
    payload_bytes += shown.size();
    rows.push_back(json::object{{"payload_bytes", all.size()},
                                {"redelivered", message.redelivered},
                                {"exchange", utf8(mapped.exchange)},
                                {"routing_key", utf8(mapped.routing_key)},
                                {"message_count", got.ready_left},
                                {"properties", json_of_properties(mapped.properties)},
                                {"payload", text ? std::string(shown) : http::encode_base64(shown)},
                                {"payload_encoding", text ? "string" : "base64"}});
    --wanted;
    return true;
}

bool Fetch::enough() const { return wanted == 0 || payload_bytes >= answer_size_max; }

}  // namespace fantail::server

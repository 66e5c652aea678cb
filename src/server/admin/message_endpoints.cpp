// SPDX-License-Identifier: Apache-2.0
//! Publishing by /api/exchanges/…/publish and taking messages by /api/queues/…/get.
#include <boost/json.hpp>

#include "server/admin/fetch.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/message_json.hpp"
#include "server/admin/publishing.hpp"
#include "server/admin/topology_change.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

constexpr std::int64_t fetch_count_max = 1000;
/// Leases of messages taken here; an administration connection has no other consumer.
constexpr ConsumerId fetcher(1);

Result<std::string> needed_text(const json::object& body, std::string_view name) {
    FANTAIL_TRY(auto value, text_member(body, name));
    if (!value) return fail(ErrorCode::malformed, "'" + std::string(name) + "' is needed");
    return *std::move(value);
}

Result<OutgoingBody> message_from(const http::Request& request) {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    // RabbitMQ's pages repeat some properties beside the object that holds them all.
    FANTAIL_CHECK(only_members_of_body(
        body, {"properties", "routing_key", "payload", "payload_encoding", "delivery_mode", "headers", "props"}));
    OutgoingBody message;
    message.exchange = exchange_name(request.segments[3]);
    FANTAIL_TRY(message.routing_key, needed_text(body, "routing_key"));
    if (message.routing_key.size() > amqp091::shortstr_size_max)
        return fail(ErrorCode::malformed, "'routing_key' has more than 255 bytes");
    FANTAIL_TRY(message.body, needed_text(body, "payload"));
    FANTAIL_TRY(const auto encoding, text_member(body, "payload_encoding"));
    if (encoding == "base64") {
        auto decoded = http::decode_base64(message.body);
        if (!decoded) return fail(ErrorCode::malformed, "'payload' is no base64");
        message.body = *std::move(decoded);
    } else if (encoding.value_or("string") != "string") {
        return fail(ErrorCode::malformed, "'payload_encoding' must be string or base64");
    }
    const json::value* properties = body.if_contains("properties");
    const bool given = properties != nullptr && properties->is_object();
    FANTAIL_TRY(message.properties, properties_from(given ? properties->as_object() : json::object()));
    return message;
}

Result<Fetch> fetch_from(const http::Request& request) {
    FANTAIL_TRY(const json::object body, parse_object(request.body));
    // Where rabbitmqadmin writes the payload is its own business, and it sends it all the same.
    FANTAIL_CHECK(only_members_of_body(body, {"count", "ackmode", "encoding", "truncate", "requeue", "payload_file"}));
    FANTAIL_TRY(const auto count, number_member(body, "count"));
    FANTAIL_TRY(const auto mode, text_member(body, "ackmode"));
    FANTAIL_TRY(const auto encoding, text_member(body, "encoding"));
    FANTAIL_TRY(const auto truncate, number_member(body, "truncate"));
    if (!count || *count < 1 || *count > fetch_count_max)
        return fail(ErrorCode::malformed, "'count' is needed: from 1 to 1000");
    Fetch fetch;
    const auto ack = ack_mode_of(mode.value_or(""));
    if (!ack)
        return fail(ErrorCode::malformed,
                    "'ackmode' is needed: ack_requeue_true, ack_requeue_false, reject_requeue_true or "
                    "reject_requeue_false");
    if (encoding.value_or("auto") != "auto" && encoding != "base64")
        return fail(ErrorCode::malformed, "'encoding' must be auto or base64");
    if (truncate.value_or(0) < 0) return fail(ErrorCode::malformed, "'truncate' must not be negative");
    fetch.wanted = static_cast<std::uint32_t>(*count);
    fetch.mode = *ack;
    fetch.always_base64 = encoding == "base64";
    if (truncate) fetch.truncate = static_cast<std::size_t>(*truncate);
    return fetch;
}

}  // namespace

void AdminApi::publish(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    const auto message = message_from(request);
    if (!message) return refuse(message.error());
    if (const std::string alarm = backend_.process().alarm; !alarm.empty())
        return refuse({ErrorCode::unavailable, "publishers are held back: " + alarm});
    publishing_ = std::make_unique<Publishing>(link_to(**in));
    publishing_->begin(*message);
    if (!publishing_->complete()) return;
    const Result<bool> routed = std::exchange(publishing_, nullptr)->outcome();
    if (routed) answer(json_of_routed(*routed));
    else refuse(routed.error());
}

void AdminApi::get_messages(const http::Request& request) {
    const auto in = vhost(request.segments[2]);
    if (!in) return refuse(in.error());
    auto asked = fetch_from(request);
    if (!asked) return refuse(asked.error());
    const auto link = link_to(**in);
    if (auto may = amqp091::check_permission(*link, broker::Operation::read, "queue", request.segments[3]); !may)
        return refuse(refusal_of(may.error()));
    const auto found = amqp091::find_queue(*link, request.segments[3]);
    if (!found) return refuse(refusal_of(found.error()));
    if ((*found)->kind == broker::QueueKind::stream)
        return refuse({ErrorCode::unsupported, "messages of streams cannot be taken one by one: consume from it"});
    fetching_ = std::make_shared<Fetch>(std::move(*asked));
    fetching_->queue = (*found)->id;
    fetching_->kind = (*found)->kind;
    fetch_next(fetching_);
}

void AdminApi::fetch_next(const std::shared_ptr<Fetch>& fetch) {
    const bool settled = !fetch->mode.outcome.has_value();
    send(shard_of(fetch->queue), broker::Get{fetch->queue, fetcher, settled},
         [this, fetch](broker::Event& event) { on_fetched(fetch, event); });
}

void AdminApi::on_fetched(const std::shared_ptr<Fetch>& fetch, broker::Event& event) {
    const auto* got = std::get_if<broker::GetResult>(&event);
    if (got != nullptr && fetch->take(*got) && !fetch->enough()) return fetch_next(fetch);
    finish_fetch(*fetch);
    fetching_ = nullptr;
    answer(json::serialize(fetch->rows));
}

/// Gives back what is held, also when the client has gone in the middle.
void AdminApi::finish_fetch(Fetch& fetch) {
    if (!fetch.mode.outcome) return;
    const ShardId shard = shard_of(fetch.queue);
    if (!fetch.held.empty()) {
        host_.broker().send(shard, RequestId{},
                            broker::Settle{fetch.queue, fetcher, *fetch.mode.outcome, std::exchange(fetch.held, {})});
    }
    host_.broker().send(shard, RequestId{}, broker::Detach{fetcher, fetcher.plus(1)});
}

}  // namespace fantail::server

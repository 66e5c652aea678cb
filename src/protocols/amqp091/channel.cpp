// SPDX-License-Identifier: Apache-2.0
//! A channel's frames, publishes, acknowledgements and transactions.
#include "protocols/amqp091/channel.hpp"

#include <algorithm>

namespace fantail::amqp091 {
namespace {

bool is_topology_method(MethodId id) {
    switch (id) {
        case MethodId::exchange_declare:
        case MethodId::exchange_delete:
        case MethodId::exchange_bind:
        case MethodId::exchange_unbind:
        case MethodId::queue_bind:
        case MethodId::queue_unbind:
        case MethodId::queue_delete: return true;
        default: return false;
    }
}

/// Methods whose answer does not depend on those before them, so that they may be sent on at once.
bool may_pipeline(const Frame& frame) {
    if (frame.type != FrameType::method) return false;
    const MethodId id = method_id(frame.payload);
    if (id != MethodId::queue_declare) {
        if (id != MethodId::exchange_declare) return is_topology_method(id);
        Reader in(frame.payload.subspan(sizeof(MethodId)));
        ExchangeDeclare method;
        decode_into(method, in);
        return !in.failed() && !method.passive;
    }
    Reader in(frame.payload.subspan(sizeof(MethodId)));
    QueueDeclare method;
    decode_into(method, in);
    return !in.failed() && !method.passive && !method.queue.empty();
}

ReplyError too_large_message(std::uint64_t size, std::uint64_t size_max) {
    return reply_error(
        ReplyCode::precondition_failed,
        "message size " + std::to_string(size) + " is larger than configured max size " + std::to_string(size_max));
}

}  // namespace

// --- stalling

bool Channel::must_stall(const Frame& frame) const {
    if (!stalled_.frames.empty()) return true;
    if (pending_.empty()) return false;
    if (incoming_ || pending_.size() >= limits::pipelined_methods_max) return true;
    return !std::ranges::all_of(pending_, &PendingMethod::pipelined) || !may_pipeline(frame);
}

Handled Channel::stall(ByteView wire) {
    if (stalled_.at > stalled_.frames.size() / 2) {
        stalled_.frames.erase(stalled_.frames.begin(),
                              stalled_.frames.begin() + static_cast<std::ptrdiff_t>(stalled_.at));
        stalled_.at = 0;
    }
    if (stalled_.frames.size() - stalled_.at + wire.size() > limits::stalled_bytes_max) {
        return refuse(ReplyCode::resource_error, "too much was sent before a synchronous method was answered");
    }
    stalled_.frames.insert(stalled_.frames.end(), wire.begin(), wire.end());
    return {};
}

// --- publishing

PublisherRef Channel::next_publish() { return {number_, serial_, confirming_ || transaction_ ? confirms_.next() : 0}; }

Handled Channel::on_publish(const WholePublish& message) {
    method_ = MethodId::basic_publish;
    if (message.method.immediate) [[unlikely]]
        return refuse(ReplyCode::not_implemented, "immediate=true");
    if (message.body.size() > link().options->message_size_max) [[unlikely]] {
        return refuse(too_large_message(message.body.size(), link().options->message_size_max));
    }
    return take_message({.exchange = message.method.exchange,
                         .routing_key = message.method.routing_key,
                         .properties = message.property_bytes,
                         .body = message.body},
                        message.method.mandatory);
}

Handled Channel::take_message(Publication&& message, bool mandatory) {
    if (!reply_address_.empty()) message.reply_address = &reply_address_;
    if (transaction_) return store_publish(message, mandatory);
    message.from = next_publish();
    FANTAIL_TRY(const Fate fate, parts_.publisher().publish(message));
    if (fate != Fate::queued) [[unlikely]]
        conclude(fate, message, mandatory);
    return {};
}

/// For messages that no queue takes: returned, given to a reply consumer, or only remembered.
void Channel::conclude(Fate fate, const Publication& message, bool mandatory) {
    if (fate != Fate::handed_over && mandatory) {
        write_return(link().out(), number_,
                     {.reply_code = static_cast<std::uint16_t>(ReplyCode::no_route),
                      .reply_text = name_of(ReplyCode::no_route),
                      .exchange = message.exchange,
                      .routing_key = message.routing_key},
                     {message.properties, message.body}, link().frame_max);
    }
    if (fate != Fate::remembered && message.from.sequence != 0)
        on_published({message.from.sequence, message.from.sequence, true});
}

protocols::ChannelInfo Channel::info() const {
    return {.number = number_,
            .consumers = static_cast<std::uint32_t>(consumers_.size()),
            .unsettled = unacked_.size(),
            .prefetch = prefetch_,
            .global_prefetch = global_prefetch_,
            .confirms = confirming_,
            .transactional = transaction_ != nullptr};
}

void Channel::mark_busy() {
    if (busy_) return;
    busy_ = true;
    parts_.busy_channels.push_back(number_);
}

void Channel::on_published(const SequenceRange& range) {
    confirms_.answered(range);
    mark_busy();
}

// --- frames

Handled Channel::on_frame(const Frame& frame) {
    switch (frame.type) {
        case FrameType::method: return on_method(frame.payload);
        case FrameType::header: return on_header(frame.payload);
        case FrameType::body: return on_body(frame.payload);
        case FrameType::heartbeat: break;
    }
    return refuse(ReplyCode::unexpected_frame, "heartbeat on a channel");
}

Handled Channel::on_method(ByteView payload) {
    method_ = method_id(payload);
    if (incoming_)
        return refuse(ReplyCode::unexpected_frame,
                      "expected content for " + std::string("basic.publish") + ", got a method frame instead");
    auto method = decode(payload);
    if (!method) {
        const bool unknown = method.error().code == ErrorCode::unsupported;
        return refuse(unknown ? ReplyCode::command_invalid : ReplyCode::syntax_error, method.error().message);
    }
    return std::visit([this](const auto& m) { return handle(m); }, *method);
}

template <class M>
Handled Channel::handle(const M&) {
    return refuse(ReplyCode::command_invalid, "unexpected method " + std::string(method_name(M::id)));
}

Handled Channel::handle(const BasicPublish& method) { return begin_content(method); }

Handled Channel::begin_content(const BasicPublish& method) {
    if (method.immediate) return refuse(ReplyCode::not_implemented, "immediate=true");
    incoming_ = std::make_unique<Incoming>();
    incoming_->exchange = method.exchange;
    incoming_->routing_key = method.routing_key;
    incoming_->mandatory = method.mandatory;
    return {};
}

Handled Channel::on_header(ByteView payload) {
    if (!incoming_ || incoming_->has_header)
        return refuse(ReplyCode::unexpected_frame, "a content header that no method announced");
    const auto header = decode_content_header(payload);
    if (!header) return refuse(ReplyCode::frame_error, header.error().message);
    if (!header->follows_basic_method())
        return refuse(ReplyCode::unexpected_frame, "expected a content header for class 60");
    if (header->body_size > link().options->message_size_max) {
        return refuse(too_large_message(header->body_size, link().options->message_size_max));
    }
    incoming_->has_header = true;
    incoming_->properties.assign(header->property_bytes.begin(), header->property_bytes.end());
    incoming_->body_size = header->body_size;
    parts_.unfinished_bytes += header->body_size;
    if (parts_.unfinished_bytes > limits::unfinished_bytes_max)
        return refuse(ReplyCode::resource_error, "too many unfinished messages");
    return header->body_size == 0 ? complete_content() : begin_body();
}

/// A large body goes straight to its batch; a small one is gathered and joins others.
Handled Channel::begin_body() {
    if (transaction_ || incoming_->body_size <= limits::awaited_publish_max) return {};
    const Publication message{.exchange = incoming_->exchange,
                              .routing_key = incoming_->routing_key,
                              .properties = incoming_->properties,
                              .reply_address = reply_address_.empty() ? nullptr : &reply_address_};
    FANTAIL_TRY(incoming_->large, parts_.publisher().begin_large(message, incoming_->body_size));
    return {};
}

Handled Channel::on_body(ByteView payload) {
    if (!incoming_ || !incoming_->has_header)
        return refuse(ReplyCode::unexpected_frame, "a content body that no header announced");
    if (payload.size() > incoming_->body_size - incoming_->received) {
        return refuse(ReplyCode::frame_error, "content body is longer than its header announced");
    }
    incoming_->received += payload.size();
    if (incoming_->large) (void)incoming_->large->builder.append_value(payload);
    else append(incoming_->body, payload);
    return incoming_->received == incoming_->body_size ? complete_content() : Handled{};
}

Handled Channel::complete_content() {
    const auto done = std::move(incoming_);
    parts_.unfinished_bytes -= done->body_size;
    method_ = MethodId::basic_publish;
    if (done->large) {
        parts_.publisher().finish_large(std::move(done->large), next_publish());
        return {};
    }
    return take_message({.exchange = done->exchange,
                         .routing_key = done->routing_key,
                         .properties = done->properties,
                         .body = done->body},
                        done->mandatory);
}

void Channel::drop_content() {
    if (!incoming_) return;
    if (incoming_->has_header) parts_.unfinished_bytes -= incoming_->body_size;
    incoming_.reset();
}

// --- acknowledgements

Handled Channel::handle(const BasicAck& method) {
    return settle(method.delivery_tag, method.multiple, broker::Outcome::accept);
}

Handled Channel::handle(const BasicNack& method) {
    return settle(method.delivery_tag, method.multiple,
                  method.requeue ? broker::Outcome::release : broker::Outcome::reject);
}

Handled Channel::handle(const BasicReject& method) {
    return settle(method.delivery_tag, false, method.requeue ? broker::Outcome::requeue : broker::Outcome::reject);
}

Handled Channel::handle(const BasicRecover& method) {
    if (!method.requeue) return refuse(ReplyCode::not_implemented, "requeue=false");
    settle_all(broker::Outcome::release);
    link().send(number_, BasicRecoverOk{});
    return {};
}

Handled Channel::handle(const BasicRecoverAsync& method) {
    if (!method.requeue) return refuse(ReplyCode::not_implemented, "requeue=false");
    settle_all(broker::Outcome::release);
    return {};
}

// --- modes and windows

Handled Channel::handle(const BasicQos& method) {
    if (method.prefetch_size != 0)
        return refuse(ReplyCode::not_implemented, "prefetch_size!=0 (" + std::to_string(method.prefetch_size) + ")");
    if (method.global) set_global_prefetch(method.prefetch_count);
    else prefetch_ = method.prefetch_count;
    link().send(number_, BasicQosOk{});
    return {};
}

Handled Channel::handle(const ChannelFlow& method) {
    if (!method.active) return refuse(ReplyCode::not_implemented, "active=false");
    link().send(number_, ChannelFlowOk{.active = true});
    return {};
}

Handled Channel::handle(const ChannelFlowOk&) { return {}; }

Handled Channel::handle(const AccessRequest&) {
    link().send(number_, AccessRequestOk{.ticket = 1});
    return {};
}

Handled Channel::handle(const ConfirmSelect& method) {
    if (transaction_) return refuse(ReplyCode::precondition_failed, "cannot switch from tx to confirm mode");
    confirming_ = true;
    if (!method.no_wait) link().send(number_, ConfirmSelectOk{});
    return {};
}

Handled Channel::handle(const TxSelect&) {
    if (confirming_) return refuse(ReplyCode::precondition_failed, "cannot switch from confirm to tx mode");
    if (!transaction_) transaction_ = std::make_unique<Transaction>();
    link().send(number_, TxSelectOk{});
    return {};
}

Handled Channel::handle(const TxRollback&) {
    if (!transaction_) return refuse(ReplyCode::precondition_failed, "channel is not transactional");
    *transaction_ = Transaction{};
    link().send(number_, TxRollbackOk{});
    return {};
}

Handled Channel::handle(const TxCommit&) {
    if (!transaction_) return refuse(ReplyCode::precondition_failed, "channel is not transactional");
    const Transaction work = std::exchange(*transaction_, Transaction{});
    for (const StoredPublish& stored : work.publishes) {
        Publication message{.exchange = stored.exchange,
                            .routing_key = stored.routing_key,
                            .properties = stored.properties,
                            .body = stored.body,
                            .reply_address = reply_address_.empty() ? nullptr : &reply_address_};
        message.from = next_publish();
        FANTAIL_TRY(const Fate fate, parts_.publisher().publish(message));
        if (fate != Fate::queued) conclude(fate, message, stored.mandatory);
    }
    for (const auto& [tag, outcome] : work.settles) {
        LeaseRange range;
        if (!unacked_.take(tag, range)) continue;
        FANTAIL_CHECK(check_outcome(range, outcome));
        give_up(range, outcome);
    }
    parts_.flush();
    release_held();
    pending_.push_back({.method = MethodId::tx_commit, .what = CommitTransaction{}});
    mark_busy();
    return {};
}

Handled Channel::store_publish(const Publication& message, bool mandatory) {
    FANTAIL_CHECK(parts_.publisher().check(message));
    Transaction& work = *transaction_;
    work.bytes += message.body.size() + message.properties.size();
    if (work.bytes > limits::transaction_bytes_max || work.operations() >= limits::transaction_operations_max) {
        return refuse(ReplyCode::resource_error, "the transaction is too large");
    }
    work.publishes.push_back({std::string(message.exchange), std::string(message.routing_key), mandatory,
                              Bytes(message.properties.begin(), message.properties.end()),
                              Bytes(message.body.begin(), message.body.end())});
    return {};
}

Handled Channel::finish_commit(bool accepted) {
    method_ = MethodId::tx_commit;
    pending_.erase(pending_.begin());
    if (!accepted) return refuse(ReplyCode::precondition_failed, "partial tx completion");
    link().send(number_, TxCommitOk{});
    return {};
}

// --- the turn's end

Handled Channel::end_of_turn() {
    busy_ = false;
    if (crowded_) share_window();
    if (!transaction_) {
        confirms_.write(link(), number_);
        return {};
    }
    const bool good = confirms_.absorb();
    commit_refused_ = commit_refused_ || !good;
    const bool committing = !pending_.empty() && std::holds_alternative<CommitTransaction>(pending_.front().what);
    if (!committing || !confirms_.complete()) return {};
    return finish_commit(!std::exchange(commit_refused_, false));
}

void Channel::detach() {
    drop_content();
    pending_.clear();
    stalled_ = {};
    held_.clear();
    for (const ConsumerId id : consumers_) {
        if (is_reply_consumer(id)) link().broker().close_direct(id);
        parts_.consumers.remove(id);
    }
    consumers_.clear();
    parts_.flush();
    const broker::Detach everything{consumer_id(serial_, 0), consumer_id(serial_ + 1, 0)};
    for (std::uint16_t shard = 0; shards_ != 0; ++shard, shards_ >>= 1) {
        if ((shards_ & 1) != 0) link().broker().send(ShardId(shard), RequestId{}, everything);
    }
}

}  // namespace fantail::amqp091

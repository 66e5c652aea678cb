// SPDX-License-Identifier: Apache-2.0
//! How a client consumes and settles.
#include <algorithm>

#include "sim/client.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

namespace {
constexpr std::size_t consumers_max = 4;
constexpr std::uint64_t priority_concern = 0x5052'494F;
}  // namespace

void Client::consume() {
    if (!habits_.consumes || consumers_.size() >= consumers_max * 5) return;
    const auto running = std::ranges::count_if(consumers_, [](const auto& each) { return !each.second->cancel_sent; });
    if (running >= static_cast<std::ptrdiff_t>(consumers_max)) return;
    const QueueSpec& queue = any_queue(false);
    if (queue.is_stream() && prefetch_ == 0) return;  // the broker asks for one
    auto receiver = std::make_shared<Receiver>();
    receiver->queue = &queue;
    receiver->session = session_;
    receiver->number = 1 + consumers_.size();
    receiver->auto_ack = queue.auto_ack && random_.one_in(2);
    receiver->shared_window = global_prefetch_;
    receiver->prefetch = global_prefetch_ || receiver->auto_ack ? 0 : prefetch_;
    record::FieldTableBuilder arguments;
    if (queue.is_stream()) {
        const bool first = random_.one_in(2);
        arguments.set_text("x-stream-offset", first ? "first" : "next");
        if (first) receiver->next_offset = 0;
    } else if (Random chance = random_.fork(priority_concern); chance.one_in(3)) {
        receiver->priority = static_cast<std::int32_t>(chance.between(1, 3)) - 2;
        arguments.set_int("x-priority", receiver->priority);
    }
    const std::string tag = "c" + std::to_string(receiver->number);
    consumers_[tag] = receiver;
    model_.consumes(receiver);
    world_.note([&] {
        return name() + ": consumes " + queue.name + " as " + tag + ", prefetch " + std::to_string(receiver->prefetch) +
               ", priority " + std::to_string(receiver->priority) + (receiver->auto_ack ? ", no ack" : "");
    });
    waiting_for_ = "basic.consume-ok";
    send(BasicConsume{
        .queue = queue.name, .consumer_tag = tag, .no_ack = receiver->auto_ack, .arguments = arguments.view().bytes()});
}

void Client::cancel() {
    for (auto& [tag, receiver] : consumers_) {
        if (receiver->cancel_sent || random_.one_in(2)) continue;
        world_.note([&] { return name() + ": cancels " + tag; });
        receiver->cancel_sent = true;
        model_.disturbed();
        waiting_for_ = "basic.cancel-ok";
        send(BasicCancel{.consumer_tag = tag});
        return;
    }
}

void Client::get() {
    const QueueSpec& queue = any_queue(false);
    if (!habits_.consumes || queue.is_stream()) return;
    getter_ = std::make_shared<Receiver>();
    getter_->queue = &queue;
    getter_->session = session_;
    getter_->auto_ack = queue.auto_ack && random_.one_in(2);
    model_.consumes(getter_);
    world_.note([&] { return name() + ": gets from " + queue.name; });
    waiting_for_ = "basic.get-ok";
    send(BasicGet{.queue = queue.name, .no_ack = getter_->auto_ack});
}

void Client::take(std::uint64_t tag, const ReceiverPtr& receiver, const Delivered& delivered) {
    world_.note([&] {
        return name() + ": gets " + std::to_string(delivered.id) + " of " + receiver->queue->name + " as " +
               std::to_string(tag) + (delivered.redelivered ? ", redelivered" : "");
    });
    Copy* copy = model_.deliver(*receiver, delivered);
    if (copy == nullptr) return;
    model_.is_active(receiver);
    if (!receiver->auto_ack) unacked_[tag] = {copy, receiver};
    if (!global_prefetch_) return;
    const auto held =
        std::ranges::count_if(unacked_, [](const auto& each) { return each.second.receiver->number > 0; });
    if (held > static_cast<std::ptrdiff_t>(prefetch_))
        world_.fail(name() + ": more deliveries than the channel's prefetch allows");
}

void Client::settle_some() {
    if (unacked_.empty() || !waiting_for_.empty()) return;
    auto first = std::next(unacked_.begin(), static_cast<std::ptrdiff_t>(random_.below(unacked_.size())));
    const std::uint64_t tag = first->first;
    const bool multiple = random_.one_in(3);  // every one of the channel up to it
    if (multiple) first = unacked_.begin();
    const std::uint64_t die = random_.below(100);
    const bool of_stream = std::any_of(first, unacked_.upper_bound(tag),
                                       [](const auto& each) { return each.second.copy->queue->is_stream(); });
    How how = of_stream || die >= habits_.returns + 15 ? How::accept : die < habits_.returns ? How::nack : How::refuse;
    if (how == How::nack && !multiple && random_.one_in(2)) how = How::reject_back;
    world_.note([&] {
        std::string text = name() + ": " + (how == How::accept ? "acks" : how == How::refuse ? "rejects" : "requeues");
        for (auto at = first; at != unacked_.upper_bound(tag); ++at)
            text += " " + std::to_string(at->second.copy->message->id);
        return text;
    });
    if (how == How::accept) send(BasicAck{.delivery_tag = tag, .multiple = multiple});
    else if (how == How::reject_back) send(BasicReject{.delivery_tag = tag, .requeue = true});
    else send(BasicNack{.delivery_tag = tag, .multiple = multiple, .requeue = how == How::nack});
    settle(first, unacked_.upper_bound(tag), how);
}

void Client::settle(Tags::iterator first, Tags::iterator end, How how) {
    for (auto at = first; at != end; ++at) {
        if (mode_ == Mode::transactions) {
            settles_in_transaction_.push_back({at->second, how});
            taken_back_.insert(*at);
        } else {
            apply(at->second, how);
        }
    }
    unacked_.erase(first, end);
}

void Client::apply(const Unacked& held, How how) {
    held.receiver->gave(world_.time());
    if (held.copy->queue->is_stream()) return;
    // As in RabbitMQ, what is nacked does not count towards the delivery limit.
    if (how == How::nack || how == How::reject_back) return model_.requeue(*held.copy, how == How::reject_back);
    if (how == How::refuse) return model_.reject(*held.copy);
    model_.ack(*held.copy, session_);
    if (mode_ == Mode::confirms) acked_[held.copy->queue].push_back(held.copy);
}

}  // namespace fantail::sim

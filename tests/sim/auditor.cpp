// SPDX-License-Identifier: Apache-2.0
//! Audits queue by queue.
#include "sim/auditor.hpp"

#include "sim/client_words.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

namespace {
constexpr std::int64_t silence = 2 * second;
constexpr std::uint16_t prefetch = 60'000;  // streams are not consumed without one
constexpr std::uint64_t messages_an_ack = 30'000;
}  // namespace

void Auditor::audit() {
    auto link = node_.connect({});
    if (!link) return world_.fail("auditor: nobody listens");
    session_ = std::make_shared<Session>();
    session_->link = link;
    peer_ = std::make_shared<AmqpPeer>(world_, std::move(link), 30);
    channel_ = peer_->open_channel(*this);
    peer_->open();
}

std::string Auditor::place() const {
    return queue_ < topology_.queues.size() ? topology_.queues[queue_].name : "the end";
}

void Auditor::on_open() { send(BasicQos{.prefetch_count = prefetch}); }

void Auditor::next() {
    if (queue_ < topology_.queues.size()) {
        send(QueueDeclare{.queue = topology_.queues[queue_].name, .passive = true, .durable = true});
        return;
    }
    done_ = true;
    const auto peer = std::exchange(peer_, nullptr);
    peer->drop();
}

void Auditor::on_method(const Method& method) {
    if (const auto* declared = std::get_if<QueueDeclareOk>(&method)) {
        consume(declared->message_count);
    } else if (std::holds_alternative<BasicQosOk>(method)) {
        next();
    } else if (std::holds_alternative<BasicConsumeOk>(method)) {
        last_message_at_ = world_.time();
        look_for_silence();
    } else if (std::holds_alternative<BasicCancelOk>(method)) {
        model_.judge_queue(topology_.queues[queue_], found_, announced_);
        ++queue_;
        next();
    }
}

void Auditor::consume(std::uint32_t announced) {
    const QueueSpec& queue = topology_.queues[queue_];
    announced_ = announced;
    world_.note([&] { return "auditor: " + queue.name + " announces " + std::to_string(announced); });
    found_.clear();
    receiver_ = std::make_shared<Receiver>();
    receiver_->queue = &queue;
    receiver_->session = session_;
    receiver_->number = queue_ + 1;
    record::FieldTableBuilder arguments;
    if (queue.is_stream()) {
        arguments.set_text("x-stream-offset", "first");
        receiver_->next_offset = 0;
    }
    send(BasicConsume{.queue = queue.name, .consumer_tag = queue.name, .arguments = arguments.view().bytes()});
}

void Auditor::on_message(const Method& method, const record::Properties& properties, ByteView body) {
    const auto& deliver = std::get<BasicDeliver>(method);
    Delivered delivered = delivered_of(id_of(body), properties);
    delivered.redelivered = deliver.redelivered;
    world_.note([&] { return "auditor: finds " + std::to_string(delivered.id) + " in " + receiver_->queue->name; });
    Copy* copy = model_.deliver(*receiver_, delivered);
    if (copy != nullptr) found_.push_back(copy);
    last_message_at_ = world_.time();
    if (deliver.delivery_tag % messages_an_ack == 0)
        send(BasicAck{.delivery_tag = deliver.delivery_tag, .multiple = true});
}

void Auditor::look_for_silence() {
    world_.after(silence / 4, [this] {
        if (world_.ended()) return;
        if (world_.time() - last_message_at_ < silence) return look_for_silence();
        // Acks first: what is taken here is no longer there for a second look.
        if (!topology_.queues[queue_].is_stream() && !found_.empty())
            send(BasicAck{.delivery_tag = 0, .multiple = true});
        send(BasicCancel{.consumer_tag = topology_.queues[queue_].name});
    });
}

void Auditor::on_gone(const ChannelEnd& end) {
    if (done()) return;
    world_.fail("auditor, at " + place() + ": channel over: " + std::to_string(end.code) + " " + end.text);
}

}  // namespace fantail::sim

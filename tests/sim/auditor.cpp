// SPDX-License-Identifier: Apache-2.0
//! Declares queue by queue, and audits queue by queue.
#include "sim/auditor.hpp"

#include "sim/client_words.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

namespace {
constexpr std::int64_t silence = 2 * second;
constexpr std::uint16_t stream_prefetch = 60'000;
}  // namespace

void Auditor::declare() {
    state_ = State::declaring;
    connect();
}

void Auditor::audit() {
    state_ = State::auditing;
    connect();
}

void Auditor::connect() {
    queue_ = 0;
    auto link = node_.connect({});
    if (!link) return world_.fail("auditor: nobody listens");
    session_ = std::make_shared<Session>();
    session_->link = link;
    peer_ = std::make_shared<AmqpPeer>(world_, std::move(link), 30);
    channel_ = peer_->open_channel(*this);
    peer_->open();
}

std::string Auditor::place() const {
    const std::string queue = queue_ < topology_.size() ? topology_[queue_].name : "the end";
    return std::string(state_ == State::declaring ? "declaring " : "auditing ") + queue;
}

void Auditor::on_open() {
    if (state_ == State::auditing) send(BasicQos{.prefetch_count = stream_prefetch});
    else next();
}

void Auditor::next() {
    if (queue_ < topology_.size()) {
        declare_next(topology_[queue_]);
        return;
    }
    state_ = State::done;
    const auto peer = std::exchange(peer_, nullptr);
    peer->drop();
}

void Auditor::declare_next(const QueueSpec& queue) {
    const bool passive = state_ == State::auditing;
    const Bytes arguments = passive ? Bytes() : queue.arguments();
    send(QueueDeclare{.queue = queue.name, .passive = passive, .durable = true, .arguments = arguments});
}

void Auditor::on_method(const Method& method) {
    const QueueSpec* queue = queue_ < topology_.size() ? &topology_[queue_] : nullptr;
    if (const auto* declared = std::get_if<QueueDeclareOk>(&method)) {
        if (state_ == State::auditing) return consume(declared->message_count);
        binding_ = queue->in_fanout && !binding_;
        if (binding_) return send(QueueBind{.queue = queue->name, .exchange = "amq.fanout"});
    } else if (std::holds_alternative<BasicQosOk>(method)) {
        return next();
    } else if (std::holds_alternative<BasicConsumeOk>(method)) {
        last_message_at_ = world_.time();
        return look_for_silence();
    } else if (std::holds_alternative<BasicCancelOk>(method)) {
        model_.judge_queue(*queue, found_, announced_);
    }
    binding_ = false;
    ++queue_;
    next();
}

void Auditor::consume(std::uint32_t announced) {
    const QueueSpec& queue = topology_[queue_];
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
}

void Auditor::look_for_silence() {
    world_.after(silence / 4, [this] {
        if (world_.ended()) return;
        if (world_.time() - last_message_at_ < silence) return look_for_silence();
        // Acks first: what is taken here is no longer there for a second look.
        if (!topology_[queue_].is_stream() && !found_.empty()) send(BasicAck{.delivery_tag = 0, .multiple = true});
        send(BasicCancel{.consumer_tag = topology_[queue_].name});
    });
}

void Auditor::on_gone(const ChannelEnd& end) {
    if (done()) return;
    world_.fail("auditor, " + place() + ": channel over: " + std::to_string(end.code) + " " + end.text);
}

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! A client's connection, and what it decides to do next.
#include "sim/client.hpp"

#include "sim/client_words.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

namespace {

constexpr std::uint64_t client_concern = 0x434C'4945'0000;
/// Time that the broker has for any answer.
constexpr std::int64_t answer_time_max = 10 * second;

}  // namespace

Client::Client(World& world, SharedConnection& connection, Model& model, const Topology& topology, std::uint64_t number)
    : world_(world),
      connection_(connection),
      model_(model),
      topology_(topology),
      number_(number),
      random_(world.chance(client_concern + number)) {
    habits_.think_ns = static_cast<std::int64_t>(random_.skewed(2, 2'000)) * ms;
    habits_.burst_max = random_.skewed(1, 60);
    habits_.backlog_max = random_.between(1, 300);
    if (random_.one_in(3)) habits_.returns = random_.between(40, 80);
    habits_.publishes = !random_.one_in(4);
    habits_.consumes = !habits_.publishes || !random_.one_in(3);
}

void Client::start() {
    world_.after(static_cast<std::int64_t>(random_.below(300)) * ms, [this] { connect(); });
}

// ---- the connection

void Client::connect() {
    if (left_ || session_) return;
    peer_ = connection_.get();
    if (!peer_) {
        reconnect_later();
        return;
    }
    ++epoch_;
    connected_at_ = world_.time();
    session_ = std::make_shared<Session>();
    session_->number = number_ * 10'000 + epoch_;
    session_->link = peer_->link();
    channel_ = peer_->open_channel(*this);
    world_.note([&] {
        return name() + ": opens channel " + std::to_string(channel_) + " of connection " +
               std::to_string(session_->link->number()) + ", session " + std::to_string(session_->number);
    });
}

void Client::reconnect_later() {
    if (left_) return;
    world_.after(static_cast<std::int64_t>(random_.between(20, 1500)) * ms, [this] { connect(); });
}

void Client::on_open() {
    ready_ = true;
    mode_ = static_cast<Mode>(random_.pick<int>({0, 1, 1, 1, 1, 2}));
    published_ = 0;
    if (mode_ == Mode::confirms) send(ConfirmSelect{});
    if (mode_ == Mode::transactions) send(TxSelect{});
    prefetch_ = random_.one_in(3) ? 0 : static_cast<std::uint32_t>(random_.skewed(1, 50));
    global_prefetch_ = prefetch_ > 0 && random_.one_in(5);
    send(BasicQos{.prefetch_count = static_cast<std::uint16_t>(prefetch_), .global = global_prefetch_});
    getter_ = std::make_shared<Receiver>();
    getter_->session = session_;
    world_.after(0, [this, epoch = epoch_] {
        if (epoch == epoch_) think();
    });
}

void Client::forget_session() {
    if (!session_) return;
    std::vector<Copy*> held;
    for (auto& [tag, unacked] : unacked_) held.push_back(unacked.copy);
    for (auto& [tag, unacked] : taken_back_) held.push_back(unacked.copy);
    std::vector<ReceiverPtr> receivers;
    for (auto& [tag, receiver] : consumers_) receivers.push_back(receiver);
    if (waiting_for_ == "basic.get-ok") receivers.push_back(getter_);
    model_.over(*session_, held, receivers);
    for (const Publish& publish : in_transaction_) {
        // A commit that was not answered may have been carried out.
        if (model_.message(publish.id).fate == Fate::in_transaction) model_.answered(publish.id, Fate::withdrawn);
    }
    if (rebinding()) {  // whether it was done is not known
        own_key_.clear();
        bound_to_ = nullptr;
    }
    session_.reset();
    peer_.reset();
    ready_ = false;
    waiting_for_.clear();
    unconfirmed_.clear();
    in_transaction_.clear();
    settles_in_transaction_.clear();
    taken_back_.clear();
    acked_.clear();
    consumers_.clear();
    unacked_.clear();
    transaction_ = 0;
    ++epoch_;
}

void Client::on_gone(const ChannelEnd& end) {
    world_.note([&] { return name() + ": channel over: " + std::to_string(end.code) + " " + end.text; });
    // 320: a shutdown. 406: a commit that a queue refused. Everything else is an answer to a mistake, and none was made.
    const bool refused = end.code == 406 && end.text.contains("partial tx completion");
    if (end.code != 0 && end.code != 320 && !refused)
        world_.fail(name() + ": the broker closes with " + std::to_string(end.code) + " " + end.text);
    session_->answered = end.answered;
    session_->closed_well = end.answered && end.code == 0 && waiting_for_ == "the end" && parted_in_time_;
    forget_session();
    reconnect_later();
}

/// Ends the channel, or the connection with all that others have in it, politely or not. A channel is never just left.
void Client::part() {
    const std::uint64_t die = random_.below(7);
    if (die == 0) {
        const auto peer = peer_;
        peer->drop();
        return;
    }
    waiting_for_ = "the end";
    parted_in_time_ = peer_->usable();
    session_->closing = true;
    model_.disturbed();
    if (die < 4) peer_->close_channel(channel_);
    else peer_->close();
}

void Client::leave() {
    left_ = true;
    if (!session_ || waiting_for_ == "the end") return;
    if (waiting_for_.empty() && ready_) return part();
    const auto peer = peer_;
    peer->drop();
}

std::string Client::unanswered() const {
    if (!session_ || session_->link->server_gone() || session_->link->unreliable()) return {};
    if (world_.time() - connected_at_ < answer_time_max) return {};
    if (!ready_) return name() + " waits for the connection to open";
    if (!waiting_for_.empty()) return name() + " waits for " + waiting_for_;
    if (!unconfirmed_.empty())
        return name() + " waits for the confirm of message " + std::to_string(unconfirmed_.begin()->second.id);
    return {};
}

// ---- what next

void Client::think() {
    const std::int64_t pause =
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(2 * habits_.think_ns))) + us;
    world_.after(pause, [this, epoch = epoch_] {
        if (epoch != epoch_ || world_.ended()) return;
        if (!resting_) act();
        if (epoch == epoch_) think();
    });
}

void Client::act() {
    const std::uint64_t die = random_.below(1000);
    if (die < 450) publish_some();
    else if (die < 750) settle_some();
    else if (!waiting_for_.empty()) return;
    else if (die < 850) consume();
    else if (die < 870) cancel();
    else if (die < 920) get();
    else if (die < 985) end_transaction();
    else if (die < 990) rebind();
    else if (die < 993) peer_->link()->client_stall(static_cast<std::int64_t>(random_.between(1, 3000)) * ms);
    else if (die < 997) part();
}

const QueueSpec& Client::any_queue(bool for_publishing) {
    while (true) {
        const QueueSpec& queue = topology_.queues[random_.below(topology_.queues.size())];
        if (!for_publishing || !queue.takes_dead_letters) return queue;
    }
}

// ---- answers

void Client::on_method(const Method& method) {
    if (const auto* ack = std::get_if<BasicAck>(&method)) {
        confirm(ack->delivery_tag, ack->multiple, Fate::confirmed);
    } else if (const auto* nack = std::get_if<BasicNack>(&method)) {
        confirm(nack->delivery_tag, nack->multiple, Fate::refused);
    } else if (const auto* cancelled = std::get_if<BasicCancelOk>(&method)) {
        consumers_.at(std::string(cancelled->consumer_tag))->cancelled = true;
        waiting_for_.clear();
    } else if (std::holds_alternative<TxCommitOk>(method)) {
        session_->closing = false;
        for (const Publish& publish : in_transaction_) confirm_one(publish, Fate::confirmed);
        in_transaction_.clear();
        settles_in_transaction_.clear();
        taken_back_.clear();
        transaction_ = 0;
        waiting_for_.clear();
    } else if (std::holds_alternative<TxRollbackOk>(method)) {
        unacked_.merge(taken_back_);
        taken_back_.clear();
        waiting_for_.clear();
    } else if (std::holds_alternative<QueueBindOk>(method) || std::holds_alternative<QueueUnbindOk>(method)) {
        bound_to_ = binding_to_;
        waiting_for_.clear();
    } else if (std::holds_alternative<BasicConsumeOk>(method) || std::holds_alternative<BasicGetEmpty>(method)) {
        waiting_for_.clear();
    } else if (std::holds_alternative<BasicCancel>(method)) {
        world_.fail(name() + ": the broker cancels a consumer for no reason");
    }
}

void Client::on_message(const Method& method, const record::Properties& properties, ByteView body) {
    const std::uint64_t id = id_of(body);
    if (std::holds_alternative<BasicReturn>(method)) {
        model_.answered(id, Fate::returned);
        return;
    }
    if (!check_body(id, body)) return;
    Delivered delivered = delivered_of(id, properties);
    if (const auto* deliver = std::get_if<BasicDeliver>(&method)) {
        const auto at = consumers_.find(std::string(deliver->consumer_tag));
        if (at == consumers_.end()) return world_.fail(name() + ": a delivery for an unknown consumer");
        delivered.redelivered = deliver->redelivered;
        take(deliver->delivery_tag, at->second, delivered);
    } else if (const auto* got = std::get_if<BasicGetOk>(&method)) {
        delivered.redelivered = got->redelivered;
        waiting_for_.clear();
        take(got->delivery_tag, getter_, delivered);
    }
}

bool Client::check_body(std::uint64_t id, ByteView body) {
    const Bytes expected = body_of(id, body.size());
    if (body.size() >= 8 && std::equal(body.begin(), body.end(), expected.begin())) return true;
    world_.fail(name() + ": a body of " + std::to_string(body.size()) + " bytes that nobody wrote");
    return false;
}

}  // namespace fantail::sim

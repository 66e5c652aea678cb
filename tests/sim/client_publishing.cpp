// SPDX-License-Identifier: Apache-2.0
//! How a client publishes: plainly, with confirms, in transactions.
#include "sim/client.hpp"
#include "sim/client_words.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

namespace {
/// Numbers of messages and transactions tell whose they are.
constexpr std::uint64_t numbers_per_client = 1'000'000'000;
constexpr std::size_t transaction_max = 40;
}  // namespace

void Client::publish_some() {
    if (!habits_.publishes || unconfirmed_.size() >= habits_.backlog_max || waiting_for_ == "tx.commit-ok") return;
    if (waiting_for_ == "the end" || in_transaction_.size() >= transaction_max) return;
    for (std::uint64_t n = random_.between(1, habits_.burst_max); n > 0; --n) publish_one();
}

void Client::publish_one() {
    Message message;
    message.id = number_ * numbers_per_client + (++messages_);
    message.session = session_->number;
    message.persistent = !random_.one_in(5);
    message.size = random_.one_in(40) ? random_.between(1'000, 60'000) : random_.between(8, 200);
    const QueueSpec& queue = any_queue(true);
    Address address{.exchange = {}, .key = random_.one_in(30) ? "nowhere" : queue.name, .headers = {}};
    if (random_.one_in(4)) address = {random_.pick(topology_.exchanges).name, draw_key(random_), draw_headers(random_)};
    message.targets = route(topology_, address);
    if (!own_key_.empty() && !rebinding() && random_.one_in(10)) {
        address = {own_exchange, own_key_, {}};
        message.targets.clear();
        if (bound_to_ != nullptr) message.targets.push_back(bound_to_);
    }
    message.headers = address.headers;
    message.mandatory = random_.one_in(3);
    if (random_.one_in(3)) message.priority = static_cast<std::uint8_t>(random_.below(11));
    if (random_.one_in(15)) message.ttl_ms = static_cast<std::int64_t>(random_.between(300, 10'000));
    if (random_.one_in(25) && !queue.is_stream() && address.exchange.empty())
        message.delay_ms = static_cast<std::int64_t>(random_.between(1, 8'000));
    if (random_.one_in(3)) message.dedup = "d" + std::to_string(random_.below(60));
    if (mode_ == Mode::transactions) {
        if (transaction_ == 0) transaction_ = number_ * numbers_per_client + (++transactions_);
        message.transaction = transaction_;
        message.fate = Fate::in_transaction;
    }
    send_message(model_.publish(std::move(message)), address);
}

bool Client::rebinding() const { return waiting_for_ == "queue.bind-ok" || waiting_for_ == "queue.unbind-ok"; }

/// Binds a key that is its own, or removes the binding. Not amid a transaction, whose messages are routed at its end.
void Client::rebind() {
    if (!habits_.publishes || transaction_ != 0) return;
    if (bound_to_ != nullptr) {
        binding_to_ = nullptr;
        waiting_for_ = "queue.unbind-ok";
        send(QueueUnbind{.queue = bound_to_->name, .exchange = own_exchange, .routing_key = own_key_});
    } else {
        own_key_ = "k" + std::to_string(number_) + "." + std::to_string(++own_keys_);
        binding_to_ = &any_queue(true);
        waiting_for_ = "queue.bind-ok";
        send(QueueBind{.queue = binding_to_->name, .exchange = own_exchange, .routing_key = own_key_});
    }
    world_.note([&] { return name() + ": waits for " + waiting_for_ + " of " + own_key_; });
}

void Client::send_message(const Message& message, const Address& address) {
    world_.note([&] {
        return name() + ": publishes " + std::to_string(message.id) + " to " +
               (address.exchange.empty() ? address.key : address.exchange + " with " + address.key) +
               (message.persistent ? "" : ", transient") + (message.dedup.empty() ? "" : ", id " + message.dedup) +
               (message.delay_ms == 0 ? "" : ", delay " + std::to_string(message.delay_ms) + " ms") +
               (message.transaction == 0 ? "" : ", in " + std::to_string(message.transaction)) +
               (message.ttl_ms == 0 ? "" : ", ttl " + std::to_string(message.ttl_ms) + " ms") + ", priority " +
               std::to_string(message.priority);
    });
    Publish publish{message.id, {}};
    const bool proves = message.persistent && message.dedup.empty() && message.targets.size() == 1;
    if (proves && mode_ == Mode::confirms) publish.settles = std::exchange(acked_[message.targets.front()], {});
    const BasicPublish method{.exchange = address.exchange, .routing_key = address.key, .mandatory = message.mandatory};
    peer_->publish(channel_, method, {properties_of(message), body_of(message.id, message.size)});
    if (mode_ == Mode::confirms) unconfirmed_.emplace(++published_, std::move(publish));
    if (mode_ == Mode::transactions) in_transaction_.push_back(std::move(publish));
}

void Client::confirm(std::uint64_t tag, bool multiple, Fate fate) {
    const auto end = unconfirmed_.upper_bound(tag);
    const auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
    if (tag > published_ || first == unconfirmed_.end() || first == end)
        return world_.fail(name() + ": the broker answers publish " + std::to_string(tag) + ", which is not waiting");
    for (auto at = first; at != end; ++at) confirm_one(at->second, fate);
    unconfirmed_.erase(first, end);
}

void Client::confirm_one(const Publish& publish, Fate fate) {
    world_.note([&] {
        return name() + ": " + (fate == Fate::refused ? "refused " : "confirmed ") + std::to_string(publish.id);
    });
    model_.answered(publish.id, fate);
    if (fate != Fate::confirmed) return;
    for (Copy* copy : publish.settles) model_.settled(*copy);
}

void Client::end_transaction() {
    if (mode_ != Mode::transactions) return;
    if (random_.one_in(4)) {
        for (const Publish& publish : in_transaction_) model_.answered(publish.id, Fate::withdrawn);
        in_transaction_.clear();
        settles_in_transaction_.clear();
        transaction_ = 0;
        waiting_for_ = "tx.rollback-ok";
        send(TxRollback{});
    } else {
        world_.note([&] { return name() + ": commits " + std::to_string(transaction_); });
        for (const Publish& publish : in_transaction_) model_.committing(publish.id);
        for (const auto& [held, how] : settles_in_transaction_) apply(held, how);
        waiting_for_ = "tx.commit-ok";
        session_->closing = true;
        model_.disturbed();
        send(TxCommit{});
    }
    world_.note([&] { return name() + ": waits for " + waiting_for_; });
}

}  // namespace fantail::sim

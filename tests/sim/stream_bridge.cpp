// SPDX-License-Identifier: Apache-2.0
//! Publishes and consumes over AMQP what Kafka clients have too.
#include "sim/stream_bridge.hpp"

#include "sim/client_words.hpp"

namespace fantail::sim {

using namespace amqp091;  // NOLINT(google-build-using-namespace): methods, all of them

namespace {
constexpr std::uint64_t bridge_concern = 0x4252'4944'0000;
/// Numbers of its records are nobody else's.
constexpr std::uint64_t ids_per_bridge = 1'000'000'000;
constexpr std::uint64_t first_id = 2'000'000'000'000;
constexpr std::uint64_t first_writer = 1'000'000'000;
constexpr std::uint64_t sessions_per_bridge = 100'000;
constexpr std::size_t unconfirmed_max = 50;
}  // namespace

StreamBridge::StreamBridge(const KafkaSurroundings& around, std::uint64_t number)
    : around_(around),
      name_("bridge " + std::to_string(number)),
      number_(number),
      random_(around.world.chance(bridge_concern + number)),
      think_ns_(static_cast<std::int64_t>(random_.skewed(5, 2'000)) * ms),
      connection_(around.world, around.node, around.world.chance(bridge_concern + 1'000 + number)) {}

void StreamBridge::connect_later() {
    if (left_) return;
    around_.world.after(static_cast<std::int64_t>(random_.between(20, 1500)) * ms, [this] { connect(); });
}

void StreamBridge::connect() {
    if (left_ || peer_) return;
    peer_ = connection_.get();
    if (!peer_) return connect_later();
    ++epoch_;
    channel_ = peer_->open_channel(*this);
}

void StreamBridge::on_open() {
    published_ = 0;
    send(ConfirmSelect{});
    send(BasicQos{.prefetch_count = static_cast<std::uint16_t>(random_.between(1, 200))});
    for (const PartitionSpec& partition : around_.topology.partitions)
        if (random_.one_in(2)) consume(partition);
    think();
}

void StreamBridge::consume(const PartitionSpec& partition) {
    const std::string tag = "c" + std::to_string(readers_.size());
    auto reader = std::make_shared<LogReader>();
    reader->name = name_;
    reader->partition = &partition;
    reader->committed_only = true;
    record::FieldTableBuilder arguments;
    if (random_.one_in(2)) {
        arguments.set_text("x-stream-offset", "first");
    } else {
        const std::int64_t known = around_.model.told(partition).start;
        arguments.set_int("x-stream-offset", known);
    }
    readers_[tag] = reader;
    const std::string queue = partition.queue();
    send(BasicConsume{.queue = queue, .consumer_tag = tag, .arguments = arguments.view().bytes()});
}

void StreamBridge::think() {
    const auto pause = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(2 * think_ns_))) + us;
    around_.world.after(pause, [this, epoch = epoch_] {
        if (epoch != epoch_ || around_.world.ended() || resting_) return;
        if (random_.one_in(200)) {
            const auto peer = peer_;
            peer->drop();
            return;
        }
        if (unconfirmed_.size() < unconfirmed_max) publish();
        think();
    });
}

void StreamBridge::publish() {
    const PartitionSpec& partition = random_.pick(around_.topology.partitions);
    if (!partition.topic->crossed) return;
    for (std::uint64_t n = random_.skewed(1, 20); n > 0; --n) {
        LogRecord record;
        record.id = first_id + number_ * ids_per_bridge + (++ids_);
        record.partition = &partition;
        record.writer = first_writer + number_ * sessions_per_bridge + epoch_;
        record.time_ms = around_.world.now().wall.ms;  // the broker's, a little later
        around_.model.sent(record);
        record::Properties properties;
        properties.delivery_mode = 2;
        Bytes encoded;
        properties.encode(encoded);
        const std::string queue = partition.queue();
        peer_->publish(channel_, BasicPublish{.routing_key = queue},
                       {encoded, body_of(record.id, random_.between(8, 300))});
        unconfirmed_.emplace(++published_, record.id);
    }
}

void StreamBridge::on_method(const Method& method) {
    if (const auto* ack = std::get_if<BasicAck>(&method)) confirm(ack->delivery_tag, ack->multiple);
    else if (std::holds_alternative<BasicNack>(method)) around_.world.fail(name_ + ": a partition refuses a message");
    else if (std::holds_alternative<BasicCancel>(method)) around_.world.fail(name_ + ": a consumer is cancelled");
}

void StreamBridge::confirm(std::uint64_t tag, bool multiple) {
    const auto end = unconfirmed_.upper_bound(tag);
    const auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(tag);
    for (auto at = first; at != end; ++at) around_.model.confirmed(at->second);
    unconfirmed_.erase(first, end);
}

void StreamBridge::on_message(const Method& method, const record::Properties& properties, ByteView body) {
    const auto* deliver = std::get_if<BasicDeliver>(&method);
    if (deliver == nullptr) return around_.world.fail(name_ + ": a partition returns a message");
    const auto at = readers_.find(std::string(deliver->consumer_tag));
    if (at == readers_.end()) return around_.world.fail(name_ + ": a delivery for an unknown consumer");
    const std::uint64_t id = id_of(body);
    if (!std::ranges::equal(body, body_of(id, body.size())))
        return around_.world.fail(name_ + ": a body that nobody wrote");
    LogReader& reader = *at->second;
    const std::int64_t offset = delivered_of(id, properties).stream_offset;
    // What was removed while it was behind is passed over.
    if (reader.partition->topic->forgets() && offset > reader.next) reader.seek(offset);
    // So is what was aborted, with the markers.
    if (reader.next >= 0) around_.model.pass_over(reader, offset);
    around_.model.read(reader, offset, id);
    send(BasicAck{.delivery_tag = deliver->delivery_tag});
}

void StreamBridge::on_gone(const ChannelEnd& end) {
    if (end.code != 0 && end.code != 320)
        around_.world.fail(name_ + ": the broker closes with " + std::to_string(end.code) + " " + end.text);
    ++epoch_;
    peer_.reset();
    readers_.clear();
    unconfirmed_.clear();
    connect_later();
}

void StreamBridge::leave() {
    left_ = true;
    if (const auto peer = peer_) peer->drop();
}

}  // namespace fantail::sim

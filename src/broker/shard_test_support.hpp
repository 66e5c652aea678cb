// SPDX-License-Identifier: Apache-2.0
//! A shard in a test world: a log double that can crash, a clock, and short words for commands and answers.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "broker/catalog.hpp"
#include "broker/queue_records.hpp"
#include "broker/shard.hpp"
#include "record/batch.hpp"
#include "record/envelope.hpp"
#include "record/properties.hpp"

namespace fantail::broker::testing {

/// A message to publish.
struct Message {
    std::string body;
    std::optional<std::string> expiration{};
    std::optional<std::int64_t> due_ms{};
    std::optional<std::string> dedup_id{};
    std::optional<std::string> filter{};
    std::string key = "key";
    std::string exchange = "ex";
    Bytes deaths{};
    std::optional<std::uint64_t> dedup_window_ms{};
};

inline Bytes encode_properties(const Message& m) {
    record::Properties p;
    p.expiration = m.expiration;
    record::FieldTableBuilder headers;
    if (m.filter) {
        headers.set_text("x-stream-filter-value", *m.filter);
        p.headers = headers.view();
    }
    Bytes out;
    p.encode(out);
    return out;
}

inline SharedBytes make_batch(const std::vector<Message>& messages, std::int64_t now_ms) {
    record::BatchBuilder builder;
    record::BatchStamp stamp;
    for (const Message& m : messages) {
        const Bytes properties = encode_properties(m);
        record::EnvelopeParts parts;
        parts.properties = properties;
        parts.exchange = m.exchange;
        parts.deaths = m.deaths;
        if (m.due_ms) parts.due_time = WallTime{*m.due_ms};
        if (m.dedup_id) parts.dedup_id = as_bytes(*m.dedup_id);
        parts.dedup_window_ms = m.dedup_window_ms;
        Bytes envelope;
        record::encode_envelope(envelope, parts);
        if (m.expiration) stamp.attributes |= record::batch_attribute::has_expiration;
        if (m.due_ms) stamp.attributes |= record::batch_attribute::has_due_time;
        if (m.dedup_id) stamp.attributes |= record::batch_attribute::has_deduplication;
        builder.append_message({now_ms}, as_bytes(m.key), envelope, as_bytes(m.body));
    }
    return std::make_shared<const Bytes>(builder.finish(Offset(0), stamp));
}

inline record::RecordView record_at(const Bytes& batch, std::uint32_t index) {
    auto cursor = *record::BatchView::parse(batch)->records();
    record::RecordView view;
    EXPECT_TRUE(cursor.skip(index));
    EXPECT_TRUE(cursor.next(view));
    return view;
}
inline std::string body_at(const Bytes& batch, std::uint32_t index) {
    return std::string(as_text(record_at(batch, index).value));
}

/// An in-memory log with the contract of storage/engine.hpp, and a recorder of all other effects.
class FakeHost final : public ShardHost {
public:
    struct Entry {
        Lsn lsn;
        std::vector<Target> targets;
        std::uint32_t count = 0;
        SharedBytes batch;
        bool transient = false;
        Bytes change;
    };
    struct Read {
        StreamId stream;
        Offset from;
        std::uint32_t bytes_max;
        ReadToken token;
    };

    Catalog topology;

    Lsn log_batch(std::span<const Target> targets, std::uint32_t count, SharedBytes batch, bool transient) override {
        entries.push_back({Lsn(++last_lsn), {targets.begin(), targets.end()}, count, batch, transient, {}});
        for (const Target& t : targets) stored[t.stream][t.base.value] = {t.base, count, batch};
        return Lsn(last_lsn);
    }
    Lsn log_change(ByteView change, bool) override {
        entries.push_back({Lsn(++last_lsn), {}, 0, nullptr, false, Bytes(change.begin(), change.end())});
        return Lsn(last_lsn);
    }
    void read(StreamId stream, Offset from, std::uint32_t bytes_max, ReadToken token) override {
        reads.push_back({stream, from, bytes_max, token});
    }
    void release(StreamId stream, Offset first, Offset end) override {
        for (std::uint64_t o = first.value; o < end.value; ++o)
            EXPECT_TRUE(released[stream].insert(o).second) << "released twice: " << o;
        auto& batches = stored[stream];
        for (auto at = batches.begin(); at != batches.end();) {
            bool gone = true;
            for (std::uint64_t o = at->first; o < at->first + at->second.count; ++o)
                gone = gone && released[stream].contains(o);
            at = gone ? batches.erase(at) : std::next(at);
        }
    }
    void forget(StreamId stream) override {
        forgotten.insert(stream);
        stored.erase(stream);
        released.erase(stream);
    }
    void emit(ConnectionId to, Event event) override { events.emplace_back(to, std::move(event)); }
    void dead_letter(DeadLetter letter) override { letters.push_back(std::move(letter)); }
    void queue_unused(QueueId queue) override { unused.push_back(queue); }
    void send(ShardId shard, RequestId request, ShardCommand command) override {
        if (auto* append = std::get_if<Append>(&command)) sent.push_back({shard, request, std::move(*append)});
        else asked.push_back({shard, request, std::move(command)});
    }
    ConnectionId own_id() const override { return shard_id; }
    std::uint64_t random() override { return ++randoms * 0x9E37'79B9'7F4A'7C15ull; }
    const CatalogView& catalog() const override { return topology; }

    /// Drops what was not durable, and transient batches.
    void crash(Lsn durable) {
        std::erase_if(entries, [&](const Entry& e) { return e.lsn > durable; });
        stored.clear();
        for (const Entry& e : entries) {
            for (const Target& t : e.transient ? std::vector<Target>{} : e.targets)
                stored[t.stream][t.base.value] = {t.base, e.count, e.batch};
        }
        for (StreamId stream : forgotten) stored.erase(stream);
        released.clear();
        reads.clear();
        events.clear();
        letters.clear();
    }

    std::uint64_t randoms = 0;
    std::uint64_t last_lsn = 0;
    std::vector<Entry> entries;
    std::map<StreamId, std::map<std::uint64_t, StoredBatch>> stored;
    std::map<StreamId, std::set<std::uint64_t>> released;
    std::set<StreamId> forgotten;
    std::vector<Read> reads;
    std::vector<std::pair<ConnectionId, Event>> events;
    std::vector<DeadLetter> letters;
    std::vector<QueueId> unused;
    struct Sent {
        ShardId shard;
        RequestId request;
        Append command;
    };
    std::vector<Sent> sent;  ///< to other shards
    struct Asked {
        ShardId shard;
        RequestId request;
        ShardCommand command;
    };
    std::vector<Asked> asked;  ///< the rest of it
    static constexpr ConnectionId shard_id{3};
};

inline constexpr QueueId q1 = make_id<QueueId>(1, 1);
inline constexpr QueueId q2 = make_id<QueueId>(1, 2);
inline constexpr ConnectionId alice{1};
inline constexpr ConnectionId bob{2};

/// A queue definition with options in force as declared.
inline QueueDefinition definition(QueueId id, QueueKind kind = QueueKind::classic, const QueueOptions& options = {}) {
    QueueDefinition d;
    d.id = id;
    d.name = "q" + std::to_string(id.value & 0xFFFF);
    d.kind = kind;
    d.declared = d.options = options;
    return d;
}

struct Got {
    ConnectionId connection;
    ConsumerId consumer;
    std::uint8_t level = 0;
    std::uint64_t offset = 0;
    std::string body;
    bool redelivered = false;
    std::uint32_t failed = 0;
    std::uint32_t acquired = 0;
};

class World {
public:
    World() { shard = std::make_unique<Shard>(ShardId(1), host); }

    FakeHost host;
    std::unique_ptr<Shard> shard;
    Now now{{1'000'000}, {1'000'000'000}};
    std::map<QueueId, QueueDefinition> definitions;
    std::set<ExchangeId> exchanges;  ///< that are found after a restart
    Lsn durable;
    std::optional<std::pair<Bytes, Lsn>> checkpoint;
    std::uint64_t requests = 0;

    void put(const QueueDefinition& d) {
        definitions[d.id] = d;
        shard->queue_put(d, now);
    }
    void advance_ms(std::int64_t ms) {
        now.wall.ms += ms;
        now.mono.ns += ms * 1'000'000;
    }
    RequestId send(ConnectionId from, ShardCommand command) {
        const RequestId request(++requests);
        shard->handle({from, request}, std::move(command), now);
        return request;
    }
    RequestId publish(std::vector<AppendTarget> targets, const std::vector<Message>& messages, bool transient = false) {
        Append a;
        a.targets = std::move(targets);
        a.batch = make_batch(messages, now.wall.ms);
        a.count = static_cast<std::uint32_t>(messages.size());
        for (const Message& m : messages) a.body_bytes += m.body.size();
        a.traits.transient = transient;
        a.confirm = true;
        return send(alice, std::move(a));
    }
    /// What the shard sent to itself is answered.
    void answer_itself() {
        std::vector<Event> own;
        std::erase_if(host.events, [&](auto& e) {
            if (e.first != FakeHost::shard_id) return false;
            own.push_back(std::move(e.second));
            return true;
        });
        for (Event& e : own) shard->on_event(std::move(e), now);
    }
    RequestId publish(QueueId queue, const std::vector<std::string>& bodies, bool transient = false) {
        std::vector<Message> messages;
        for (const std::string& b : bodies) messages.push_back({b});
        return publish({{queue, 0}}, messages, transient);
    }
    void consume(ConnectionId from, std::uint64_t consumer, QueueId queue, std::uint32_t prefetch = 0,
                 AddConsumer command = {}) {
        command.queue = queue;
        command.consumer = ConsumerId(consumer);
        command.prefetch = prefetch;
        send(from, std::move(command));
    }
    void settle(const Got& got, Outcome outcome, QueueId queue = q1) {
        send(got.connection,
             Settle{queue, got.consumer, outcome, {{Offset(got.offset), Offset(got.offset + 1), got.level}}});
    }
    void detach(ConnectionId connection) { send(connection, Detach{ConsumerId(0), ConsumerId(~0ull)}); }
    /// Ends the turn and answers reads until nothing moves.
    void turn() {
        shard->end_of_turn(now);
        while (!host.reads.empty() || shard->busy()) {
            std::vector<FakeHost::Read> reads;
            reads.swap(host.reads);
            for (const auto& r : reads) answer(r);
            shard->end_of_turn(now);
        }
    }
    void answer(const FakeHost::Read& r) {
        std::vector<StoredBatch> out;
        std::uint64_t bytes = 0;
        for (const auto& [base, batch] : host.stored[r.stream]) {
            if (base + batch.count <= r.from.value) continue;
            if (!out.empty() && bytes + batch.bytes->size() > r.bytes_max) break;
            bytes += batch.bytes->size();
            out.push_back(batch);
        }
        shard->on_read(r.token, std::move(out));
    }
    /// All that is logged becomes durable.
    void sync() {
        durable = Lsn(host.last_lsn);
        shard->on_durable(durable);
    }
    void take_checkpoint() { checkpoint = {shard->snapshot(), Lsn(host.last_lsn)}; }
    /// The process ends in order, and the next one starts.
    void stop() {
        sync();
        checkpoint = {shard->snapshot(true), Lsn(host.last_lsn)};
        crash();
    }
    /// The process dies; what was durable is replayed into a new shard.
    void crash() {
        if (checkpoint && checkpoint->second > durable) checkpoint.reset();
        host.crash(durable);
        host.last_lsn += 1000;
        shard = std::make_unique<Shard>(ShardId(1), host);
        if (checkpoint) {
            EXPECT_TRUE(shard->restore(checkpoint->first));
        }
        for (const auto& e : host.entries) replay(e);
        for (const auto& [stream, batches] : host.stored) {
            for (const auto& [base, b] : batches) shard->covered(stream, b.base, b.base.plus(b.count));
        }
        for (const auto& [id, d] : definitions) {
            if (d.durable) shard->queue_put(d, now);
        }
        for (ExchangeId id : exchanges) {
            ExchangeDefinition definition;
            definition.id = id;
            shard->exchange_put(definition);
        }
        shard->recovered(now, [this](QueueId id) { return definitions.contains(id); });
        // The log's own collection: what is not live was released before.
        for (auto& [stream, batches] : host.stored) {
            std::erase_if(batches, [&](const auto& at) {
                const StoredBatch& b = at.second;
                for (std::uint64_t o = at.first; o < at.first + b.count; ++o) {
                    if (shard->live(stream, Offset(o), Offset(o + 1)) == 0) host.released[stream].insert(o);
                }
                return shard->live(stream, b.base, b.base.plus(b.count)) == 0;
            });
        }
    }
    void replay(const FakeHost::Entry& e) {
        if (checkpoint && e.lsn <= checkpoint->second) return;
        if (!e.batch) {
            EXPECT_TRUE(shard->replay_change(e.change));
        }
        if (e.batch && !e.transient) {
            EXPECT_TRUE(shard->replay_batch(e.targets, e.count, *e.batch));
        }
    }
    /// Deliveries since the last call, one a message.
    std::vector<Got> deliveries() {
        std::vector<Got> out;
        std::erase_if(host.events, [&](const auto& e) {
            const auto* d = std::get_if<Deliver>(&e.second);
            if (d == nullptr) return false;
            for (std::uint32_t i = 0; i < d->count; ++i) {
                out.push_back({e.first, d->consumer, d->level, d->first.value + i, body_at(*d->batch, d->index + i),
                               d->redelivered, d->delivery_count, d->acquired_count});
            }
            return true;
        });
        return out;
    }
    std::vector<std::string> bodies() {
        std::vector<std::string> out;
        for (const Got& g : deliveries()) out.push_back(g.body);
        return out;
    }
    /// Events of one kind since the last call.
    template <class E>
    std::vector<E> take() {
        std::vector<E> out;
        std::erase_if(host.events, [&](const auto& e) {
            const auto* match = std::get_if<E>(&e.second);
            if (match != nullptr) out.push_back(*match);
            return match != nullptr;
        });
        return out;
    }
    QueueFigures figures(QueueId queue = q1) {
        std::vector<QueueFigures> all;
        shard->list(all);
        for (const QueueFigures& f : all) {
            if (f.queue == queue) return f;
        }
        ADD_FAILURE() << "no such queue";
        return {};
    }
};

}  // namespace fantail::broker::testing

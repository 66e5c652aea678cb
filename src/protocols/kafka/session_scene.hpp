// SPDX-License-Identifier: Apache-2.0
//! A client at one end of a Kafka session and, at the other, a broker that records commands and is answered for by the test.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.hpp"
#include "protocols/kafka/admin_client.hpp"
#include "protocols/kafka/client_frame.hpp"
#include "protocols/kafka/data_client.hpp"
#include "protocols/kafka/group_errors.hpp"
#include "protocols/kafka/groups_client.hpp"
#include "protocols/kafka/metadata_client.hpp"
#include "protocols/kafka/security_client.hpp"
#include "protocols/kafka/session.hpp"
#include "protocols/kafka/topic_settings.hpp"
#include "protocols/kafka/topics_client.hpp"
#include "protocols/kafka/transaction_errors.hpp"
#include "protocols/kafka/transactions_client.hpp"
#include "record/batch.hpp"

namespace fantail::kafka {

inline constexpr std::uint16_t scene_shards = 2;

/// Topics whose partitions take turns between the shards, and one vhost.
class FakeCatalog final : public broker::CatalogView {
public:
    std::set<std::string, std::less<>> denied;  ///< "write topic", "read group"

    broker::TopicDefinition& add_topic(const std::string& name, std::uint16_t partitions = 1,
                                       const Settings& settings = {}) {
        broker::TopicDefinition& topic = topics_[name];
        topic.id = TopicId(++last_);
        topic.vhost = vhost_.id;
        topic.name = name;
        topic.settings = settings;
        topic.options = topic_options(settings).value();
        for (std::uint16_t i = 0; i < partitions; ++i) {
            const auto log = make_id<QueueId>(static_cast<std::uint16_t>(i % scene_shards), ++last_);
            topic.partitions.push_back(log);
            queues_[log].id = log;
            queues_[log].topic = topic.id;
        }
        return topic;
    }
    void remove_topic(const std::string& name) { topics_.erase(name); }

    std::uint64_t version() const override { return last_; }
    const broker::VhostDefinition* vhost(std::string_view name) const override {
        return name == vhost_.name ? &vhost_ : nullptr;
    }
    broker::UserDefinition& add_user(const std::string& name, std::vector<std::string> tags = {}) {
        broker::UserDefinition& user = users_[name];
        user.name = name;
        user.tags = std::move(tags);
        return user;
    }
    const broker::UserDefinition* user(std::string_view name) const override {
        const auto at = users_.find(name);
        return at == users_.end() ? nullptr : &at->second;
    }
    const broker::ExchangeDefinition* exchange(VhostId, std::string_view) const override { return nullptr; }
    const broker::QueueDefinition* queue(VhostId, std::string_view) const override { return nullptr; }
    const broker::QueueDefinition* queue(QueueId id) const override {
        const auto at = queues_.find(id);
        return at == queues_.end() ? nullptr : &at->second;
    }
    const broker::TopicDefinition* topic(VhostId, std::string_view name) const override {
        const auto at = topics_.find(name);
        return at == topics_.end() ? nullptr : &at->second;
    }
    const broker::TopicDefinition* topic(TopicId id) const override {
        for (const auto& [name, topic] : topics_)
            if (topic.id == id) return &topic;
        return nullptr;
    }
    void for_each_topic(VhostId, const std::function<void(const broker::TopicDefinition&)>& fn) const override {
        for (const auto& [name, topic] : topics_) fn(topic);
    }
    void route(const broker::ExchangeDefinition&, const broker::RoutingFacts&, broker::Route& out) const override {
        out = {};
    }
    bool permits(std::string_view, VhostId, broker::Operation operation, std::string_view resource) const override {
        static constexpr const char* words[] = {"configure ", "write ", "read "};
        return !denied.contains(words[static_cast<std::size_t>(operation)] + std::string(resource));
    }
    bool permits_topic(std::string_view, VhostId, broker::Operation, std::string_view,
                       std::string_view) const override {
        return true;
    }
    bool may_enter(std::string_view, VhostId) const override { return true; }

private:
    broker::VhostDefinition vhost_{.id = VhostId(1), .name = "/"};
    std::map<std::string, broker::TopicDefinition, std::less<>> topics_;
    std::map<std::string, broker::UserDefinition, std::less<>> users_;
    std::map<QueueId, broker::QueueDefinition> queues_;
    std::uint64_t last_ = 0;
};

/// Knows of each credential its mechanism and rounds: a password hash is a list of these, and every password "pencil".
class FakeCredentials final : public sasl::Credentials {
public:
    std::uint32_t iterations = sasl::scram_iterations_min;  ///< of who has no credential
    std::vector<std::string> names;                         ///< all users'

    sasl::ScramCredential find(const sasl::Claim& claim, const protocols::PeerInfo&) const override {
        sasl::Salting salting{claim.mechanism, iterations, as_bytes("salt")};
        bool known = false;
        if (claim.user != nullptr) {
            for (const sasl::ScramFigures& each : list(claim.user->password_hash)) {
                if (each.mechanism != claim.mechanism) continue;
                salting.iterations = each.iterations;
                known = true;
            }
        }
        const Bytes salted = sasl::salt_password(known ? "pencil" : "that nobody knows", salting);
        return sasl::scram_credential({claim.mechanism, salting.iterations, salting.salt, salted});
    }
    std::vector<sasl::ScramFigures> list(ByteView password_hash) const override {
        std::vector<sasl::ScramFigures> out;
        for (Reader in(password_hash); in.left() > 0;) {
            const sasl::ScramMechanism mechanism{in.u8()};
            out.push_back({mechanism, in.u32()});
        }
        return out;
    }
    Bytes with(ByteView password_hash, const sasl::ScramCredential& credential) const override {
        Bytes out = without(password_hash, credential.mechanism);
        append(out, hash_of(credential.mechanism, credential.iterations));
        return out;
    }
    Bytes without(ByteView password_hash, sasl::ScramMechanism mechanism) const override {
        Bytes out;
        for (const sasl::ScramFigures& each : list(password_hash))
            if (each.mechanism != mechanism) append(out, hash_of(each.mechanism, each.iterations));
        return out;
    }
    std::vector<std::string> users(CoreId) const override { return names; }

    static Bytes hash_of(sasl::ScramMechanism mechanism, std::uint32_t rounds = sasl::scram_iterations_min) {
        Bytes out{static_cast<std::uint8_t>(mechanism)};
        Writer(out).u32(rounds);
        return out;
    }
};

/// Host and port of one session.
class FakeBroker final : public protocols::SessionHost, public broker::Port {
public:
    struct Sent {
        ShardId shard;
        RequestId request;
        broker::ShardCommand command;
    };
    struct SentAdmin {
        RequestId request;
        broker::AdminCommand command;
    };
    struct Login {
        RequestId request;
        std::string user;
        std::string password;
    };

    FakeCatalog topics;
    protocols::PeerInfo peer_info{.address = "127.0.0.1:5", .local_address = "127.0.0.1:9092", .loopback = true};
    Now time{WallTime{1'700'000'000'000}, MonoTime{1'000'000'000}};
    Bytes output;
    bool closed = false;
    bool held = false;
    bool resumed = false;
    std::deque<Sent> sent;
    std::deque<SentAdmin> admin;
    std::deque<Login> logins;

    // SessionHost
    ConnectionId id() const override { return ConnectionId(77); }
    const protocols::PeerInfo& peer() const override { return peer_info; }
    const Now& now() const override { return time; }
    broker::Port& broker() override { return *this; }
    Bytes& out() override { return output; }
    std::size_t unsent() const override { return output.size(); }
    void resume_input() override { resumed = true; }
    void hold_input(bool hold) override { held = hold; }
    bool input_held() const override { return held; }
    void close() override { closed = true; }

    // Port
    const broker::CatalogView& catalog() const override { return topics; }
    CoreId core() const override { return CoreId(0); }
    std::uint16_t shard_count() const override { return scene_shards; }
    void send(ShardId shard, RequestId request, broker::ShardCommand command) override {
        sent.push_back({shard, request, std::move(command)});
    }
    void send(RequestId request, broker::AdminCommand command) override {
        admin.push_back({request, std::move(command)});
    }
    void check_login(RequestId request, std::string_view user, std::string_view password) override {
        logins.push_back({request, std::string(user), std::string(password)});
    }
    std::uint64_t random() override { return ++random_; }
    void open_direct(ConsumerId) override {}
    void close_direct(ConsumerId) override {}
    bool has_direct(ConnectionId, ConsumerId) const override { return false; }
    bool send_direct(ConnectionId, ConsumerId, SharedBytes) override { return false; }

private:
    std::uint64_t random_ = 0;
};

/// A command that the session sent, and where to.
template <class Command>
struct Taken {
    ShardId shard;
    RequestId request;
    Command command;
};

struct Scene {
    explicit Scene(KafkaOptions options = {}, bool loopback = true)
        : session((broker.peer_info.loopback = loopback, broker),
                  std::make_shared<const KafkaOptions>(std::move(options))) {}

    FakeBroker broker;
    Session session;
    Bytes unread;                  ///< what the session left of the last read
    std::int32_t correlation = 0;  ///< of the last request
    std::string last_transactional_id;
    std::int32_t answered = 0;  ///< the request that the last response() answered

    // --- the client's side
    template <class M>
    std::int32_t send(const M& request, std::int16_t version) {
        append_request(unread, ++correlation, "client", version, request);
        read();
        return correlation;
    }
    void send_bytes(ByteView bytes) {
        append(unread, bytes);
        read();
    }
    /// The next response. Views in it live as long as the scene. Throws if there is none, or another.
    template <class M>
    M response(std::int16_t version) {
        Frame frame;
        const auto status = next_frame(broker.output, 1u << 30, frame);
        if (status.value() != FrameStatus::complete) throw std::runtime_error("no response");
        const Bytes& kept = said_.emplace_back(to_bytes(frame.payload));
        broker.output.erase(broker.output.begin(),
                            broker.output.begin() + static_cast<std::ptrdiff_t>(frame.wire_size));
        auto decoded = decode_response<M>(ByteView(kept), version).value();
        answered = decoded.correlation_id;
        return std::move(decoded.message);
    }
    template <class M, class Request>
    M ask(const Request& request, std::int16_t version) {
        send(request, version);
        return response<M>(version);
    }
    [[nodiscard]] bool silent() const { return broker.output.empty(); }

    // --- the broker's side
    void give(broker::Event event) {
        if (!broker.closed) session.on_event(event);
        read_again();
    }
    void pass_ms(std::int64_t ms) {
        broker.time.mono = broker.time.mono.plus_ms(ms);
        if (!broker.closed && session.deadline() <= broker.time.mono) session.on_tick();
        read_again();
    }
    void writable(bool is) {
        session.on_writable(is);
        read_again();
    }
    /// Whether a command of this kind waits to be taken.
    template <class Command>
    [[nodiscard]] bool has() const {
        return std::ranges::any_of(broker.sent,
                                   [](const auto& s) { return std::holds_alternative<Command>(s.command); });
    }
    /// The oldest command of its kind. Throws if there is none.
    template <class Command>
    Taken<Command> take() {
        for (auto at = broker.sent.begin(); at != broker.sent.end(); ++at) {
            auto* command = std::get_if<Command>(&at->command);
            if (command == nullptr) continue;
            Taken<Command> out{at->shard, at->request, std::move(*command)};
            broker.sent.erase(at);
            return out;
        }
        throw std::runtime_error("no such command");
    }
    template <class Command>
    Taken<Command> take_admin() {
        if (broker.admin.empty()) throw std::runtime_error("no admin command");
        FakeBroker::SentAdmin front = std::move(broker.admin.front());
        broker.admin.pop_front();
        return {ShardId(), front.request, std::get<Command>(std::move(front.command))};
    }
    /// The oldest question to a group.
    template <class Action>
    Taken<Action> take_group() {
        auto taken = take<broker::GroupCommand>();
        return {taken.shard, taken.request, std::get<Action>(std::move(*taken.command.action))};
    }
    template <class Action, class Answer>
    void answer_group(Answer answer) {
        const auto taken = take_group<Action>();
        give(broker::GroupAnswered{taken.request, std::make_unique<broker::GroupAnswer>(std::move(answer))});
    }
    /// The oldest question to a coordinator of transactions.
    template <class Action>
    Taken<Action> take_transaction() {
        auto taken = take<broker::TransactionCommand>();
        last_transactional_id = taken.command.name;
        return {taken.shard, taken.request, std::get<Action>(std::move(*taken.command.action))};
    }
    void give_transaction(RequestId request, broker::TransactionAnswer answer) {
        give(broker::TransactionAnswered{request, std::make_unique<broker::TransactionAnswer>(std::move(answer))});
    }
    /// Answers it and gives what was asked.
    template <class Action>
    Action answer_transaction(broker::TransactionAnswer answer) {
        auto taken = take_transaction<Action>();
        give_transaction(taken.request, std::move(answer));
        return std::move(taken.command);
    }
    /// Answers the oldest append.
    void appended(broker::LogOutcome outcome = broker::LogOutcome::ok, std::uint64_t base = 0) {
        give(broker::LogAppended{take<broker::AppendLog>().request, outcome, Offset(base), Offset(0)});
    }
    void reply_admin(Result<void> outcome = {}, TopicId topic = {}) {
        broker::AdminReply reply;
        reply.request = broker.admin.front().request;
        reply.outcome = std::move(outcome);
        reply.topic = topic;
        broker.admin.pop_front();
        give(std::move(reply));
    }

private:
    void read() {
        if (broker.closed) return;
        const std::size_t used = session.on_bytes(unread);
        unread.erase(unread.begin(), unread.begin() + static_cast<std::ptrdiff_t>(used));
        if (!broker.closed) session.end_of_input();
        read_again();
    }
    void read_again() {
        if (std::exchange(broker.resumed, false)) read();
    }
    std::deque<Bytes> said_;
};

// ------------------------------------------------------------------------------------------------------------ batches

/// As a producer sends it.
inline Bytes batch_of(const std::vector<std::string>& values, const record::BatchStamp& stamp = {},
                      WallTime time = {1'700'000'000'000}) {
    record::BatchBuilder builder;
    for (const std::string& value : values) builder.append({.timestamp = time, .value = as_bytes(value)});
    return builder.finish(Offset(0), stamp);
}

/// Makes the length and the checksum right again after a change.
inline void seal(Bytes& batch) {
    store_be(batch.data() + record::batch_at::batch_length,
             static_cast<std::int32_t>(batch.size() - record::batch_length_excluded));
    store_be(batch.data() + record::batch_at::crc, crc32c(ByteView(batch).subspan(record::batch_at::attributes)));
}

/// The batch with other records, which are said to be compressed.
inline Bytes with_records(Bytes batch, ByteView records, std::uint16_t codec) {
    batch.resize(record::batch_header_size);
    append(batch, records);
    store_be(batch.data() + record::batch_at::attributes, codec);
    seal(batch);
    return batch;
}

}  // namespace fantail::kafka

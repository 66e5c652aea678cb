// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the Kafka session: a client that knows the protocol and asks for anything, and a broker that answers in any order.
//
// The input is a list of steps: a byte that chooses, and what the step needs. Requests are well-formed frames of served APIs
// with random fields, so that most get past the decoder. Whatever happens, responses come in the order of the requests, one
// for each, unless the connection is closed.
#include "protocols/kafka/session_scene.hpp"
#include "protocols/kafka/testing.hpp"
#include "protocols/sasl/scram_client.hpp"

namespace fantail::kafka {
namespace {

/// Draws values from the fuzzer's bytes; zeros when they are used up.
class Choices final {
public:
    explicit Choices(ByteView bytes) : in_(bytes) {}
    [[nodiscard]] bool done() const { return in_.left() == 0; }
    std::uint8_t byte() { return done() ? 0 : in_.u8(); }
    std::size_t upto(std::size_t max) { return byte() % (max + 1); }
    bool one_in(std::uint8_t n) { return byte() % n == 1; }
    ByteView bytes() { return in_.take(std::min<std::size_t>(byte(), in_.left())); }

private:
    Reader in_;
};

struct ServedMessage {
    ApiKey api;
    TestMessage message;
};

/// Every request that is served, but Produce, which is made by hand.
const std::vector<ServedMessage>& served_messages() {
    static const std::vector<ServedMessage> list = [] {
        std::vector<ServedMessage> out;
        for (const TestMessage& message : all_messages()) {
            for (const ApiInfo& info : api_table) {
                const bool same = message.name == std::string(info.name) + "Request";
                if (same && is_served(info.key) && info.key != ApiKey::produce) out.push_back({info.key, message});
            }
        }
        return out;
    }();
    return list;
}

/// What a broker could answer.
class Answers final {
public:
    explicit Answers(Choices& choices) : choices_(choices) {}

    std::optional<broker::Event> to(RequestId request, const broker::ShardCommand& command) {
        return std::visit(
            [&](const auto& c) -> std::optional<broker::Event> {
                if constexpr (requires { answer(request, c); }) return answer(request, c);
                else return std::nullopt;  // what is not answered
            },
            command);
    }

private:
    using Answered = std::optional<broker::Event>;
    using Outcome = broker::GroupOutcome;

    broker::LogOutcome log_outcome() {
        return choices_.one_in(4) ? static_cast<broker::LogOutcome>(choices_.upto(7)) : broker::LogOutcome::ok;
    }
    Outcome group_outcome() { return choices_.one_in(4) ? static_cast<Outcome>(choices_.upto(22)) : Outcome::ok; }

    Answered answer(RequestId request, const broker::AppendLog& append) {
        FANTAIL_ASSERT(record::BatchView::parse(*append.batch)->verify_crc());
        return broker::LogAppended{request, log_outcome(), Offset(choices_.byte()), Offset(choices_.byte())};
    }
    Answered answer(RequestId request, const broker::ReadLogs& read) {
        broker::LogsRead out{request, {}};
        std::set<QueueId> seen;
        for (const auto& place : read.places) {
            FANTAIL_ASSERT(seen.insert(place.log).second);
            out.slices.push_back(slice(place));
        }
        return out;
    }
    broker::LogSlice slice(const broker::LogPlace& place) {
        broker::LogSlice out{place.log, log_outcome(), {}, Offset(9), Offset(8), {}, {}};
        if (out.outcome != broker::LogOutcome::ok) return out;
        record::BatchBuilder builder;
        if (choices_.one_in(2)) builder.append({.timestamp = {5}, .value = as_bytes("value")});
        if (choices_.one_in(3)) builder.append_message({5}, as_bytes("key"), choices_.bytes(), as_bytes("body"));
        if (builder.empty()) return out;
        const auto count = static_cast<std::uint32_t>(builder.count());
        out.batches.push_back({place.offset, count, std::make_shared<const Bytes>(builder.finish(Offset(0)))});
        out.aborted.push_back({1, Offset(0)});
        return out;
    }
    Answered answer(RequestId request, const broker::FindOffset&) {
        broker::OffsetFound found{request, log_outcome(), {}, {}};
        if (choices_.one_in(2)) found.offset = Offset(choices_.byte());
        if (choices_.one_in(2)) found.time = WallTime{choices_.byte()};
        return found;
    }
    Answered answer(RequestId request, const broker::TrimLog&) {
        return broker::LogTrimmed{request, log_outcome(), Offset(choices_.byte())};
    }
    Answered answer(RequestId request, const broker::ListGroups&) {
        broker::GroupsListed listed{{{"g", "consumer", static_cast<broker::GroupState>(choices_.upto(6)),
                                      static_cast<broker::GroupKind>(choices_.upto(1))}}};
        return broker::GroupAnswered{request, std::make_unique<broker::GroupAnswer>(std::move(listed))};
    }
    Answered answer(RequestId request, const broker::DescribeLog&) {
        broker::LogDescribed described{request, log_outcome(), {}, Offset(9), 0, {}};
        described.producers.push_back({choices_.byte(), 0, 3, WallTime{5}, Offset(choices_.byte())});
        return described;
    }
    Answered answer(RequestId request, const broker::ListTransactions&) {
        broker::TransactionsListed listed{{{"id", 1, transaction_state(), WallTime{choices_.byte()}}}};
        return broker::TransactionAnswered{request, std::make_unique<broker::TransactionAnswer>(std::move(listed))};
    }
    Answered answer(RequestId request, const broker::TransactionCommand& command) {
        FANTAIL_ASSERT(!command.name.empty());
        auto made = std::visit([&](const auto& action) { return transaction_answer(action); }, *command.action);
        return broker::TransactionAnswered{request, std::make_unique<broker::TransactionAnswer>(std::move(made))};
    }
    broker::TransactionOutcome transaction_outcome() {
        const auto refused = static_cast<broker::TransactionOutcome>(choices_.upto(6));
        return choices_.one_in(4) ? refused : broker::TransactionOutcome::ok;
    }
    broker::TransactionState transaction_state() { return static_cast<broker::TransactionState>(choices_.upto(5)); }
    broker::TransactionAnswer transaction_answer(const broker::OpenProducer&) {
        return broker::ProducerOpened{transaction_outcome(), {choices_.byte(), 0}};
    }
    broker::TransactionAnswer transaction_answer(const broker::AddToTransaction&) {
        return broker::TransactionDone{transaction_outcome()};
    }
    broker::TransactionAnswer transaction_answer(const broker::EndTransaction& end) {
        return broker::TransactionEnded{transaction_outcome(), end.producer};
    }
    broker::TransactionAnswer transaction_answer(const broker::DescribeTransaction&) {
        broker::TransactionDescribed described{.outcome = transaction_outcome(), .state = transaction_state()};
        if (choices_.one_in(2)) described.started = WallTime{choices_.byte()};
        described.logs = {QueueId(2), QueueId(99)};
        return described;
    }
    Answered answer(RequestId request, const broker::GroupCommand& command) {
        auto made = std::visit([&](const auto& action) { return group_answer(action); }, *command.action);
        return broker::GroupAnswered{request, std::make_unique<broker::GroupAnswer>(std::move(made))};
    }

    broker::GroupAnswer group_answer(const broker::JoinGroup& join) {
        broker::GroupJoined out{.outcome = group_outcome(), .generation = 1, .protocol = "p", .leader = "m"};
        out.member = join.member;
        for (const auto& each : join.protocols) out.members.push_back({join.member, join.instance, each.metadata});
        return out;
    }
    broker::GroupAnswer group_answer(const broker::SyncGroup&) {
        return broker::GroupSynced{group_outcome(), "consumer", "p", to_bytes(choices_.bytes())};
    }
    broker::GroupAnswer group_answer(const broker::GroupHeartbeat&) { return broker::GroupDone{group_outcome()}; }
    broker::GroupAnswer group_answer(const broker::DeleteGroup&) { return broker::GroupDone{group_outcome()}; }
    broker::GroupAnswer group_answer(const broker::LeaveGroup& leave) {
        broker::GroupLeft out{group_outcome(), {}};
        if (out.outcome == Outcome::ok) out.members.resize(leave.members.size(), group_outcome());
        return out;
    }
    broker::GroupAnswer group_answer(const broker::CommitOffsets& commit) { return committed(commit.offsets.size()); }
    broker::GroupAnswer group_answer(const broker::DeleteOffsets& removal) { return committed(removal.offsets.size()); }
    broker::GroupAnswer committed(std::size_t count) {
        broker::OffsetsCommitted out{group_outcome(), {}};
        if (out.outcome == Outcome::ok) out.logs.resize(count, group_outcome());
        return out;
    }
    broker::GroupAnswer group_answer(const broker::CommitInTransaction& commit) {
        return committed(commit.offsets.size());
    }
    broker::GroupAnswer group_answer(const broker::EnlistInGroup&) { return broker::GroupDone{group_outcome()}; }
    broker::GroupAnswer group_answer(const broker::EndInGroup&) { return broker::GroupDone{group_outcome()}; }
    broker::GroupAnswer group_answer(const broker::FetchOffsets& fetch) {
        broker::OffsetsFetched out{group_outcome(), {}};
        if (out.outcome != Outcome::ok) return out;
        for (const QueueId log : fetch.logs.value_or(std::vector{QueueId(2), QueueId(99)}))
            out.offsets.push_back({.log = log, .outcome = group_outcome(), .offset = Offset(3), .metadata = "m"});
        return out;
    }
    broker::Partitions partitions() {
        broker::Partitions out;
        for (std::size_t n = choices_.upto(3); n > 0; --n)
            out.push_back({TopicId(choices_.upto(4)), static_cast<std::uint32_t>(choices_.upto(3))});
        std::ranges::sort(out);
        return out;
    }
    broker::GroupAnswer group_answer(const broker::AssignedHeartbeat& beat) {
        FANTAIL_ASSERT(!beat.owned || std::ranges::is_sorted(*beat.owned));
        broker::AssignedHeard out{.outcome = group_outcome(), .member = beat.member, .epoch = 1, .heartbeat_ms = 5};
        if (choices_.one_in(2)) out.partitions = partitions();
        return out;
    }
    broker::GroupAnswer group_answer(const broker::DescribeAssigned&) {
        broker::AssignedDescribed out{.outcome = group_outcome(), .epoch = 2};
        out.members.push_back({.member = "m", .client_id = "c", .topics = {"t"}, .partitions = partitions()});
        return out;
    }
    broker::GroupAnswer group_answer(const broker::DescribeGroup&) {
        broker::GroupDescribed out{.outcome = group_outcome(), .protocol = "p"};
        out.members.push_back({.member = "m", .client_id = "c", .metadata = to_bytes(choices_.bytes())});
        return out;
    }

    Choices& choices_;
};

class Run final {
public:
    explicit Run(ByteView input) : choices_(input), answers_(choices_), scene_(options(), !choices_.one_in(20)) {
        scene_.broker.topics.add_user("t", {"administrator"}).password_hash =
            FakeCredentials::hash_of(sasl::ScramMechanism::sha_256, 1);
        scene_.broker.topics.add_user("guest", {"administrator"});
        scene_.broker.topics.add_topic("t", 3);
        scene_.broker.topics.add_topic("u", 1, Settings{{"message.timestamp.type", "LogAppendTime"}});
        scene_.broker.topics.add_topic("compacted", 1, Settings{{"cleanup.policy", "compact"}});
        if (choices_.one_in(4)) scene_.broker.topics.denied = {"write t", "read g", "configure u"};
    }

    void go() {
        for (int steps = 0; steps < steps_max && !choices_.done() && !closed(); ++steps) step();
        finish();
        if (!closed() && in_order_) FANTAIL_ASSERT(responses_ == scene_.correlation - unanswered_);
        scene_.session.on_closed();
        (void)scene_.session.info();
    }

private:
    static constexpr int steps_max = 400;  // more than may be under way

    [[nodiscard]] bool closed() const { return scene_.broker.closed; }

    static KafkaOptions options() {
        auto credentials = std::make_shared<FakeCredentials>();
        credentials->iterations = 1;
        credentials->names = {"t", "guest"};
        KafkaOptions options;
        options.credentials = std::move(credentials);
        return options;
    }

    void step() {
        const std::uint8_t choice = choices_.byte();
        if (choice < 90) request();
        else if (choice < 130) produce();
        else if (choice < 200) answer();
        else if (choice < 215) scene_.pass_ms(choices_.byte() * 10);
        else if (choice < 225) scene_.writable(choices_.one_in(2));
        else if (choice < 235) scene_.give(broker::Blocked{choices_.one_in(2), "disk"});
        else if (choice < 250) topics();
        else if (choice < 253) raw();
        else if (choice < 255) log_in();
        else if (choice == 255) scene_.give(broker::CloseRequested{"shutdown"});
        check_responses();
    }

    void request() {
        const auto& [api, message] = served_messages()[choices_.upto(served_messages().size() - 1)];
        const auto versions = static_cast<std::size_t>(message.versions.max - message.versions.min);
        const auto version = static_cast<std::int16_t>(message.versions.min + choices_.upto(versions));
        Bytes frame;
        {
            Encoder header(frame, 0, false);
            header.number<std::int32_t>(0);
            header.number(static_cast<std::int16_t>(api));
            header.number(version);
            header.number(++scene_.correlation);
            header.nullable_string("client", true);
            if (message.versions.flexible(version)) header.uvarint(0);
        }
        const std::uint64_t seed = choices_.byte() * 256u + choices_.byte();
        message.encode_random(frame, seed, version);
        store_be(frame.data(), static_cast<std::int32_t>(frame.size() - frame_size_size));
        scene_.send_bytes(frame);
    }

    /// By SCRAM, as a client does it who may be wrong about anything.
    void log_in() {
        sasl::ScramClient client{.name = choices_.one_in(4) ? "u" : "t", .password = "pencil"};
        if (choices_.one_in(4)) client.mechanism = sasl::ScramMechanism::sha_512;
        if (choices_.one_in(4)) client.header = as_text(choices_.bytes());
        if (choices_.one_in(4)) client.nonce = as_text(choices_.bytes());
        send_alone(SaslHandshakeRequest{sasl::name_of(client.mechanism)}, 1);
        const std::string first = client.first();
        const std::string challenge = send_alone(SaslAuthenticateRequest{as_bytes(first)}, 2);
        std::string proof = client.final(challenge);
        if (choices_.one_in(4)) proof.resize(choices_.upto(proof.size()));
        send_alone(SaslAuthenticateRequest{as_bytes(proof)}, 2);
    }
    /// \return the bytes of the response to a SaslAuthenticate, if it is the next; empty otherwise
    template <class Request>
    std::string send_alone(const Request& request, std::int16_t version) {
        check_responses();
        if (closed()) return "";
        scene_.send(request, version);
        std::string out;
        if constexpr (std::is_same_v<Request, SaslAuthenticateRequest>) {
            Frame frame;
            const auto status = next_frame(scene_.broker.output, 1u << 30, frame);
            if (status && *status == FrameStatus::complete)
                if (const auto response = decode_response<SaslAuthenticateResponse>(frame.payload, version))
                    out = as_text(response->message.auth_bytes);
        }
        check_responses();
        return out;
    }

    /// A batch that is mostly sound.
    Bytes records() {
        record::BatchStamp stamp;
        if (choices_.one_in(4)) stamp = {.producer_id = choices_.byte(), .producer_epoch = 0, .base_sequence = 0};
        if (choices_.one_in(8)) stamp.attributes = record::batch_attribute::transactional;
        Bytes batch = batch_of({"a", "b"}, stamp, {static_cast<std::int64_t>(1'700'000'000'000) + choices_.byte()});
        if (choices_.one_in(4))
            batch = with_records(batch, choices_.bytes(), static_cast<std::uint16_t>(choices_.upto(5)));
        for (std::size_t changes = choices_.one_in(4) ? choices_.upto(3) : 0; changes > 0; --changes)
            batch[choices_.byte() % batch.size()] = choices_.byte();
        if (choices_.one_in(4)) seal(batch);
        if (choices_.one_in(16)) append(batch, Bytes(batch));
        return batch;
    }
    void produce() {
        static constexpr std::string_view names[] = {"t", "u", "compacted", "none"};
        ProduceRequest produce;
        produce.acks = static_cast<std::int16_t>(static_cast<int>(choices_.upto(8)) - 2);
        produce.timeout_ms = choices_.byte() * 10;
        if (produce.acks > 1) produce.acks = -1;
        if (choices_.one_in(8)) produce.transactional_id = "id";
        std::deque<Bytes> kept;
        for (std::size_t i = choices_.upto(2) + 1; i > 0; --i) {
            auto& topic = produce.topic_data.emplace_back();
            topic.name = names[choices_.upto(std::size(names) - 1)];
            topic.topic_id = to_uuid(TopicId(choices_.upto(10)));
            for (std::size_t n = choices_.upto(2); n > 0; --n)
                topic.partition_data.push_back(
                    {static_cast<std::int32_t>(choices_.upto(3)), kept.emplace_back(records())});
        }
        if (produce.acks == 0) ++unanswered_;
        scene_.send(produce, static_cast<std::int16_t>(3 + choices_.upto(10)));
    }

    /// Answers any command that waits.
    void answer() {
        auto& broker = scene_.broker;
        if (!broker.sent.empty()) {
            const auto at = broker.sent.begin() + static_cast<std::ptrdiff_t>(choices_.byte() % broker.sent.size());
            FakeBroker::Sent sent = std::move(*at);
            broker.sent.erase(at);
            if (auto event = answers_.to(sent.request, sent.command)) scene_.give(*std::move(event));
        } else if (!broker.admin.empty()) {
            scene_.reply_admin(outcome(), TopicId(choices_.upto(4)));
        } else if (!broker.logins.empty()) {
            const RequestId request = broker.logins.front().request;
            broker.logins.pop_front();
            scene_.give(broker::LoginChecked{request, outcome()});
        }
    }
    Result<void> outcome() {
        if (choices_.one_in(4)) return fail(static_cast<ErrorCode>(choices_.upto(15)), "refused");
        return {};
    }

    void topics() {
        auto& topics = scene_.broker.topics;
        if (choices_.one_in(2)) topics.remove_topic("u");
        else if (topics.topic(VhostId(1), "u") == nullptr) topics.add_topic("u", 2);
    }
    /// What it begins is no request that was counted.
    void raw() {
        in_order_ = false;
        scene_.send_bytes(choices_.bytes());
    }

    void check_responses() {
        while (!scene_.silent()) {
            Frame frame;
            const auto status = next_frame(scene_.broker.output, 1u << 30, frame);
            FANTAIL_ASSERT(status && *status == FrameStatus::complete);
            const auto correlation = load_be<std::int32_t>(frame.payload.data());
            FANTAIL_ASSERT(!in_order_ || correlation > answered_);
            answered_ = correlation;
            ++responses_;
            auto& output = scene_.broker.output;
            output.erase(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(frame.wire_size));
        }
    }

    /// Lets everything come to its end.
    void finish() {
        const auto waiting = [&] {
            const auto& broker = scene_.broker;
            return !broker.sent.empty() || !broker.admin.empty() || !broker.logins.empty();
        };
        if (!closed()) scene_.writable(true);
        scene_.give(broker::Blocked{false, ""});
        while (!closed() && (waiting() || scene_.session.deadline() != MonoTime::never())) {
            answer();
            if (!waiting()) scene_.pass_ms(std::int64_t{1} << 32);
        }
        check_responses();
    }

    Choices choices_;
    Answers answers_;
    Scene scene_;
    bool in_order_ = true;
    std::int32_t answered_ = 0;  ///< the last request
    std::int32_t responses_ = 0;
    std::int32_t unanswered_ = 0;  ///< requests that want no response
};

}  // namespace
}  // namespace fantail::kafka

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fantail::kafka::Run(fantail::ByteView(data, size)).go();
    return 0;
}

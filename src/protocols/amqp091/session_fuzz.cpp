// SPDX-License-Identifier: Apache-2.0
//! Fuzzes the AMQP 0-9-1 session: a client that knows the protocol and breaks it, and a broker that answers.
//
// The input is a list of steps: a byte that chooses, and what the step needs. Frames are made from it, so that most get
// past the decoder; some are its raw bytes.
#include "protocols/amqp091/session_scene.hpp"

namespace fantail::amqp091 {
namespace {

/// Draws values from the fuzzer's bytes; zeros when they are used up.
class Choices final {
public:
    explicit Choices(ByteView bytes) : in_(bytes) {}
    [[nodiscard]] bool done() const { return in_.left() == 0; }
    std::uint8_t byte() { return done() ? 0 : in_.u8(); }
    std::uint64_t upto(std::uint64_t max) { return byte() % (max + 1); }
    ByteView bytes() { return in_.take(std::min<std::size_t>(byte(), in_.left())); }
    /// A name that is often one in use.
    std::string_view name() {
        static constexpr std::string_view names[] = {
            "", "q", "stream", "quorum", "e", "amq.direct", "amq.fanout", "amq.rabbitmq.reply-to", "t", "#"};
        const std::uint8_t pick = byte();
        if (pick < 200) return names[pick % std::size(names)];
        return clip_shortstr(as_text(bytes()));
    }
    void fill(FieldKind, bool& field) { field = (byte() & 1) != 0; }
    void fill(FieldKind, std::unsigned_integral auto& field) {
        using Field = std::remove_reference_t<decltype(field)>;
        const std::uint8_t size = byte();
        field = static_cast<Field>(size < 220 ? size % 16 : ~std::uint64_t{0} >> (size % 64));
    }
    void fill(FieldKind, std::string_view& field) { field = name(); }
    void fill(FieldKind, ByteView& field) {
        if (byte() < 128) return;
        table_ = record::FieldTableBuilder();
        static constexpr std::string_view keys[] = {
            "x-queue-type",           "x-max-length",   "x-stream-offset", "x-max-priority", "x-match",
            "x-dead-letter-exchange", "x-delayed-type", "x-priority",      "x-overflow",     "x-delay"};
        static constexpr std::string_view values[] = {"quorum", "stream", "classic",       "first",
                                                      "all",    "topic",  "reject-publish"};
        for (std::uint64_t n = upto(3); n > 0; --n) {
            const std::string_view key = keys[upto(std::size(keys) - 1)];
            if (byte() < 128) table_.set_int(key, byte());
            else table_.set_text(key, values[upto(std::size(values) - 1)]);
        }
        field = table_.view().bytes();
        if (byte() > 250) field = bytes();
    }

private:
    Reader in_;
    record::FieldTableBuilder table_;
};

class Run final {
public:
    explicit Run(ByteView input) : choices_(input) {
        scene_.broker.topology.add_queue("q");
        scene_.broker.topology.add_queue("stream", 1).kind = broker::QueueKind::stream;
        scene_.broker.topology.add_queue("quorum", 2).kind = broker::QueueKind::quorum;
        scene_.broker.topology.bind("amq.fanout", "q");
        scene_.broker.topology.bind("amq.fanout", "quorum");
        if (choices_.byte() < 240) scene_.connect().open(1);
        scene_.broker.answers = choices_.byte() < 200;
    }

    void go() {
        for (int steps = 0; steps < 200 && !choices_.done() && !scene_.broker.closed; ++steps) step();
        if (!scene_.broker.closed) scene_.turn();
        scene_.said();
        scene_.session.on_closed();
        (void)scene_.session.info();
    }

private:
    void step() {
        const std::uint8_t choice = choices_.byte();
        if (choice < 90) method();
        else if (choice < 130) publish();
        else if (choice < 150) scene_.raw(choices_.bytes());
        else if (choice < 180) deliver();
        else if (choice < 200) answer();
        else if (choice < 210) scene_.session.on_writable(choices_.byte() < 128);
        else if (choice < 215) tick();
        else if (choice < 217) scene_.give(broker::Blocked{choices_.byte() < 128, "reason"});
        else scene_.turn();
        if (scene_.broker.output.size() > 1u << 20) scene_.said();
    }
    [[nodiscard]] std::uint16_t channel() {
        return static_cast<std::uint16_t>(choices_.byte() < 200 ? 1 : choices_.upto(3));
    }

    void method() {
        const std::uint64_t wanted = choices_.upto(std::variant_size_v<Method> - 1);
        const std::uint16_t number = channel();
        std::size_t index = 0;
        for_each_method([&]<class M>() {
            if (index++ != wanted) return;
            M m;
            visit_fields(m, [&](FieldKind kind, std::string_view, auto& field) { choices_.fill(kind, field); });
            scene_.send(number, m);
        });
    }
    void publish() {
        record::Properties properties;
        if (choices_.byte() < 128) properties.delivery_mode = 2;
        if (choices_.byte() < 30) properties.expiration = choices_.name();
        if (choices_.byte() < 30) properties.reply_to = "amq.rabbitmq.reply-to";
        if (choices_.byte() < 30) properties.priority = choices_.byte();
        Bytes encoded = properties_of(properties);
        if (choices_.byte() < 5) encoded.assign({0xFF});
        const std::string body(choices_.byte() < 250 ? choices_.byte() : 70'000, 'x');
        const BasicPublish method{
            .exchange = choices_.name(), .routing_key = choices_.name(), .mandatory = choices_.byte() < 128};
        write_publish(scene_.input, channel(), method, {encoded, as_bytes(body)},
                      choices_.byte() < 200 ? 131072 : 4096);
        // Sometimes it stops in the middle.
        if (choices_.byte() > 240)
            scene_.input.resize(scene_.input.size() - std::min<std::size_t>(scene_.input.size(), choices_.byte()));
    }
    void deliver() {
        const auto added = scene_.broker.all<broker::AddConsumer>();
        if (added.empty()) return;
        const auto& to = added[choices_.upto(added.size() - 1)];
        const auto count = static_cast<std::uint32_t>(choices_.upto(70));
        BatchMaker maker;
        for (std::uint32_t i = 0; i < std::max(count, 1u); ++i) maker.add("e", "k", {}, "body");
        scene_.give(broker::Deliver{.consumer = to.consumer,
                                    .queue = to.queue,
                                    .first = Offset(offset_),
                                    .count = count,
                                    .batch = maker.finish(),
                                    .redelivered = choices_.byte() < 128,
                                    .delivery_count = static_cast<std::uint32_t>(choices_.upto(2))});
        offset_ += count;
    }
    /// Answers some command, perhaps again, perhaps as another kind.
    void answer() {
        RequestId request;
        const auto& sent = scene_.broker.sent;
        const auto& admin = scene_.broker.admin;
        if (choices_.byte() < 128 && !admin.empty()) request = admin[choices_.upto(admin.size() - 1)].request;
        else if (!sent.empty()) request = sent[choices_.upto(sent.size() - 1)].request;
        Result<void> outcome;
        if (choices_.byte() < 60) outcome = fail(static_cast<ErrorCode>(choices_.upto(15)), "refused");
        switch (choices_.upto(4)) {
            case 0: scene_.give(broker::AdminReply{.request = request, .outcome = outcome, .name = "q"}); break;
            case 1: scene_.give(broker::Appended{request, outcome.has_value()}); break;
            case 2: scene_.give(broker::QueueCounts{.request = request, .found = outcome.has_value()}); break;
            case 3: scene_.give(broker::ConsumerAdded{.request = request, .outcome = outcome}); break;
            default: scene_.give(broker::GetResult{.request = request, .found = outcome.has_value()}); break;
        }
    }
    void tick() {
        scene_.broker.time.mono = scene_.broker.time.mono.plus_ms(choices_.byte() * 500);
        scene_.session.on_tick();
    }

    Choices choices_;
    Scene scene_;
    std::uint64_t offset_ = 0;
};

}  // namespace
}  // namespace fantail::amqp091

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fantail::amqp091::Run(fantail::ByteView(data, size)).go();
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! Dead letters are rewritten as RabbitMQ does, find their queues, and are kept as long as they must.
#include "broker/dead_letterer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeCatalog final : public CatalogView {
public:
    [[nodiscard]] std::uint64_t version() const override { return 1; }
    [[nodiscard]] const VhostDefinition* vhost(std::string_view) const override { return nullptr; }
    [[nodiscard]] const UserDefinition* user(std::string_view) const override { return nullptr; }
    [[nodiscard]] const ExchangeDefinition* exchange(VhostId, std::string_view name) const override {
        return name == dlx.name ? &dlx : nullptr;
    }
    [[nodiscard]] const QueueDefinition* queue(VhostId, std::string_view) const override { return nullptr; }
    [[nodiscard]] const QueueDefinition* queue(QueueId id) const override {
        const auto at = queues.find(id);
        return at == queues.end() ? nullptr : &at->second;
    }
    void route(const ExchangeDefinition&, const RoutingFacts& facts, Route& out) const override {
        keys.assign(1, std::string(facts.routing_key));
        for (const std::string_view k : facts.more_keys) keys.emplace_back(k);
        out.queues.clear();
        for (QueueId id : targets) out.queues.push_back(&queues.at(id));
    }
    [[nodiscard]] bool permits(std::string_view, VhostId, Operation, std::string_view) const override { return true; }
    [[nodiscard]] bool permits_topic(std::string_view, VhostId, Operation, std::string_view,
                                     std::string_view) const override {
        return true;
    }
    [[nodiscard]] const TopicDefinition* topic(VhostId, std::string_view) const override { return nullptr; }
    [[nodiscard]] const TopicDefinition* topic(TopicId) const override { return nullptr; }
    void for_each_topic(VhostId, const std::function<void(const TopicDefinition&)>&) const override {}
    [[nodiscard]] bool may_enter(std::string_view, VhostId) const override { return true; }

    ExchangeDefinition dlx;
    std::map<QueueId, QueueDefinition> queues;
    std::vector<QueueId> targets;
    mutable std::vector<std::string> keys;
};

struct Sent {
    ShardId shard;
    RequestId request;
    Append append;
};
struct Done {
    Offset offset;
    bool safe;
};

class Letters : public ::testing::Test, public DeadLettererHost {
protected:
    void SetUp() override {
        catalog.dlx.name = "dlx";
        QueueOptions o;
        o.dead_letter_exchange = "dlx";
        set_source(o);
        catalog.queues[q2] = definition(q2);
        catalog.queues[q3] = definition(q3);
        catalog.targets = {q2};
    }
    void set_source(const QueueOptions& o) { catalog.queues[q1] = definition(q1, QueueKind::classic, o); }
    void send(ShardId shard, RequestId request, ShardCommand command) override {
        sent.push_back({shard, request, std::get<Append>(std::move(command))});
    }
    void done(QueueId, std::uint8_t, Offset offset, bool safe) override { dones.push_back({offset, safe}); }

    void die(const Message& m, DeathReason reason, const SharedBytes& batch = nullptr) {
        letterer.handle({q1, 0, Offset(7), batch ? batch : make_batch({m}, now.wall.ms), 0, reason, 0}, now);
    }
    void answer(std::size_t i, bool accepted) { letterer.on_event(Appended{sent.at(i).request, accepted}); }
    record::EnvelopeView envelope(std::size_t i) {
        return *record::EnvelopeView::parse(record_at(*sent.at(i).append.batch, 0).envelope);
    }
    record::Properties properties(std::size_t i) { return *record::Properties::parse(envelope(i).properties()); }
    record::DeathHistory history(std::size_t i) { return *record::decode_deaths(envelope(i).deaths()); }
    void advance_ms(std::int64_t ms) {
        now.mono = now.mono.plus_ms(ms);
        letterer.end_of_turn(now);
    }

    static constexpr QueueId q3 = make_id<QueueId>(2, 3);
    FakeCatalog catalog;
    DeadLetterer letterer{catalog, *this};
    Now now{{5000}, {1'000'000}};
    std::vector<Sent> sent;
    std::vector<Done> dones;
};

TEST_F(Letters, CarryHistoryBodyAndKeyAndAreSafeWhenStored) {
    die({"body"}, DeathReason::rejected);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(body_at(*sent[0].append.batch, 0), "body");
    EXPECT_EQ(as_text(record_at(*sent[0].append.batch, 0).key), "key");
    EXPECT_EQ(envelope(0).exchange(), "dlx");
    const auto h = history(0);
    ASSERT_EQ(h.deaths.size(), 1u);
    EXPECT_EQ(h.deaths[0].queue, "q1");
    EXPECT_EQ(h.deaths[0].exchange, "ex");
    EXPECT_THAT(h.deaths[0].routing_keys, ElementsAre("key"));
    EXPECT_EQ(h.deaths[0].time.ms, 5000);
    EXPECT_THAT(dones, IsEmpty());
    answer(0, true);
    ASSERT_EQ(dones.size(), 1u);
    EXPECT_TRUE(dones[0].safe);
    EXPECT_EQ(dones[0].offset, Offset(7));
    EXPECT_EQ(letterer.open(), 0u);
}

TEST_F(Letters, LoseTheirExpirationAndRememberIt) {
    die({"x", "250"}, DeathReason::expired);
    EXPECT_FALSE(properties(0).expiration);
    EXPECT_EQ(history(0).deaths[0].original_expiration, "250");
    EXPECT_EQ(batch_flags(*sent[0].append.batch) & record::batch_attribute::has_expiration, 0);
}

TEST_F(Letters, TakeTheQueuesKeyAndLoseTheirCarbonCopiesIfItHasOne) {
    record::FieldArrayBuilder copies;
    copies.add_text("copy");
    record::FieldTableBuilder headers;
    headers.set_array("CC", copies.view());
    record::Properties p;
    p.headers = headers.view();
    Bytes encoded;
    p.encode(encoded);
    Bytes env;
    record::encode_envelope(env, encoded, "ex");
    record::BatchBuilder builder;
    builder.append_message({1}, as_bytes("key"), env, as_bytes("x"));
    const auto batch = std::make_shared<const Bytes>(builder.finish(Offset(0)));
    die({}, DeathReason::rejected, batch);
    EXPECT_THAT(catalog.keys, ElementsAre("key", "copy"));
    QueueOptions o;
    o.dead_letter_exchange = "dlx";
    o.dead_letter_routing_key = "dead";
    set_source(o);
    die({}, DeathReason::rejected, batch);
    EXPECT_THAT(catalog.keys, ElementsAre("dead"));
    EXPECT_EQ(as_text(record_at(*sent.at(1).append.batch, 0).key), "dead");
    EXPECT_FALSE(properties(1).headers->find("CC"));
    EXPECT_THAT(history(1).deaths[0].routing_keys, ElementsAre("key", "copy"));
}

TEST_F(Letters, ACycleWithoutRejectionIsDropped) {
    catalog.targets = {q1, q2};
    die({"x"}, DeathReason::expired);
    ASSERT_EQ(sent.size(), 1u);
    ASSERT_EQ(sent[0].append.targets.size(), 1u);
    EXPECT_EQ(sent[0].append.targets[0].queue, q2);
    catalog.targets = {q1};
    die({"x"}, DeathReason::expired);
    EXPECT_EQ(sent.size(), 1u);
    EXPECT_EQ(dones.size(), 1u);
    die({"x"}, DeathReason::rejected);
    EXPECT_EQ(sent.size(), 2u);
}

TEST_F(Letters, WithoutAPlaceAreDroppedAtMostOnce) {
    catalog.targets = {};
    die({"x"}, DeathReason::rejected);
    ASSERT_EQ(dones.size(), 1u);
    EXPECT_TRUE(dones[0].safe);
    catalog.targets = {q2};
    die({"x"}, DeathReason::rejected);
    answer(0, false);
    EXPECT_EQ(dones.size(), 2u);
}

TEST_F(Letters, AtLeastOnceAreTriedAgainWithDoublingPauses) {
    QueueOptions o;
    o.dead_letter_exchange = "dlx";
    o.dead_letter_strategy = DeadLetterStrategy::at_least_once;
    set_source(o);
    catalog.targets = {};
    die({"x"}, DeathReason::rejected);
    EXPECT_THAT(dones, IsEmpty());
    EXPECT_EQ(letterer.deadline(), now.mono.plus_ms(limits::dead_letter_retry_ms));
    advance_ms(limits::dead_letter_retry_ms);
    EXPECT_EQ(letterer.deadline(), now.mono.plus_ms(2 * limits::dead_letter_retry_ms));
    catalog.targets = {q2};
    advance_ms(2 * limits::dead_letter_retry_ms);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(history(0).deaths[0].count, 1u);
    answer(0, true);
    EXPECT_EQ(dones.size(), 1u);
}

TEST_F(Letters, AreTriedAgainOnlyAtThePlacesThatRefused) {
    QueueOptions o;
    o.dead_letter_exchange = "dlx";
    o.dead_letter_strategy = DeadLetterStrategy::at_least_once;
    set_source(o);
    catalog.targets = {q3, q2};
    die({"x"}, DeathReason::maxlen);
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0].shard, ShardId(1));
    EXPECT_EQ(sent[1].shard, ShardId(2));
    answer(0, true);
    answer(1, false);
    advance_ms(limits::dead_letter_retry_ms);
    ASSERT_EQ(sent.size(), 3u);
    EXPECT_EQ(sent[2].append.targets.at(0).queue, q3);
    EXPECT_THAT(dones, IsEmpty());
    answer(2, true);
    EXPECT_EQ(dones.size(), 1u);
}

TEST_F(Letters, BeyondTheLimitTheSourceKeepsThem) {
    QueueOptions o;
    o.dead_letter_exchange = "dlx";
    o.dead_letter_strategy = DeadLetterStrategy::at_least_once;
    set_source(o);
    catalog.targets = {};
    for (std::uint32_t i = 0; i <= limits::dead_letters_kept_max; ++i) die({"x"}, DeathReason::rejected);
    ASSERT_EQ(dones.size(), 1u);
    EXPECT_FALSE(dones[0].safe);
    EXPECT_EQ(letterer.open(), limits::dead_letters_kept_max);
}

TEST_F(Letters, OfAQueueWithoutAnExchangeAnyMoreAreDone) {
    set_source({});
    die({"x"}, DeathReason::rejected);
    EXPECT_TRUE(dones.at(0).safe);
    EXPECT_THAT(sent, IsEmpty());
}

}  // namespace
}  // namespace fantail::broker::testing

// SPDX-License-Identifier: Apache-2.0
//! Publishing through exchanges that let no duplicate pass, as their shard decides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ExchangeId once = make_id<ExchangeId>(1, 7);
constexpr QueueId far = make_id<QueueId>(2, 1);  ///< in another shard

struct OnceWorld : World {
    OnceWorld() {
        put(definition(q1));
        put(definition(q2));
        exchanges = {once};
    }
    RequestId publish_once(const std::string& id, const std::string& body,
                           std::vector<AppendTarget> targets = {{q1, 0}}, ConnectionId from = alice) {
        AppendOnce command;
        command.exchange = once;
        command.window_ms = 60'000;
        command.id = to_bytes(as_bytes(id));
        command.append.targets = std::move(targets);
        Message message{body};
        if (!id.empty()) message.dedup_id = id;
        message.dedup_window_ms = 60'000;
        command.append.batch = make_batch({message}, now.wall.ms);
        command.append.traits.has_deduplication = !id.empty();
        command.append.count = 1;
        command.append.confirm = true;
        return send(from, std::move(command));
    }
    /// Everything is answered and on disk.
    void finish() {
        sync();
        answer_itself();
        sync();
    }
    std::vector<RequestId> accepted() {
        std::vector<RequestId> out;
        for (const Appended& a : take<Appended>()) {
            if (a.accepted && !a.missed) out.push_back(a.request);
        }
        return out;
    }
    std::vector<std::string> stored(QueueId queue) {
        consume(bob, queue.value, queue);
        turn();
        return bodies();
    }
};

TEST(ShardExchange, ADuplicateReachesNoQueueWhereverItIsRouted) {
    OnceWorld w;
    w.publish_once("id", "first", {{q1, 0}});
    w.finish();
    const RequestId second = w.publish_once("id", "second", {{q2, 0}});
    const RequestId other = w.publish_once("id 2", "other", {{q2, 0}});
    w.accepted();
    w.finish();
    EXPECT_THAT(w.accepted(), ElementsAre(other)) << "the duplicate was answered at once: " << second.value;
    EXPECT_THAT(w.stored(q1), ElementsAre("first"));
    EXPECT_THAT(w.stored(q2), ElementsAre("other"));
}

TEST(ShardExchange, AConfirmWaitsForTheMessageAndThenForItsId) {
    OnceWorld w;
    const RequestId request = w.publish_once("id", "x");
    w.answer_itself();
    EXPECT_THAT(w.accepted(), IsEmpty());
    w.sync();
    w.answer_itself();
    EXPECT_THAT(w.accepted(), IsEmpty()) << "the message is safe, its id is not";
    w.sync();
    EXPECT_THAT(w.accepted(), ElementsAre(request));
}

TEST(ShardExchange, ADuplicateOfWhatIsUnderWaySharesItsFate) {
    OnceWorld w;
    const RequestId first = w.publish_once("id", "first", {{far, 0}});
    const RequestId second = w.publish_once("id", "second", {{q1, 0}}, bob);
    w.finish();
    EXPECT_THAT(w.accepted(), IsEmpty());
    ASSERT_THAT(w.host.sent, SizeIs(1));
    w.shard->on_event(Appended{w.host.sent[0].request}, w.now);
    w.sync();
    EXPECT_THAT(w.accepted(), ElementsAre(first, second));
    EXPECT_THAT(w.stored(q1), IsEmpty());
}

TEST(ShardExchange, ARefusedMessageMayBeSentAgain) {
    OnceWorld w;
    w.publish_once("id", "x", {{far, 0}});
    w.publish_once("id", "x", {{far, 0}});
    w.shard->on_event(Appended{w.host.sent[0].request, false}, w.now);
    w.finish();
    EXPECT_THAT(w.accepted(), IsEmpty());
    w.publish_once("id", "x", {{far, 0}});
    EXPECT_THAT(w.host.sent, SizeIs(2));
}

TEST(ShardExchange, AMessageWhoseQueuesAreAllGoneDoesNotCount) {
    OnceWorld w;
    w.publish_once("id", "x", {{far, 0}});
    w.shard->on_event(Appended{.request = w.host.sent[0].request, .missed = true}, w.now);
    EXPECT_THAT(w.accepted(), IsEmpty());
    w.publish_once("id", "x", {{q1, 0}});
    EXPECT_THAT(w.stored(q1), ElementsAre("x"));
}

TEST(ShardExchange, OneMessageGoesToTheShardsOfAllItsQueuesAndIsAnsweredOnce) {
    OnceWorld w;
    const RequestId request = w.publish_once("id", "x", {{q1, 0}, {q2, 0}, {far, 0}});
    ASSERT_THAT(w.host.sent, SizeIs(1));
    EXPECT_EQ(w.host.sent[0].shard, ShardId(2));
    EXPECT_EQ(w.host.sent[0].command.targets.size(), 1u);
    w.finish();
    EXPECT_THAT(w.accepted(), IsEmpty());
    w.shard->on_event(Appended{w.host.sent[0].request}, w.now);
    w.sync();
    EXPECT_THAT(w.accepted(), ElementsAre(request));
    EXPECT_THAT(w.stored(q1), ElementsAre("x"));
    EXPECT_THAT(w.stored(q2), ElementsAre("x"));
}

TEST(ShardExchange, MessagesWithoutIdAllPass) {
    OnceWorld w;
    w.publish_once("", "a");
    w.publish_once("", "b");
    EXPECT_THAT(w.stored(q1), ElementsAre("a", "b"));
}

TEST(ShardExchange, AfterTheWindowTheIdIsNew) {
    OnceWorld w;
    w.publish_once("id", "a");
    w.finish();
    w.advance_ms(60'000);
    w.publish_once("id", "b", {{q2, 0}});
    EXPECT_THAT(w.stored(q2), ElementsAre("b"));
}

TEST(ShardExchange, ConfirmedIdsSurviveACrash) {
    OnceWorld w;
    w.publish_once("from the log", "a");
    w.finish();
    w.crash();
    w.publish_once("from the log", "b", {{q2, 0}});
    EXPECT_THAT(w.stored(q2), IsEmpty());
}

TEST(ShardExchange, ConfirmedIdsAreInTheSnapshot) {
    OnceWorld w;
    w.publish_once("id", "a");
    w.finish();
    w.stop();
    w.host.entries.clear();
    w.publish_once("id", "b", {{q2, 0}});
    EXPECT_THAT(w.stored(q2), IsEmpty());
}

TEST(ShardExchange, AMessageWhoseIdWasNotSafeIsStillCaughtByItsQueue) {
    OnceWorld w;
    w.publish_once("id", "a", {{q1, 0}});
    w.sync();
    w.crash();
    w.publish_once("id", "again", {{q1, 0}, {q2, 0}});
    EXPECT_THAT(w.stored(q1), ElementsAre("a"));
    EXPECT_THAT(w.stored(q2), ElementsAre("again"));
}

TEST(ShardExchange, IdsGoWithTheirExchange) {
    OnceWorld w;
    w.publish_once("id", "a", {{far, 0}});
    w.shard->on_event(Appended{w.host.sent[0].request}, w.now);
    w.shard->exchange_removed(once);
    w.sync();
    w.crash();
    w.publish_once("id", "b");
    EXPECT_THAT(w.stored(q1), ElementsAre("b"));
}

TEST(ShardExchange, IdsOfAnExchangeThatIsNotFoundAfterARestartAreForgottenForGood) {
    OnceWorld w;
    w.publish_once("id", "a", {{far, 0}});
    w.shard->on_event(Appended{w.host.sent[0].request}, w.now);
    w.sync();
    w.exchanges.clear();
    w.crash();
    w.sync();
    w.exchanges = {once};
    w.crash();
    w.publish_once("id", "b");
    EXPECT_THAT(w.stored(q1), ElementsAre("b"));
}

}  // namespace
}  // namespace fantail::broker::testing

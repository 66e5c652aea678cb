// SPDX-License-Identifier: Apache-2.0
//! Named producers: epochs and fencing, the steps of a transaction, time, and what a crash leaves.
#include "broker/transactions/transaction_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>

namespace fantail::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr QueueId log_a = make_id<QueueId>(1, 1);
constexpr QueueId log_b = make_id<QueueId>(2, 2);
constexpr ShardId group_shard{3};
constexpr std::int32_t timeout_ms = 10'000;
constexpr std::int16_t used_up = 32'766;

/// A table with a log that can crash, and logs and groups that answer when they are told to.
class TransactionWorld : public TransactionHost {
public:
    struct Asked {
        RequestId request;
        ShardId shard;
        ShardCommand command;
    };

    // TransactionHost
    void answer(const Origin& to, TransactionAnswer answer) override {
        EXPECT_TRUE(answers.emplace(to.request, std::move(answer)).second) << "answered twice: " << to.request.value;
    }
    Lsn persist(ByteView change, bool) override {
        EXPECT_TRUE(is_transaction_change(change));
        log.push_back(to_bytes(change));
        return Lsn(log.size());
    }
    std::uint64_t random() override { return ++randoms * 1000; }
    RequestId ask(ShardId shard, ShardCommand command) override {
        asked.push_back({RequestId(++questions), shard, std::move(command)});
        return RequestId(questions);
    }

    RequestId send(TransactionAction action, std::string name = "billing") {
        const RequestId request(++requests);
        table->handle({ConnectionId(1), request},
                      {std::move(name), std::make_unique<TransactionAction>(std::move(action))}, now);
        return request;
    }
    void sync() {
        durable = log.size();
        table->on_durable(Lsn(durable));
    }
    /// Logs and groups do as they are asked, and the disk keeps up, until nothing moves.
    void settle() {
        sync();
        while (!asked.empty()) {
            for (const Asked& each : std::exchange(asked, {})) {
                told.push_back(text_of(each));
                EXPECT_TRUE(table->answered(each.request, TransactionOutcome::ok, now));
            }
            sync();
        }
    }
    static std::string text_of(const Asked& asked) {
        if (const auto* enlist = std::get_if<EnlistInLog>(&asked.command))
            return "enlist log " + std::to_string(enlist->log.value & 0xFF) + epoch_of(enlist->producer);
        if (const auto* end = std::get_if<EndInLog>(&asked.command))
            return (end->commit ? "commit log " : "abort log ") + std::to_string(end->log.value & 0xFF) +
                   epoch_of(end->producer);
        const auto& group = std::get<GroupCommand>(asked.command);
        EXPECT_EQ(asked.shard, group_shard);
        if (const auto* enlist = std::get_if<EnlistInGroup>(group.action.get()))
            return "enlist " + group.group + epoch_of(enlist->producer);
        const auto& end = std::get<EndInGroup>(*group.action);
        return (end.commit ? "commit " : "abort ") + group.group + epoch_of(end.producer);
    }
    static std::string epoch_of(ProducerEpoch producer) { return " at " + std::to_string(producer.epoch); }

    [[nodiscard]] bool answered(RequestId request) const { return answers.contains(request); }
    template <class T>
    T take(RequestId request) {
        const auto node = answers.extract(request);
        if (!node || !std::holds_alternative<T>(node.mapped())) {
            ADD_FAILURE() << "no such answer to " << request.value;
            return {};
        }
        return std::get<T>(node.mapped());
    }
    template <class T>
    T call(TransactionAction action) {
        const RequestId request = send(std::move(action));
        settle();
        return take<T>(request);
    }
    ProducerEpoch open(std::optional<ProducerEpoch> expected = {}) {
        const auto opened = call<ProducerOpened>(OpenProducer{timeout_ms, expected});
        EXPECT_EQ(opened.outcome, TransactionOutcome::ok);
        return opened.producer;
    }
    TransactionOutcome add(ProducerEpoch producer, std::vector<QueueId> logs = {log_a}) {
        return call<TransactionDone>(AddToTransaction{producer, std::move(logs), {}}).outcome;
    }
    TransactionOutcome end(ProducerEpoch producer, bool commit = true) {
        return call<TransactionEnded>(EndTransaction{producer, commit, false}).outcome;
    }
    TransactionDescribed describe() { return call<TransactionDescribed>(DescribeTransaction{}); }
    TransactionState state() { return describe().state; }

    void pass_ms(std::int64_t ms) {
        now.wall.ms += ms;
        now.mono = now.mono.plus_ms(ms);
        if (table->deadline() <= now.mono) table->on_tick(now);
        settle();
    }
    static Bytes encoded(const TransactionTable& from) {
        Bytes bytes;
        Writer out(bytes);
        from.encode(out);
        return bytes;
    }
    /// The process dies; what was not durable is lost.
    void crash(std::int64_t away_ms = 0) {
        log.resize(durable);
        answers.clear();
        asked.clear();
        told.clear();
        now.wall.ms += away_ms;
        table = std::make_unique<TransactionTable>(*this);
        for (const Bytes& change : log) EXPECT_TRUE(table->apply(change).has_value());
        const Bytes replayed = encoded(*table);
        TransactionTable copy(*this);
        Reader in(replayed);
        EXPECT_TRUE(copy.decode(in));
        EXPECT_TRUE(in.done());
        EXPECT_EQ(encoded(copy), replayed);
        table->recovered(now);
    }

    Now now{WallTime{1'700'000'000'000}, MonoTime{1'000'000'000}};
    std::vector<Bytes> log;
    std::size_t durable = 0;
    std::map<RequestId, TransactionAnswer> answers;
    std::vector<Asked> asked;
    std::vector<std::string> told;  ///< what logs and groups were asked
    std::uint64_t requests = 0, randoms = 0, questions = 0;
    std::unique_ptr<TransactionTable> table = std::make_unique<TransactionTable>(*this);
};

// ------------------------------------------------------------------------------------------------------------- opening

TEST(NamedProducer, IsAnsweredWhenItIsDurable) {
    TransactionWorld w;
    const RequestId request = w.send(OpenProducer{timeout_ms, {}});
    EXPECT_FALSE(w.answered(request));
    w.sync();
    EXPECT_EQ(w.take<ProducerOpened>(request).producer.epoch, 0);
}

TEST(NamedProducer, KeepsItsIdAndGetsTheNextEpochWhenItIsOpenedAgain) {
    TransactionWorld w;
    const ProducerEpoch first = w.open();
    const ProducerEpoch second = w.open();
    EXPECT_EQ(second.id, first.id);
    EXPECT_EQ(second.epoch, first.epoch + 1);
    EXPECT_EQ(w.add(first), TransactionOutcome::fenced);
    EXPECT_EQ(w.add(second), TransactionOutcome::ok);
}

TEST(NamedProducer, OfNoNameOrAnotherIdIsRefused) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    const RequestId nameless = w.send(OpenProducer{timeout_ms, {}}, "");
    EXPECT_EQ(w.take<ProducerOpened>(nameless).outcome, TransactionOutcome::invalid_name);
    const RequestId unknown = w.send(AddToTransaction{producer, {log_a}, {}}, "other");
    EXPECT_EQ(w.take<TransactionDone>(unknown).outcome, TransactionOutcome::unknown_producer);
    EXPECT_EQ(w.add({producer.id + 1, producer.epoch}), TransactionOutcome::unknown_producer);
    EXPECT_EQ(w.end({producer.id + 1, producer.epoch}), TransactionOutcome::unknown_producer);
}

TEST(NamedProducer, ThatSaysWhatItWasIsFencedByAnother) {
    TransactionWorld w;
    const ProducerEpoch first = w.open();
    const ProducerEpoch second = w.open();
    const auto refused = w.call<ProducerOpened>(OpenProducer{timeout_ms, first});
    EXPECT_EQ(refused.outcome, TransactionOutcome::fenced);
    EXPECT_EQ(w.open(second).epoch, second.epoch + 1);
}

TEST(NamedProducer, ThatDidNotHearTheAnswerGetsItAgain) {
    TransactionWorld w;
    const ProducerEpoch first = w.open();
    const ProducerEpoch second = w.open(first);
    EXPECT_EQ(w.open(first), second);
    EXPECT_EQ(w.add(second), TransactionOutcome::ok);
    const auto late = w.call<ProducerOpened>(OpenProducer{timeout_ms, first});
    EXPECT_EQ(late.outcome, TransactionOutcome::fenced) << "it has heard of it and begun";
}

TEST(NamedProducer, GetsAnotherIdWhenItsEpochsAreUsedUp) {
    TransactionWorld w;
    ProducerEpoch last = w.open();
    while (last.epoch < used_up) last = w.open();
    const ProducerEpoch next = w.open(last);
    EXPECT_NE(next.id, last.id);
    EXPECT_EQ(next.epoch, 0);
    EXPECT_EQ(w.open(last), next) << "it asks again";
    EXPECT_EQ(w.add(last), TransactionOutcome::unknown_producer);
}

TEST(NamedProducer, IsForgottenWhenItIsIdleForLong) {
    TransactionWorld w;
    w.table->set_limits({.idle_max_ms = 3'600'000});
    const ProducerEpoch producer = w.open();
    w.pass_ms(3'000'000);
    EXPECT_EQ(w.describe().outcome, TransactionOutcome::ok);
    w.pass_ms(1'000'000);
    EXPECT_EQ(w.describe().outcome, TransactionOutcome::unknown_producer);
    EXPECT_EQ(w.add(producer), TransactionOutcome::unknown_producer);
}

// ------------------------------------------------------------------------------------------------------------ the steps

TEST(Transaction, LogsAndGroupsAreToldWhenTheAdditionIsDurableAndTheAskerWhenTheyKnow) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    const RequestId add = w.send(AddToTransaction{producer, {log_a, log_b}, {{"readers", group_shard}}});
    EXPECT_THAT(w.asked, IsEmpty());
    w.sync();
    EXPECT_THAT(w.asked, SizeIs(3));
    EXPECT_FALSE(w.answered(add));
    w.settle();
    EXPECT_TRUE(w.answered(add));
    EXPECT_THAT(w.told, ElementsAre("enlist log 1 at 0", "enlist log 2 at 0", "enlist readers at 0"));
    EXPECT_THAT(w.describe().logs, ElementsAre(log_a, log_b));
}

TEST(Transaction, WhatTakesPartAlreadyIsNotWrittenAgain) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    EXPECT_EQ(w.add(producer), TransactionOutcome::ok);
    const std::size_t before = w.log.size();
    EXPECT_EQ(w.add(producer), TransactionOutcome::ok);
    EXPECT_EQ(w.log.size(), before);
}

TEST(Transaction, ItsEndIsDurableBeforeAnybodyIsToldAndKnownEverywhereBeforeItIsAnswered) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.add(producer, {log_a, log_b});
    w.told.clear();
    const RequestId end = w.send(EndTransaction{producer, true, false});
    EXPECT_THAT(w.asked, IsEmpty());
    w.sync();
    EXPECT_THAT(w.asked, SizeIs(2));
    EXPECT_FALSE(w.answered(end));
    EXPECT_EQ(w.state(), TransactionState::prepare_commit);
    w.settle();
    EXPECT_EQ(w.state(), TransactionState::complete_commit);
    EXPECT_EQ(w.take<TransactionEnded>(end).outcome, TransactionOutcome::ok);
    EXPECT_THAT(w.told, ElementsAre("commit log 1 at 0", "commit log 2 at 0"));
}

TEST(Transaction, ItsEndMayBeRepeatedButNotTurnedRound) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    EXPECT_EQ(w.end(producer), TransactionOutcome::invalid_state) << "there is none";
    (void)w.add(producer);
    EXPECT_EQ(w.end(producer, false), TransactionOutcome::ok);
    EXPECT_EQ(w.end(producer, false), TransactionOutcome::ok);
    EXPECT_EQ(w.end(producer, true), TransactionOutcome::invalid_state);
    EXPECT_EQ(w.state(), TransactionState::complete_abort);
}

TEST(Transaction, WhatComesWhileItEndsWaitsForTheEnd) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.add(producer);
    w.told.clear();
    const RequestId end = w.send(EndTransaction{producer, true, false});
    const RequestId add = w.send(AddToTransaction{producer, {log_b}, {}});
    w.sync();
    EXPECT_FALSE(w.answered(add));
    w.settle();
    EXPECT_TRUE(w.answered(end));
    EXPECT_TRUE(w.answered(add));
    EXPECT_THAT(w.told, ElementsAre("commit log 1 at 0", "enlist log 2 at 0"));
    EXPECT_THAT(w.describe().logs, ElementsAre(log_b));
}

TEST(Transaction, TooMuchThatWaitsIsRefused) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.send(AddToTransaction{producer, {log_a}, {}});
    RequestId last;
    for (int i = 0; i < 65; ++i) last = w.send(AddToTransaction{producer, {log_b}, {}});
    EXPECT_EQ(w.take<TransactionDone>(last).outcome, TransactionOutcome::concurrent);
}

TEST(Transaction, OfAFormerProducerIsAbortedBeforeTheNextIsOpened) {
    TransactionWorld w;
    const ProducerEpoch former = w.open();
    (void)w.add(former);
    w.told.clear();
    const RequestId open = w.send(OpenProducer{timeout_ms, {}});
    w.sync();
    EXPECT_FALSE(w.answered(open));
    w.settle();
    EXPECT_THAT(w.told, ElementsAre("abort log 1 at 1"));
    const ProducerEpoch next = w.take<ProducerOpened>(open).producer;
    EXPECT_EQ(next.epoch, 2);
    EXPECT_EQ(w.end(former), TransactionOutcome::fenced);
}

TEST(Transaction, IsAbortedWhenItsTimeIsOver) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.add(producer);
    w.told.clear();
    w.pass_ms(timeout_ms - 1);
    EXPECT_EQ(w.state(), TransactionState::ongoing);
    w.pass_ms(1);
    EXPECT_EQ(w.state(), TransactionState::complete_abort);
    EXPECT_THAT(w.told, ElementsAre("abort log 1 at 1"));
    EXPECT_EQ(w.end(producer), TransactionOutcome::fenced);
    EXPECT_EQ(w.table->deadline() > w.now.mono.plus_ms(timeout_ms), true) << "nothing is left to wait for";
}

TEST(Transaction, WhoseTimeEndsWhileAStepIsUnderWayIsAbortedBehindIt) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.add(producer);
    const RequestId add = w.send(AddToTransaction{producer, {log_b}, {}});
    w.now.mono = w.now.mono.plus_ms(timeout_ms);
    w.table->on_tick(w.now);
    EXPECT_FALSE(w.answered(add));
    w.settle();
    EXPECT_EQ(w.take<TransactionDone>(add).outcome, TransactionOutcome::ok);
    EXPECT_EQ(w.state(), TransactionState::complete_abort);
}

TEST(Transaction, MayGiveItsProducerTheNextEpoch) {
    TransactionWorld w;
    const ProducerEpoch first = w.open();
    (void)w.add(first);
    w.told.clear();
    const auto ended = w.call<TransactionEnded>(EndTransaction{first, true, true});
    EXPECT_THAT(w.told, ElementsAre("commit log 1 at 1"));
    EXPECT_EQ(ended.producer.epoch, 1);
    const auto again = w.call<TransactionEnded>(EndTransaction{first, true, true});
    EXPECT_EQ(again.outcome, TransactionOutcome::ok);
    EXPECT_EQ(again.producer, ended.producer);
    EXPECT_EQ(w.add(first), TransactionOutcome::fenced);
    const auto nothing = w.call<TransactionEnded>(EndTransaction{ended.producer, false, true});
    EXPECT_EQ(nothing.outcome, TransactionOutcome::ok);
    EXPECT_EQ(nothing.producer.epoch, 2);
    EXPECT_EQ(w.call<TransactionEnded>(EndTransaction{nothing.producer, true, true}).outcome,
              TransactionOutcome::invalid_state);
}

TEST(Transaction, ThatUsesUpTheEpochsLeadsToAnotherId) {
    TransactionWorld w;
    ProducerEpoch last = w.open();
    while (last.epoch < used_up) last = w.open();
    (void)w.add(last);
    w.told.clear();
    const auto ended = w.call<TransactionEnded>(EndTransaction{last, false, true});
    EXPECT_THAT(w.told, ElementsAre("abort log 1 at 32767"));
    EXPECT_NE(ended.producer.id, last.id);
    EXPECT_EQ(ended.producer.epoch, 0);
    EXPECT_EQ(w.call<TransactionEnded>(EndTransaction{last, false, true}).producer, ended.producer);
}

// ------------------------------------------------------------------------------------------------------------- recovery

TEST(TransactionRecovery, AnEndThatIsDurableIsToldEverywhere) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.call<TransactionDone>(AddToTransaction{producer, {log_a}, {{"readers", group_shard}}});
    w.send(EndTransaction{producer, true, false});
    w.durable = w.log.size();  // and the process dies before anybody is told
    w.crash();
    EXPECT_EQ(w.table->deadline(), MonoTime{});
    w.pass_ms(0);
    EXPECT_THAT(w.told, ElementsAre("commit log 1 at 0", "commit readers at 0"));
    EXPECT_EQ(w.state(), TransactionState::complete_commit);
    EXPECT_EQ(w.end(producer), TransactionOutcome::ok) << "the producer asks again";
}

TEST(TransactionRecovery, AnEndThatIsNotDurableNeverWas) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.add(producer);
    w.send(EndTransaction{producer, true, false});
    w.crash();
    w.pass_ms(0);
    EXPECT_EQ(w.state(), TransactionState::ongoing);
    EXPECT_EQ(w.end(producer, false), TransactionOutcome::ok);
}

TEST(TransactionRecovery, AnOpenOneGoesOnWhenLogsKnowAgain) {
    TransactionWorld w;
    const ProducerEpoch producer = w.open();
    (void)w.add(producer, {log_a, log_b});
    w.crash();
    const RequestId end = w.send(EndTransaction{producer, true, false});
    EXPECT_FALSE(w.answered(end));
    w.pass_ms(0);
    EXPECT_EQ(w.take<TransactionEnded>(end).outcome, TransactionOutcome::ok);
    EXPECT_THAT(w.told,
                ElementsAre("enlist log 1 at 0", "enlist log 2 at 0", "commit log 1 at 0", "commit log 2 at 0"));
}

TEST(TransactionRecovery, TheTimeGoesOnMeanwhile) {
    TransactionWorld w;
    (void)w.add(w.open());
    w.crash(timeout_ms - 1000);
    w.pass_ms(999);
    EXPECT_EQ(w.state(), TransactionState::ongoing);
    w.pass_ms(1);
    EXPECT_EQ(w.state(), TransactionState::complete_abort);
}

TEST(TransactionChanges, CutOffOrSenselessOnesAreRefused) {
    Bytes bytes;
    encode_transaction_change(TransactionGrownChange{"billing", {5}, {log_a}, {{"readers", group_shard}}}, bytes);
    ASSERT_TRUE(decode_transaction_change(bytes).has_value());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_transaction_change(ByteView(bytes).first(size)).has_value()) << size;
    bytes.push_back(0);
    EXPECT_FALSE(decode_transaction_change(bytes).has_value());
    bytes[0] = 99;
    EXPECT_FALSE(decode_transaction_change(bytes).has_value());
}

}  // namespace
}  // namespace fantail::broker

// SPDX-License-Identifier: Apache-2.0
//! Transactions over two shards, each with its own log: what readers see of them, and that a crash at any position of the two logs
//! leaves all of a transaction or nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "broker/shard_test_support.hpp"

namespace fantail::broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr QueueId log_here = make_id<QueueId>(0, 1);   ///< in the coordinator's shard
constexpr QueueId log_there = make_id<QueueId>(1, 2);  ///< in the other one, where the group is too
constexpr const char* producer_name = "billing";
constexpr const char* group_name = "readers";

class TransactionCluster {
public:
    struct Side {
        FakeHost host;
        std::unique_ptr<Shard> shard;
        Lsn durable;
        std::uint64_t durable_max = ~std::uint64_t{0};  ///< entries behind it never get there
        std::optional<std::pair<Bytes, Lsn>> checkpoint;
    };
    std::array<Side, 2> sides;
    Now now{{1'000'000}, {1'000'000'000}};
    std::uint64_t requests = 0;

    TransactionCluster() {
        for (std::uint16_t i = 0; i < 2; ++i) sides[i].shard = std::make_unique<Shard>(ShardId(i), sides[i].host);
        define();
    }
    void define() {
        sides[0].shard->queue_put(definition(log_here, QueueKind::stream), now);
        sides[1].shard->queue_put(definition(log_there, QueueKind::stream), now);
    }

    RequestId send(std::uint16_t side, ShardCommand command) {
        const RequestId request(++requests);
        sides[side].shard->handle({alice, request}, std::move(command), now);
        return request;
    }
    /// One round of everything but the disks. Returns whether anything moved.
    bool pump() {
        bool moved = false;
        for (std::uint16_t i = 0; i < 2; ++i) {
            sides[i].shard->end_of_turn(now);
            for (auto& each : std::exchange(sides[i].host.reads, {})) {
                moved = true;
                answer(sides[i], each);
            }
            moved = moved || sides[i].shard->busy();
            for (auto& each : std::exchange(sides[i].host.asked, {})) {
                moved = true;
                sides[each.shard.value].shard->handle({FakeHost::shard_id, each.request}, std::move(each.command), now);
            }
            std::vector<Event> own;
            std::erase_if(sides[i].host.events, [&](auto& e) {
                if (e.first != FakeHost::shard_id) return false;
                own.push_back(std::move(e.second));
                return true;
            });
            for (Event& event : own) {
                moved = true;
                const std::uint64_t asker = request_of(event).value >> 48;
                sides[asker].shard->on_event(std::move(event), now);
            }
        }
        return moved;
    }
    static void answer(Side& side, const FakeHost::Read& read) {
        std::vector<StoredBatch> out;
        for (const auto& [base, batch] : side.host.stored[read.stream])
            if (base + batch.count > read.from.value) out.push_back(batch);
        side.shard->on_read(read.token, std::move(out));
    }
    bool sync() {
        bool moved = false;
        for (Side& side : sides) {
            const Lsn to(std::min(side.host.last_lsn, side.durable_max));
            if (to <= side.durable) continue;
            side.durable = to;
            side.shard->on_durable(to);
            moved = true;
        }
        return moved;
    }
    void settle() {
        for (bool moved = true; moved;) {
            moved = pump();
            moved = sync() || moved;
        }
    }
    template <class E>
    std::optional<E> find(RequestId request) {
        for (Side& side : sides) {
            for (auto at = side.host.events.begin(); at != side.host.events.end(); ++at) {
                if (at->first != alice || request_of(at->second) != request) continue;
                if constexpr (std::is_same_v<E, TransactionAnswered> || std::is_same_v<E, GroupAnswered>) {
                    E out = std::move(std::get<E>(at->second));
                    side.host.events.erase(at);
                    return out;
                } else {
                    return std::get<E>(at->second);
                }
            }
        }
        return std::nullopt;
    }
    template <class Answer>
    std::optional<Answer> call(TransactionAction action) {
        const RequestId request =
            send(0, TransactionCommand{producer_name, std::make_unique<TransactionAction>(std::move(action))});
        settle();
        auto event = find<TransactionAnswered>(request);
        return event ? std::optional(std::get<Answer>(*event->answer)) : std::nullopt;
    }
    template <class Answer>
    std::optional<Answer> call_group(GroupAction action) {
        const RequestId request = send(1, GroupCommand{group_name, std::make_unique<GroupAction>(std::move(action))});
        settle();
        auto event = find<GroupAnswered>(request);
        return event ? std::optional(std::get<Answer>(*event->answer)) : std::nullopt;
    }

    std::optional<ProducerEpoch> open() {
        const auto opened = call<ProducerOpened>(OpenProducer{60'000, {}});
        return opened ? std::optional(opened->producer) : std::nullopt;
    }
    bool add(ProducerEpoch producer) {
        AddToTransaction command{producer, {log_here, log_there}, {{group_name, ShardId(1)}}};
        const auto done = call<TransactionDone>(std::move(command));
        return done && done->outcome == TransactionOutcome::ok;
    }
    std::optional<LogAppended> append(QueueId log, ProducerEpoch producer, std::int32_t sequence,
                                      const std::string& body) {
        record::BatchBuilder builder;
        builder.append({.timestamp = now.wall, .value = as_bytes(body)});
        record::BatchStamp stamp;
        stamp.producer_id = producer.id;
        stamp.producer_epoch = producer.epoch;
        stamp.base_sequence = sequence;
        if (producer.id >= 0) stamp.attributes = record::batch_attribute::transactional;
        auto batch = std::make_shared<const Bytes>(builder.finish(Offset(0), stamp));
        const std::uint64_t bytes = batch->size();
        const RequestId request =
            send(static_cast<std::uint16_t>(shard_of(log).value), AppendLog{log, std::move(batch), 1, bytes, true});
        settle();
        return find<LogAppended>(request);
    }
    bool appended(QueueId log, ProducerEpoch producer, std::int32_t sequence, const std::string& body) {
        const auto answer = append(log, producer, sequence, body);
        return answer && answer->outcome == LogOutcome::ok;
    }
    bool commit_offset(ProducerEpoch producer, std::uint64_t offset) {
        CommitInTransaction command;
        command.producer = producer;
        command.offsets.push_back({log_here, Offset(offset), -1, ""});
        const auto answer = call_group<OffsetsCommitted>(std::move(command));
        return answer && answer->outcome == GroupOutcome::ok;
    }
    bool end(ProducerEpoch producer, bool commit) {
        const auto ended = call<TransactionEnded>(EndTransaction{producer, commit, false});
        return ended && ended->outcome == TransactionOutcome::ok;
    }
    std::optional<Offset> offset() {
        const auto fetched = call_group<OffsetsFetched>(FetchOffsets{std::vector{log_here}, true});
        if (!fetched || fetched->offsets.at(0).outcome != GroupOutcome::ok) return Offset(999);
        return fetched->offsets.at(0).offset;
    }
    LogSlice slice(QueueId log, bool committed_only) {
        const auto side = static_cast<std::uint16_t>(shard_of(log).value);
        const RequestId request = send(side, ReadLogs{{{log, Offset(0), 1u << 20}}, 0, 1u << 20, committed_only});
        settle();
        return find<LogsRead>(request).value().slices.at(0);
    }
    /// As clients read that want what is committed: markers end what was aborted.
    std::vector<std::string> committed(QueueId log) {
        const LogSlice read = slice(log, true);
        std::map<std::int64_t, std::uint64_t> aborting;
        std::vector<AbortedSpan> aborted = read.aborted;
        std::ranges::sort(aborted, {}, [](const AbortedSpan& each) { return each.first; });
        std::vector<std::string> out;
        for (const StoredBatch& batch : read.batches) {
            const auto numbers = ProducerBatch::of(*batch.bytes);
            while (!aborted.empty() && aborted.front().first < batch.base.plus(batch.count)) {
                aborting[aborted.front().producer_id] = aborted.front().first.value;
                aborted.erase(aborted.begin());
            }
            if (is_control(*batch.bytes)) {
                if (!is_commit(*batch.bytes)) aborting.erase(numbers.producer);
            } else if (!numbers.transactional || !aborting.contains(numbers.producer)) {
                out.push_back(body_at(*batch.bytes, 0));
            }
        }
        return out;
    }
    /// As a consumer of messages sees the log.
    std::vector<std::string> consumed(QueueId log) {
        AddConsumer command;
        command.queue = log;
        command.consumer = ConsumerId(++requests);
        command.start = StreamStart::first;
        command.prefetch = 1000;
        Side& side = sides[shard_of(log).value];
        side.shard->handle({bob, RequestId(0)}, std::move(command), now);
        settle();
        std::vector<std::string> out;
        std::erase_if(side.host.events, [&](const auto& e) {
            const auto* d = std::get_if<Deliver>(&e.second);
            for (std::uint32_t i = 0; d != nullptr && i < d->count; ++i)
                out.push_back(body_at(*d->batch, d->index + i));
            return d != nullptr;
        });
        side.shard->handle({bob, RequestId(0)}, Detach{ConsumerId(0), ConsumerId(~0ull)}, now);
        return out;
    }

    void take_checkpoint() {
        for (Side& side : sides) side.checkpoint = {side.shard->snapshot(), Lsn(side.host.last_lsn)};
    }
    void crash() {
        for (std::uint16_t i = 0; i < 2; ++i) {
            Side& side = sides[i];
            if (side.checkpoint && side.checkpoint->second > side.durable) side.checkpoint.reset();
            side.host.crash(side.durable);
            side.host.asked.clear();
            side.host.last_lsn += 1000;
            side.durable_max = ~std::uint64_t{0};
            side.shard = std::make_unique<Shard>(ShardId(i), side.host);
            if (side.checkpoint) {
                EXPECT_TRUE(side.shard->restore(side.checkpoint->first));
            }
            for (const auto& e : side.host.entries) replay(side, e);
            for (const auto& [stream, batches] : side.host.stored)
                for (const auto& [base, b] : batches) side.shard->covered(stream, b.base, b.base.plus(b.count));
        }
        define();
        for (Side& side : sides) side.shard->recovered(now, [](QueueId) { return true; });
        settle();
    }
    static void replay(Side& side, const FakeHost::Entry& e) {
        if (side.checkpoint && e.lsn <= side.checkpoint->second) return;
        if (e.batch) {
            EXPECT_TRUE(side.shard->replay_batch(e.targets, e.count, *e.batch));
        } else {
            EXPECT_TRUE(side.shard->replay_change(e.change));
        }
    }
};

// ------------------------------------------------------------------------------------------------------ what readers see

TEST(ShardTransactions, RecordsAreSeenWhenTheyAreCommitted) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "a"));
    ASSERT_TRUE(c.appended(log_there, p, 0, "b"));
    EXPECT_THAT(c.committed(log_here), IsEmpty());
    EXPECT_THAT(c.consumed(log_here), IsEmpty());
    EXPECT_EQ(c.slice(log_here, false).batches.size(), 1u) << "others see it at once";
    EXPECT_EQ(c.slice(log_here, false).stable_end, Offset(0));
    ASSERT_TRUE(c.end(p, true));
    EXPECT_THAT(c.committed(log_here), ElementsAre("a"));
    EXPECT_THAT(c.committed(log_there), ElementsAre("b"));
    EXPECT_THAT(c.consumed(log_here), ElementsAre("a"));
    EXPECT_EQ(c.slice(log_here, true).stable_end, Offset(2)) << "the marker has an offset";
}

TEST(ShardTransactions, AbortedRecordsAreSeenByNobodyWhoWantsWhatIsCommitted) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "gone"));
    ASSERT_TRUE(c.end(p, false));
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 1, "kept"));
    ASSERT_TRUE(c.end(p, true));
    EXPECT_THAT(c.committed(log_here), ElementsAre("kept"));
    EXPECT_THAT(c.consumed(log_here), ElementsAre("kept"));
    const LogSlice all = c.slice(log_here, false);
    EXPECT_EQ(all.batches.size(), 4u);
    EXPECT_THAT(all.aborted, IsEmpty());
    EXPECT_THAT(c.consumed(log_there), IsEmpty()) << "nothing was written there, no marker either";
    EXPECT_EQ(c.slice(log_there, false).high_watermark, Offset(0));
}

TEST(ShardTransactions, AnOpenTransactionHoldsBackWhatIsBehindIt) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, {}, -1, "before"));
    ASSERT_TRUE(c.appended(log_here, p, 0, "open"));
    ASSERT_TRUE(c.appended(log_here, {}, -1, "behind"));
    EXPECT_THAT(c.consumed(log_here), ElementsAre("before"));
    EXPECT_THAT(c.committed(log_here), ElementsAre("before"));
    ASSERT_TRUE(c.end(p, false));
    EXPECT_THAT(c.consumed(log_here), ElementsAre("before", "behind"));
    EXPECT_THAT(c.committed(log_here), ElementsAre("before", "behind"));
}

TEST(ShardTransactions, AReadThatWaitsForCommittedRecordsIsAnsweredByTheMarker) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    const RequestId read = c.send(0, ReadLogs{{{log_here, Offset(0), 1000}}, 1, 1000, true});
    ASSERT_TRUE(c.appended(log_here, p, 0, "a"));
    EXPECT_FALSE(c.find<LogsRead>(read).has_value());
    ASSERT_TRUE(c.end(p, true));
    ASSERT_TRUE(c.find<LogsRead>(read).has_value());
    EXPECT_EQ(c.find<LogsRead>(read)->slices.at(0).batches.size(), 2u);
}

TEST(ShardTransactions, MarkersAreControlBatchesWithTheirTypeAndTheirProducer) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    for (const bool commit : {false, true}) {
        ASSERT_TRUE(c.add(p));
        ASSERT_TRUE(c.appended(log_here, p, commit ? 1 : 0, "a"));
        ASSERT_TRUE(c.end(p, commit));
    }
    const LogSlice all = c.slice(log_here, false);
    for (const std::size_t at : {1u, 3u}) {
        const auto marker = record::BatchView::parse(*all.batches.at(at).bytes).value();
        EXPECT_TRUE(marker.verify_crc());
        EXPECT_EQ(marker.attributes(), 0x30);
        EXPECT_EQ(marker.producer_id(), p.id);
        EXPECT_EQ(marker.producer_epoch(), p.epoch);
        EXPECT_EQ(marker.base_sequence(), -1);
        EXPECT_EQ(marker.total_size(), 78u);
        const auto record = record_at(*all.batches.at(at).bytes, 0);
        EXPECT_THAT(record.key, ElementsAre(0, 0, 0, at == 3 ? 1 : 0));
        EXPECT_THAT(record.value, ElementsAre(0, 0, 0, 0, 0, 0));
    }
}

// -------------------------------------------------------------------------------------------------------------- fencing

TEST(ShardTransactions, ALogTakesRecordsOfTransactionsThatItIsPartOfAlone) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    EXPECT_EQ(c.append(log_here, p, 0, "a")->outcome, LogOutcome::invalid_transaction);
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "a"));
    ASSERT_TRUE(c.end(p, true));
    EXPECT_EQ(c.append(log_here, p, 1, "late")->outcome, LogOutcome::invalid_transaction);
    EXPECT_EQ(c.append(log_here, p, 0, "a")->base, Offset(0)) << "repeated: it stands there";
}

TEST(ShardTransactions, AFormerProducersRecordsAreAbortedAndItIsFenced) {
    TransactionCluster c;
    const ProducerEpoch former = c.open().value();
    ASSERT_TRUE(c.add(former));
    ASSERT_TRUE(c.appended(log_here, former, 0, "gone"));
    const ProducerEpoch next = c.open().value();
    EXPECT_EQ(c.append(log_here, former, 1, "late")->outcome, LogOutcome::fenced);
    EXPECT_FALSE(c.commit_offset(former, 5));
    ASSERT_TRUE(c.add(next));
    ASSERT_TRUE(c.appended(log_here, next, 0, "kept"));
    ASSERT_TRUE(c.end(next, true));
    EXPECT_THAT(c.committed(log_here), ElementsAre("kept"));
}

TEST(ShardTransactions, ALogThatIsDeletedMeanwhileHoldsUpNobody) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "a"));
    c.sides[1].shard->queue_removed(log_there);
    EXPECT_TRUE(c.end(p, true));
    EXPECT_THAT(c.committed(log_here), ElementsAre("a"));
}

// ------------------------------------------------------------------------------------------------------------- recovery

/// How far the client of a transaction got.
struct Told {
    bool asked_end = false;
    bool ended = false;
};

Told transact(TransactionCluster& c, bool commit) {
    Told told;
    const auto p = c.open();
    if (!p || !c.add(*p)) return told;
    if (!c.appended(log_here, *p, 0, "a") || !c.appended(log_there, *p, 0, "b")) return told;
    if (!c.commit_offset(*p, 5)) return told;
    told.asked_end = true;
    told.ended = c.end(*p, commit);
    return told;
}

/// Whether the transaction is there; fails if it is there in parts.
bool is_there(TransactionCluster& c) {
    const auto here = c.committed(log_here);
    const bool there = !here.empty();
    EXPECT_EQ(here, there ? std::vector<std::string>{"a"} : std::vector<std::string>{});
    EXPECT_EQ(c.committed(log_there), there ? std::vector<std::string>{"b"} : std::vector<std::string>{});
    EXPECT_EQ(c.consumed(log_here), here);
    EXPECT_EQ(c.offset(), there ? std::optional(Offset(5)) : std::nullopt);
    return there;
}

void crash_and_judge(TransactionCluster& c, bool commit, const Told& told) {
    c.crash();
    const auto next = c.open();  // what was still open is aborted by that
    ASSERT_TRUE(next.has_value());
    const bool there = is_there(c);
    if (told.ended) {
        EXPECT_EQ(there, commit);
    }
    if (!told.asked_end || !commit) {
        EXPECT_FALSE(there);
    }
    EXPECT_EQ(c.slice(log_here, true).stable_end, c.slice(log_here, true).high_watermark);
    EXPECT_EQ(c.slice(log_there, true).stable_end, c.slice(log_there, true).high_watermark);
    // The next transaction is none the worse for it.
    ASSERT_TRUE(c.add(*next));
    ASSERT_TRUE(c.appended(log_there, *next, 0, "next"));
    ASSERT_TRUE(c.end(*next, true));
    EXPECT_EQ(c.committed(log_there).back(), "next");
    c.crash();
    EXPECT_EQ(c.committed(log_there).back(), "next");
    EXPECT_EQ(!c.committed(log_here).empty(), there);
}

class ShardTransactionCrash : public ::testing::TestWithParam<std::tuple<bool, bool>> {};

TEST_P(ShardTransactionCrash, AtAnyPositionOfTheTwoLogsLeavesAllOrNothing) {
    const auto [commit, with_checkpoint] = GetParam();
    TransactionCluster whole;
    ASSERT_TRUE(transact(whole, commit).ended);
    const std::uint64_t here_max = whole.sides[0].host.last_lsn;
    const std::uint64_t there_max = whole.sides[1].host.last_lsn;
    ASSERT_GE(here_max, 6u);
    ASSERT_GE(there_max, 4u);
    for (std::uint64_t here = 0; here <= here_max; ++here) {
        for (std::uint64_t there = 0; there <= there_max; ++there) {
            SCOPED_TRACE(std::to_string(here) + " entries are durable here, " + std::to_string(there) + " there");
            TransactionCluster c;
            c.sides[0].durable_max = here;
            c.sides[1].durable_max = there;
            const Told told = transact(c, commit);
            if (with_checkpoint) c.take_checkpoint();
            crash_and_judge(c, commit, told);
            if (::testing::Test::HasFailure()) return;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Ends, ShardTransactionCrash, ::testing::Combine(::testing::Bool(), ::testing::Bool()));

TEST(ShardTransactionRecovery, AnOpenOneGoesOnAfterACrash) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "a"));
    c.crash();
    ASSERT_TRUE(c.appended(log_here, p, 1, "b"));
    ASSERT_TRUE(c.appended(log_there, p, 0, "c")) << "it has nothing of the transaction yet";
    ASSERT_TRUE(c.commit_offset(p, 7));
    ASSERT_TRUE(c.end(p, true));
    EXPECT_THAT(c.committed(log_here), ElementsAre("a", "b"));
    EXPECT_THAT(c.committed(log_there), ElementsAre("c"));
    EXPECT_EQ(c.offset(), Offset(7));
}

TEST(ShardTransactionRecovery, ASnapshotKeepsWhatWasAbortedAndWhatIsOpen) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "gone"));
    ASSERT_TRUE(c.end(p, false));
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 1, "open"));
    ASSERT_TRUE(c.commit_offset(p, 9));
    c.take_checkpoint();
    c.crash();
    EXPECT_THAT(c.committed(log_here), IsEmpty());
    EXPECT_EQ(c.slice(log_here, true).stable_end, Offset(2));
    ASSERT_TRUE(c.end(p, true));
    EXPECT_THAT(c.committed(log_here), ElementsAre("open"));
    EXPECT_THAT(c.consumed(log_here), ElementsAre("open"));
    EXPECT_EQ(c.offset(), Offset(9));
}

TEST(ShardTransactionRecovery, WhatWasAbortedIsForgottenWithItsRecords) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "gone"));
    ASSERT_TRUE(c.end(p, false));
    ASSERT_TRUE(c.appended(log_here, {}, -1, "kept"));
    const std::size_t before = c.sides[0].shard->snapshot().size();
    c.send(0, TrimLog{log_here, Offset(2)});
    c.settle();
    EXPECT_LT(c.sides[0].shard->snapshot().size() + 8, before);
    EXPECT_EQ(c.slice(log_here, true).outcome, LogOutcome::out_of_range);
    EXPECT_THAT(c.consumed(log_here), ElementsAre("kept"));
}

TEST(ShardTransactionRecovery, TimesAreFoundAmongWhatIsCommittedAndMarkersAreNoRecords) {
    TransactionCluster c;
    const ProducerEpoch p = c.open().value();
    ASSERT_TRUE(c.add(p));
    ASSERT_TRUE(c.appended(log_here, p, 0, "a"));
    const auto find = [&](bool committed_only) {
        const RequestId request = c.send(0, FindOffset{log_here, OffsetQuery::at_time, c.now.wall, committed_only});
        c.settle();
        return c.find<OffsetFound>(request)->offset;
    };
    EXPECT_EQ(find(false), Offset(0));
    EXPECT_EQ(find(true), std::nullopt);
    ASSERT_TRUE(c.end(p, true));
    EXPECT_EQ(find(true), Offset(0));
    c.now.wall.ms += 10;
    EXPECT_EQ(find(false), std::nullopt);
}

}  // namespace
}  // namespace fantail::broker::testing

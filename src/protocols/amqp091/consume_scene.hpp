// SPDX-License-Identifier: Apache-2.0
//! For tests: a connection with a queue and what its consumers are given.
#pragma once

#include <gmock/gmock.h>

#include "protocols/amqp091/reply_to.hpp"
#include "protocols/amqp091/session_scene.hpp"
#include "record/deaths.hpp"

namespace fantail::amqp091 {

using broker::Deliver;
using broker::Outcome;
using broker::Settle;
using record::Properties;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct ConsumeScene : Scene {
    explicit ConsumeScene(const std::vector<std::string>& capabilities = {"consumer_cancel_notify"}) {
        queue = broker.topology.add_queue("q", 2).id;
        connect(capabilities).open(1);
    }
    QueueId queue;

    /// Messages "m<first>"… of the queue for a consumer.
    Deliver messages(ConsumerId consumer, std::uint64_t first, std::uint32_t count) {
        BatchMaker maker;
        for (std::uint32_t i = 0; i < count; ++i) maker.add("ex", "key", {}, "m" + std::to_string(first + i));
        return {.consumer = consumer, .queue = queue, .first = Offset(first), .count = count, .batch = maker.finish()};
    }
    ConsumeScene& give_messages(ConsumerId consumer, std::uint64_t first, std::uint32_t count) {
        give(messages(consumer, first, count)).turn();
        return *this;
    }
    /// Settlements since the last call: "accept 0-2 5-6".
    std::vector<std::string> settled() {
        static constexpr const char* names[] = {"accept", "reject", "requeue", "release", "unseen"};
        std::vector<std::string> out;
        const auto all = broker.all<Settle>();
        for (std::size_t i = seen_; i < all.size(); ++i) {
            std::string text = names[static_cast<std::size_t>(all[i].outcome)];
            for (const auto& range : all[i].ranges)
                text += " " + std::to_string(range.first.value) + "-" + std::to_string(range.end.value);
            out.push_back(text);
        }
        seen_ = all.size();
        return out;
    }
    /// Windows that queues were told of since the last call: "1: 3", or "1: off", by the consumer's number.
    std::vector<std::string> windows() {
        std::vector<std::string> out;
        const auto all = broker.all<broker::SetFlow>();
        for (; flows_seen_ < all.size(); ++flows_seen_) {
            const broker::SetFlow& flow = all[flows_seen_];
            const std::string number = std::to_string(flow.consumer.value & 0xff);
            out.push_back(number + ": " + (flow.on ? std::to_string(flow.prefetch.value_or(0)) : "off"));
        }
        std::ranges::sort(out);
        return out;
    }

private:
    std::size_t seen_ = 0;
    std::size_t flows_seen_ = 0;
};

inline record::FieldTableView headers_of(const Bytes& properties) {
    return *Properties::parse(properties).value().headers;
}

}  // namespace fantail::amqp091

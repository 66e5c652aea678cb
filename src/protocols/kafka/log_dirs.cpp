// SPDX-License-Identifier: Apache-2.0
//! How much each partition takes: DescribeLogDirs.
#include <map>

#include "protocols/kafka/admin_messages.hpp"
#include "protocols/kafka/exchanges.hpp"
#include "protocols/kafka/topic_names.hpp"

namespace fantail::kafka {

namespace {

/// The one directory. A session does not know its path, so it goes by the name of the setting that holds it.
constexpr std::string_view log_dir = "broker.data_dir";

/// As Kafka's, it leaves out what is not there. What the user may not read is not there to them.
class DescribeLogDirsExchange final : public GatheringExchange<DescribeLogDirsRequest> {
    using GatheringExchange::GatheringExchange;

    struct Log {
        QueueId id;
        std::optional<std::uint64_t> bytes;  ///< absent: it is gone
    };

    void start() override {
        if (request().topics) look_up(*request().topics);
        else look_up_all();
        for (auto& [name, logs] : topics_)
            for (auto& [index, log] : logs) logs_.push_back(&log);
        for (std::size_t i = 0; i < logs_.size(); ++i)
            ask(i, shard_of(logs_[i]->id), broker::DescribeLog{logs_[i]->id});
        asked_all();
    }

    void look_up(const std::vector<DescribeLogDirsRequest::Topic>& wanted) {
        for (const auto& each : wanted) {
            const broker::TopicDefinition* topic = link().catalog().topic(link().vhost(), each.topic);
            if (topic == nullptr || !may_see(*topic)) continue;
            for (const std::int32_t index : each.partitions) look_up(*topic, index);
        }
    }
    void look_up_all() {
        link().catalog().for_each_topic(link().vhost(), [this](const broker::TopicDefinition& topic) {
            if (!may_see(topic)) return;
            for (std::size_t i = 0; i < topic.partitions.size(); ++i) look_up(topic, static_cast<std::int32_t>(i));
        });
    }
    void look_up(const broker::TopicDefinition& topic, std::int32_t index) {
        const QueueId log = partition_of(&topic, index);
        if (log != QueueId()) topics_[topic.name][index].id = log;
    }
    [[nodiscard]] bool may_see(const broker::TopicDefinition& topic) const {
        return link().may(broker::Operation::read, topic.name);
    }

    void take(std::size_t place, broker::Event& event) override {
        const auto& described = std::get<broker::LogDescribed>(event);
        if (described.outcome == broker::LogOutcome::ok) logs_[place]->bytes = described.bytes;
    }

    void finish() override {
        DescribeLogDirsResponse response;
        auto& dir = response.results.emplace_back();
        dir.log_dir = log_dir;
        for (const auto& [name, logs] : topics_) {
            DescribeLogDirsResponse::Topic out;
            out.name = name;
            for (const auto& [index, log] : logs)
                if (log.bytes) out.partitions.push_back({index, static_cast<std::int64_t>(*log.bytes), 0, false});
            if (!out.partitions.empty()) dir.topics.push_back(std::move(out));
        }
        respond(response);
    }

    std::map<std::string, std::map<std::int32_t, Log>> topics_;
    std::vector<Log*> logs_;  ///< of topics_, in the order of the questions
};

}  // namespace

std::unique_ptr<Exchange> make_describe_log_dirs(Link& link, const RequestHeader& header) {
    return std::make_unique<DescribeLogDirsExchange>(link, header);
}

}  // namespace fantail::kafka

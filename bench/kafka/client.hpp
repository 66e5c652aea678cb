// SPDX-License-Identifier: Apache-2.0
//! librdkafka's handles, owned; what goes wrong ends the run.
#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/options.hpp"

namespace fantail::bench::kafka {

using Settings = std::vector<std::pair<std::string, std::string>>;
using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

struct ClientDelete {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
using Client = std::unique_ptr<rd_kafka_t, ClientDelete>;

struct TopicDelete {
    void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using Topic = std::unique_ptr<rd_kafka_topic_t, TopicDelete>;

/// \param opaque given to `delivered`
[[nodiscard]] Client make_producer(const Options& options, const Settings& settings, DeliveryCallback delivered,
                                   void* opaque);
/// Assigned to every partition from its beginning; poll it by its consumer queue.
[[nodiscard]] Client make_consumer(const Options& options, const Settings& settings);
[[nodiscard]] Topic open_topic(rd_kafka_t* client, const Options& options);

/// Makes the topic and returns when its partitions have leaders.
void create_topic(const Options& options);

}  // namespace fantail::bench::kafka

// SPDX-License-Identifier: Apache-2.0
//! Makes librdkafka's handles and the topic.
#include "kafka/client.hpp"

#include <array>

#include "driver/measurement.hpp"
#include "driver/report.hpp"

namespace fantail::bench::kafka {

namespace {

constexpr int admin_timeout_ms = 60'000;

struct ConfDelete {
    void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDelete>;

Conf make_conf(const Options& options, const Settings& settings) {
    Conf conf(rd_kafka_conf_new());
    std::array<char, 512> error{};
    const auto set = [&](const std::string& name, const std::string& value) {
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK)
            fail(error.data());
    };
    set("bootstrap.servers", options.bootstrap());
    set("log_level", "3");
    for (const auto& [name, value] : settings) set(name, value);
    return conf;
}

Client make_client(rd_kafka_type_t type, Conf conf) {
    std::array<char, 512> error{};
    Client client(rd_kafka_new(type, conf.get(), error.data(), error.size()));
    if (!client) fail(error.data());
    [[maybe_unused]] const auto* taken = conf.release();  // the client owns it now
    return client;
}

bool has_leaders(rd_kafka_t* client, const Options& options) {
    const Topic topic = open_topic(client, options);
    const rd_kafka_metadata_t* found = nullptr;
    if (rd_kafka_metadata(client, 0, topic.get(), &found, 5000) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    bool good = found->topic_cnt == 1 && found->topics[0].partition_cnt == static_cast<int>(options.partitions);
    for (int i = 0; good && i < found->topics[0].partition_cnt; ++i) good = found->topics[0].partitions[i].leader >= 0;
    rd_kafka_metadata_destroy(found);
    return good;
}

void ask_for_topic(rd_kafka_t* client, const Options& options) {
    std::array<char, 512> error{};
    rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(options.topic.c_str(), static_cast<int>(options.partitions), 1,
                                                        error.data(), error.size());
    if (wanted == nullptr) fail(error.data());
    for (const std::string& each : options.topic_config) {
        const std::size_t equals = each.find('=');
        if (equals == std::string::npos) fail("--topic-config wants NAME=VALUE");
        rd_kafka_NewTopic_set_config(wanted, each.substr(0, equals).c_str(), each.substr(equals + 1).c_str());
    }
    rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t* admin = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(admin, admin_timeout_ms, error.data(), error.size());
    rd_kafka_CreateTopics(client, &wanted, 1, admin, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, admin_timeout_ms);
    if (event == nullptr) fail("no answer to CreateTopics");
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_event_error_string(event));
    std::size_t count = 0;
    const rd_kafka_topic_result_t** results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1 || rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail("the topic was not made");
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(admin);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
}

}  // namespace

Client make_producer(const Options& options, const Settings& settings, DeliveryCallback delivered, void* opaque) {
    Conf conf = make_conf(options, settings);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), delivered);
    rd_kafka_conf_set_opaque(conf.get(), opaque);
    return make_client(RD_KAFKA_PRODUCER, std::move(conf));
}

Client make_consumer(const Options& options, const Settings& settings) {
    Client client = make_client(RD_KAFKA_CONSUMER, make_conf(options, settings));
    rd_kafka_poll_set_consumer(client.get());
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(static_cast<int>(options.partitions));
    for (std::uint32_t i = 0; i < options.partitions; ++i)
        rd_kafka_topic_partition_list_add(all, options.topic.c_str(), static_cast<int>(i))->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(client.get(), all) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("the partitions were not assigned");
    rd_kafka_topic_partition_list_destroy(all);
    return client;
}

Topic open_topic(rd_kafka_t* client, const Options& options) {
    Topic topic(rd_kafka_topic_new(client, options.topic.c_str(), nullptr));
    if (!topic) fail(rd_kafka_err2str(rd_kafka_last_error()));
    return topic;
}

void create_topic(const Options& options) {
    const Client client = make_client(RD_KAFKA_PRODUCER, make_conf(options, {}));
    ask_for_topic(client.get(), options);
    while (!has_leaders(client.get(), options)) sleep_seconds(0.05);  // the watchdog bounds it
}

}  // namespace fantail::bench::kafka

// SPDX-License-Identifier: Apache-2.0
//! Settings of topics and of the broker: listed, shown, replaced, and changed one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/kafka/session_scene.hpp"

namespace fantail::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::int8_t topic_type = 2;
constexpr std::int8_t broker_type = 4;
constexpr std::int16_t describe_version = 4;
enum : std::int8_t { set_it, remove_it, append_it, subtract_it };

struct Admin : Scene {
    explicit Admin(const Settings& settings = {}) { broker.topics.add_topic("t", 1, settings); }

    DescribeConfigsResponse::Resource describe(const DescribeConfigsRequest::Resource& resource) {
        const DescribeConfigsRequest request{
            .resources = {resource}, .include_synonyms = true, .include_documentation = true};
        return ask<DescribeConfigsResponse>(request, describe_version).results.at(0);
    }
    /// The settings that a change asks the broker for.
    Settings changed(const std::vector<IncrementalAlterConfigsRequest::Config>& configs) {
        send(IncrementalAlterConfigsRequest{{{topic_type, "t", configs}}, false}, 1);
        return take_admin<broker::AlterTopic>().command.settings;
    }
    IncrementalAlterConfigsResponse::Resource refused(const IncrementalAlterConfigsRequest::Resource& resource) {
        auto response = ask<IncrementalAlterConfigsResponse>(IncrementalAlterConfigsRequest{{resource}, false}, 1);
        EXPECT_TRUE(broker.admin.empty());
        return response.responses.at(0);
    }
    ApiError refusal(std::string_view name, std::int8_t operation, std::optional<std::string_view> value) {
        return refused({topic_type, "t", {{name, operation, value}}}).error_code;
    }
};

// --------------------------------------------------------------------------------------------------------------- shown

TEST(KafkaDescribeConfigs, OfATopicAreAllThereAreWithWhereTheyComeFrom) {
    Admin a(Settings{{"retention.ms", "1000"}});
    const auto resource = a.describe({topic_type, "t", std::nullopt});
    EXPECT_EQ(resource.error_code, ApiError::none);
    EXPECT_EQ(resource.configs.size(), topic_settings().size());
    const auto find = [&](std::string_view name) {
        return *std::ranges::find(resource.configs, name, &DescribeConfigsResponse::Config::name);
    };
    EXPECT_EQ(find("retention.ms").value, "1000");
    EXPECT_EQ(find("retention.ms").config_source, 1);
    EXPECT_THAT(find("retention.ms").synonyms, SizeIs(2));
    EXPECT_EQ(find("cleanup.policy").value, "delete");
    EXPECT_EQ(find("cleanup.policy").config_source, 5);
    EXPECT_FALSE(find("cleanup.policy").documentation.value_or("").empty());
}

TEST(KafkaDescribeConfigs, OnlyThoseAskedForAreTold) {
    Admin a;
    const std::vector<std::string_view> keys{"retention.ms", "no.such"};
    const auto resource = a.describe({topic_type, "t", keys});
    ASSERT_THAT(resource.configs, SizeIs(1));
    EXPECT_EQ(resource.configs[0].name, "retention.ms");
}

TEST(KafkaDescribeConfigs, OfTheBrokerCannotBeChanged) {
    Admin a;
    const auto resource = a.describe({broker_type, "1", std::nullopt});
    EXPECT_EQ(resource.error_code, ApiError::none);
    EXPECT_FALSE(resource.configs.empty());
    for (const auto& config : resource.configs) EXPECT_TRUE(config.read_only) << config.name;
    EXPECT_EQ(a.describe({broker_type, "2", std::nullopt}).error_code, ApiError::invalid_request);
}

TEST(KafkaDescribeConfigs, WhatIsNotThereOrHiddenIsRefused) {
    Admin a;
    EXPECT_EQ(a.describe({topic_type, "no", std::nullopt}).error_code, ApiError::unknown_topic_or_partition);
    EXPECT_EQ(a.describe({topic_type, "a/b", std::nullopt}).error_code, ApiError::invalid_topic_exception);
    EXPECT_EQ(a.describe({77, "t", std::nullopt}).error_code, ApiError::invalid_request);
    a.broker.topics.denied = {"read t"};
    EXPECT_EQ(a.describe({topic_type, "t", std::nullopt}).error_code, ApiError::topic_authorization_failed);
}

// -------------------------------------------------------------------------------------------------------------- listed

/// "type:name" of each, or the error's name.
std::vector<std::string> listed(Scene& scene, const std::vector<std::int8_t>& types, std::int16_t version = 1) {
    const auto response = scene.ask<ListConfigResourcesResponse>(ListConfigResourcesRequest{types}, version);
    if (response.error_code != ApiError::none) return {error_name(response.error_code)};
    std::vector<std::string> out;
    for (const auto& each : response.config_resources)
        out.push_back(std::to_string(each.resource_type) + ":" + std::string(each.resource_name));
    return out;
}

TEST(KafkaListConfigResources, AreTheNodeAndTheTopicsThatTheUserMayRead) {
    Admin a;
    a.broker.topics.add_topic("hidden");
    a.broker.topics.denied = {"read hidden"};
    EXPECT_THAT(listed(a, {}), UnorderedElementsAre("2:t", "4:1", "8:1"));
    EXPECT_THAT(listed(a, {topic_type}), UnorderedElementsAre("2:t"));
    EXPECT_THAT(listed(a, {broker_type, broker_type}), UnorderedElementsAre("4:1"));
}

TEST(KafkaListConfigResources, ClientsMetricsAndGroupsHaveNone) {
    Admin a;
    EXPECT_THAT(listed(a, {16, 32}), IsEmpty());
    EXPECT_THAT(listed(a, {}, 0), IsEmpty()) << "version 0 asks for clients' metrics";
}

TEST(KafkaListConfigResources, AnUnknownTypeIsRefused_35) {
    Admin a;
    EXPECT_THAT(listed(a, {topic_type, 1}), UnorderedElementsAre("unsupported_version"));
}

// ------------------------------------------------------------------------------------------------------------- replaced

TEST(KafkaAlterConfigs, ReplacesEverythingThatWasSet) {
    Admin a(Settings{{"retention.ms", "1000"}});
    a.send(AlterConfigsRequest{{{topic_type, "t", {{"retention.bytes", "5"}}}}, false}, 2);
    const auto alter = a.take_admin<broker::AlterTopic>();
    EXPECT_THAT(alter.command.settings, UnorderedElementsAre(Pair("retention.bytes", "5")));
    EXPECT_EQ(alter.command.options.retention_ms, 604'800'000);
    a.give(broker::AdminReply{.request = alter.request});
    EXPECT_EQ(a.response<AlterConfigsResponse>(2).responses.at(0).error_code, ApiError::none);
}

TEST(KafkaAlterConfigs, ACheckAloneChangesNothing) {
    Admin a;
    const AlterConfigsRequest request{{{topic_type, "t", {{"retention.ms", "5"}}}}, true};
    EXPECT_EQ(a.ask<AlterConfigsResponse>(request, 2).responses.at(0).error_code, ApiError::none);
    EXPECT_TRUE(a.broker.admin.empty());
}

TEST(KafkaAlterConfigs, ANullOrARepeatedNameIsRefused_42) {
    Admin a;
    const auto refusal = [&](const std::vector<AlterConfigsRequest::Config>& configs) {
        const AlterConfigsRequest request{{{topic_type, "t", configs}}, false};
        return a.ask<AlterConfigsResponse>(request, 2).responses.at(0).error_code;
    };
    EXPECT_EQ(refusal({{"retention.ms", std::nullopt}}), ApiError::invalid_request);
    EXPECT_EQ(refusal({{"retention.ms", "1"}, {"retention.ms", "2"}}), ApiError::invalid_request);
    EXPECT_TRUE(a.broker.admin.empty());
}

// ---------------------------------------------------------------------------------------------------------- one by one

TEST(KafkaIncrementalAlterConfigs, SetAndRemoveLeaveTheOthersAlone) {
    Admin a(Settings{{"retention.ms", "1000"}, {"segment.ms", "7"}});
    EXPECT_THAT(a.changed({{"retention.ms", set_it, "2000"}}),
                UnorderedElementsAre(Pair("retention.ms", "2000"), Pair("segment.ms", "7")));
    EXPECT_THAT(a.changed({{"retention.ms", remove_it, std::nullopt}}), UnorderedElementsAre(Pair("segment.ms", "7")));
}

TEST(KafkaIncrementalAlterConfigs, ListsGrowFromTheirDefaultAndShrink) {
    EXPECT_THAT(Admin().changed({{"cleanup.policy", append_it, "compact"}}),
                UnorderedElementsAre(Pair("cleanup.policy", "delete,compact")));
    Admin both(Settings{{"cleanup.policy", "compact,delete"}});
    EXPECT_THAT(both.changed({{"cleanup.policy", subtract_it, "delete"}}),
                UnorderedElementsAre(Pair("cleanup.policy", "compact")));
    EXPECT_THAT(both.changed({{"cleanup.policy", append_it, "compact"}}),
                UnorderedElementsAre(Pair("cleanup.policy", "delete,compact")));
}

TEST(KafkaIncrementalAlterConfigs, OnlyListsGrow_40) {
    EXPECT_EQ(Admin().refusal("retention.ms", append_it, "1"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("cleanup.policy", 9, "compact"), ApiError::invalid_config);
}

TEST(KafkaIncrementalAlterConfigs, WrongNamesAndValuesAreRefused_40) {
    EXPECT_EQ(Admin().refusal("no.such", set_it, "1"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("retention.ms", set_it, "-2"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("max.message.bytes", set_it, "1k"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("cleanup.policy", set_it, "shred"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("message.timestamp.type", set_it, "Sundial"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("preallocate", set_it, "maybe"), ApiError::invalid_config);
    EXPECT_EQ(Admin().refusal("segment.bytes", set_it, "9999999999"), ApiError::invalid_config);
}

TEST(KafkaIncrementalAlterConfigs, ANullOrARepeatedNameIsRefused_42) {
    Admin a;
    EXPECT_EQ(a.refusal("retention.ms", set_it, std::nullopt), ApiError::invalid_request);
    EXPECT_EQ(a.refused({topic_type, "t", {{"retention.ms", set_it, "1"}, {"retention.ms", remove_it, {}}}}).error_code,
              ApiError::invalid_request);
}

TEST(KafkaIncrementalAlterConfigs, AResourceThatIsNamedTwiceIsNotChanged_42) {
    Admin a;
    a.broker.topics.add_topic("u");
    const std::vector<IncrementalAlterConfigsRequest::Config> config{{"retention.ms", set_it, "1"}};
    a.send(
        IncrementalAlterConfigsRequest{{{topic_type, "t", config}, {topic_type, "u", config}, {topic_type, "t", {}}}},
        1);
    a.reply_admin();
    const auto response = a.response<IncrementalAlterConfigsResponse>(1);
    std::vector<ApiError> errors;
    for (const auto& each : response.responses) errors.push_back(each.error_code);
    EXPECT_THAT(errors, ElementsAre(ApiError::invalid_request, ApiError::none, ApiError::invalid_request));
}

TEST(KafkaIncrementalAlterConfigs, TheReasonNamesSettingAndValue) {
    Admin a;
    const auto refused = a.refused({topic_type, "t", {{"retention.ms", set_it, "soon"}}});
    EXPECT_THAT(std::string(refused.error_message.value_or("")), HasSubstr("retention.ms"));
}

TEST(KafkaIncrementalAlterConfigs, OnlyTopicsThatTheUserMayConfigureAreChanged) {
    Admin a;
    EXPECT_EQ(a.refused({broker_type, "1", {}}).error_code, ApiError::invalid_request);
    EXPECT_EQ(a.refused({topic_type, "no", {}}).error_code, ApiError::unknown_topic_or_partition);
    a.broker.topics.denied = {"configure t"};
    EXPECT_EQ(a.refusal("retention.ms", set_it, "1"), ApiError::topic_authorization_failed);
}

TEST(KafkaTopicSettings, WithCompactionAloneNeitherAgeNorSizeRemoves) {
    const auto options =
        topic_options({{"cleanup.policy", "compact"}, {"retention.ms", "5"}, {"retention.bytes", "5"}});
    EXPECT_TRUE(options->log.compact);
    EXPECT_TRUE(options->log.keep_all);
    EXPECT_EQ(options->retention_ms, std::nullopt);
    EXPECT_EQ(options->length_bytes_max, std::nullopt);
}

TEST(KafkaTopicSettings, MinusOneIsWithoutLimit) {
    const auto options = topic_options({{"retention.ms", "-1"}, {"retention.bytes", "-1"}});
    EXPECT_EQ(options->retention_ms, std::nullopt);
    EXPECT_EQ(options->length_bytes_max, std::nullopt);
}

}  // namespace
}  // namespace fantail::kafka

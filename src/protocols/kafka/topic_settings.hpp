// SPDX-License-Identifier: Apache-2.0
//! The settings of topics by their Kafka names, and what they are to the engine.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "broker/api/definitions.hpp"

namespace fantail::kafka {

/// The protocol's numbers of a setting's type.
enum class SettingType : std::int8_t { boolean = 1, string = 2, int32 = 3, int16 = 4, int64 = 5, real = 6, list = 7 };

struct TopicSetting {
    std::string_view name;
    SettingType type;
    std::string_view fallback;  ///< in force where a topic sets no other
    std::string_view meaning;
};

/// In the order of their names.
[[nodiscard]] std::span<const TopicSetting> topic_settings();
[[nodiscard]] const TopicSetting* find_topic_setting(std::string_view name);

using Settings = std::vector<std::pair<std::string, std::string>>;

/// What is set, with the fallbacks, as the engine understands it. Errors: malformed (names the setting and its value).
[[nodiscard]] Result<broker::QueueOptions> topic_options(const Settings& set);
/// Of topics that set nothing.
[[nodiscard]] broker::QueueOptions default_topic_options();
/// The value in `set`, or null.
[[nodiscard]] const std::string* find_value(const Settings& set, std::string_view name);

}  // namespace fantail::kafka

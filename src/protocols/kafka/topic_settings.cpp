// SPDX-License-Identifier: Apache-2.0
//! The table of settings, and how their texts are read.
#include "protocols/kafka/topic_settings.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/assert.hpp"

namespace fantail::kafka {

namespace {

constexpr std::int64_t none = -1;

// Those that say how the original lays out its files are kept and shown, and mean nothing here.
constexpr TopicSetting table[] = {
    {"cleanup.policy", SettingType::list, "delete",
     "delete: old records go; compact: the newest of each key stays; both may be given"},
    {"compression.gzip.level", SettingType::int32, "-1", "kept, without effect: batches are stored as they come"},
    {"compression.lz4.level", SettingType::int32, "9", "kept, without effect: batches are stored as they come"},
    {"compression.type", SettingType::string, "producer", "kept, without effect: batches are stored as they come"},
    {"compression.zstd.level", SettingType::int32, "3", "kept, without effect: batches are stored as they come"},
    {"delete.retention.ms", SettingType::int64, "86400000", "how long a null value stays after compaction"},
    {"file.delete.delay.ms", SettingType::int64, "60000", "kept, without effect"},
    {"flush.messages", SettingType::int64, "9223372036854775807",
     "kept, without effect: every acknowledged record is on disk"},
    {"flush.ms", SettingType::int64, "9223372036854775807",
     "kept, without effect: every acknowledged record is on disk"},
    {"follower.replication.throttled.replicas", SettingType::list, "", "kept, without effect"},
    {"index.interval.bytes", SettingType::int32, "4096", "kept, without effect"},
    {"leader.replication.throttled.replicas", SettingType::list, "", "kept, without effect"},
    {"local.retention.bytes", SettingType::int64, "-2", "kept, without effect"},
    {"local.retention.ms", SettingType::int64, "-2", "kept, without effect"},
    {"max.compaction.lag.ms", SettingType::int64, "9223372036854775807", "kept, without effect"},
    {"max.message.bytes", SettingType::int32, "1048588", "larger batches are refused"},
    {"message.timestamp.after.max.ms", SettingType::int64, "3600000", "how far a record's time may lie in the future"},
    {"message.timestamp.before.max.ms", SettingType::int64, "9223372036854775807",
     "how far a record's time may lie in the past"},
    {"message.timestamp.type", SettingType::string, "CreateTime",
     "CreateTime: the producer's; LogAppendTime: of the append"},
    {"min.cleanable.dirty.ratio", SettingType::real, "0.5", "kept, without effect"},
    {"min.compaction.lag.ms", SettingType::int64, "0", "younger records are not compacted"},
    {"min.insync.replicas", SettingType::int32, "1", "kept, without effect: one replica, on disk, is all there is"},
    {"preallocate", SettingType::boolean, "false", "kept, without effect"},
    {"remote.log.copy.disable", SettingType::boolean, "false", "kept, without effect"},
    {"remote.log.delete.on.disable", SettingType::boolean, "false", "kept, without effect"},
    {"remote.storage.enable", SettingType::boolean, "false", "kept, without effect"},
    {"retention.bytes", SettingType::int64, "-1", "a partition's size above which old records go; -1: no limit"},
    {"retention.ms", SettingType::int64, "604800000", "the age at which records go; -1: never"},
    {"segment.bytes", SettingType::int32, "1073741824", "kept, without effect"},
    {"segment.index.bytes", SettingType::int32, "10485760", "kept, without effect"},
    {"segment.jitter.ms", SettingType::int64, "0", "kept, without effect"},
    {"segment.ms", SettingType::int64, "604800000", "kept, without effect"},
    {"unclean.leader.election.enable", SettingType::boolean, "false", "kept, without effect"},
};

std::unexpected<Error> bad(std::string_view name, std::string_view value, std::string_view why) {
    return fail(ErrorCode::malformed, "Invalid value " + std::string(value) + " for configuration " +
                                          std::string(name) + ": " + std::string(why));
}

Result<std::int64_t> read_number(std::string_view name, std::string_view value, std::int64_t least, std::int64_t most) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) return bad(name, value, "not a number");
    if (number < least || number > most)
        return bad(name, value,
                   "Value must be at least " + std::to_string(least) + " and at most " + std::to_string(most));
    return number;
}

Result<void> read_policy(std::string_view value, broker::LogOptions& log) {
    log.keep_all = true;
    for (std::string_view rest = value; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        std::string_view word = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        while (word.starts_with(' ')) word.remove_prefix(1);
        while (word.ends_with(' ')) word.remove_suffix(1);
        if (word == "delete") log.keep_all = false;
        else if (word == "compact") log.compact = true;
        else return bad("cleanup.policy", value, "String must be one of: compact, delete");
    }
    return {};
}

/// Those without effect are checked by their type.
Result<void> check_type(const TopicSetting& setting, std::string_view value) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    switch (setting.type) {
        case SettingType::boolean:
            if (value != "true" && value != "false")
                return bad(setting.name, value, "Expected value to be either true or false");
            return {};
        case SettingType::int16:
        case SettingType::int32:
            FANTAIL_CHECK(read_number(setting.name, value, std::numeric_limits<std::int32_t>::min(),
                                      std::numeric_limits<std::int32_t>::max()));
            return {};
        case SettingType::int64: FANTAIL_CHECK(read_number(setting.name, value, -most - 1, most)); return {};
        case SettingType::string:
        case SettingType::real:
        case SettingType::list: return {};
    }
    return {};
}

Result<void> apply(std::string_view name, std::string_view value, broker::QueueOptions& options) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    broker::LogOptions& log = options.log;
    if (name == "cleanup.policy") return read_policy(value, log);
    if (name == "max.message.bytes") {
        FANTAIL_TRY(const auto bytes, read_number(name, value, 0, std::numeric_limits<std::int32_t>::max()));
        log.batch_bytes_max = static_cast<std::uint32_t>(bytes);
    } else if (name == "retention.ms") {
        FANTAIL_TRY(const auto ms, read_number(name, value, none, most));
        if (ms >= 0) options.retention_ms = ms;
    } else if (name == "retention.bytes") {
        FANTAIL_TRY(const auto bytes, read_number(name, value, none, most));
        if (bytes >= 0) options.length_bytes_max = static_cast<std::uint64_t>(bytes);
    } else if (name == "message.timestamp.type") {
        if (value != "CreateTime" && value != "LogAppendTime")
            return bad(name, value, "String must be one of: CreateTime, LogAppendTime");
        log.append_time = value == "LogAppendTime";
    } else if (name == "message.timestamp.before.max.ms") {
        FANTAIL_TRY(const auto ms, read_number(name, value, 0, most));
        if (ms != most) log.older_max_ms = ms;
    } else if (name == "message.timestamp.after.max.ms") {
        FANTAIL_TRY(const auto ms, read_number(name, value, 0, most));
        if (ms != most) log.newer_max_ms = ms;
    } else if (name == "min.compaction.lag.ms") {
        FANTAIL_TRY(const auto ms, read_number(name, value, 0, most));
        log.compact_after_ms = ms;
    } else if (name == "delete.retention.ms") {
        FANTAIL_TRY(const auto ms, read_number(name, value, 0, most));
        log.tombstone_ms = ms;
    }
    return {};
}

}  // namespace

std::span<const TopicSetting> topic_settings() { return table; }

const TopicSetting* find_topic_setting(std::string_view name) {
    const auto* at = std::ranges::find(table, name, &TopicSetting::name);
    return at == std::end(table) ? nullptr : at;
}

const std::string* find_value(const Settings& set, std::string_view name) {
    const auto at = std::ranges::find(set, name, &std::pair<std::string, std::string>::first);
    return at == set.end() ? nullptr : &at->second;
}

Result<broker::QueueOptions> topic_options(const Settings& set) {
    for (const auto& [name, value] : set) {
        const TopicSetting* setting = find_topic_setting(name);
        if (setting == nullptr) return fail(ErrorCode::malformed, "Unknown topic config name: " + name);
        FANTAIL_CHECK(check_type(*setting, value));
    }
    broker::QueueOptions options;
    for (const TopicSetting& setting : table) {
        const std::string* value = find_value(set, setting.name);
        FANTAIL_CHECK(apply(setting.name, value != nullptr ? std::string_view(*value) : setting.fallback, options));
    }
    if (options.log.keep_all) {
        options.retention_ms.reset();
        options.length_bytes_max.reset();
    }
    return options;
}

broker::QueueOptions default_topic_options() {
    auto options = topic_options({});
    FANTAIL_ASSERT(options.has_value());
    return *std::move(options);
}

}  // namespace fantail::kafka

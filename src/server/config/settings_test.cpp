// SPDX-License-Identifier: Apache-2.0
//! What can be set, what is refused and how the refusal reads, and that the guide page says the same.
#include "server/config/settings.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace fantail::server {
namespace {

using testing::HasSubstr;

/// Writes a configuration file and reads it.
class SettingsFile : public testing::Test {
protected:
    std::vector<std::string> read(const std::string& text) {
        path_ = testing::TempDir() + "fantail_settings_" +
                testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml";
        std::ofstream(path_) << text;
        auto outcome = read_settings(settings_, path_);
        std::remove(path_.c_str());
        return outcome;
    }
    std::string refusal(const std::string& text) {
        const auto outcome = read(text);
        return outcome.empty() ? "(accepted)" : outcome.front();
    }
    Settings settings_ = default_settings();
    std::string path_;
};

TEST_F(SettingsFile, SetsWhatItNamesAndLeavesTheRest) {
    ASSERT_THAT(read("[broker]\ndata_dir = '/tmp/x'\ncores = 3\nsalvage = true\nmemory_high_water = 0.25\n"
                     "[amqp]\nmessage_size_max = '8 MiB'\n[listeners]\namqp = '[::1]:5673'\nhttp = 'off'\n"),
                testing::IsEmpty());
    EXPECT_EQ(settings_.data_dir, "/tmp/x");
    EXPECT_EQ(settings_.cores, 3);
    EXPECT_TRUE(settings_.salvage);
    EXPECT_EQ(settings_.memory_high_water, "0.25");
    EXPECT_EQ(settings_.amqp_message_size_max, 8 << 20);
    ASSERT_EQ(settings_.listeners["amqp"].addresses.size(), 1u);
    EXPECT_EQ(settings_.listeners["amqp"].addresses[0].host, "::1");
    EXPECT_EQ(settings_.listeners["amqp"].addresses[0].port, 5673);
    EXPECT_TRUE(settings_.listeners["amqp"].addresses[0].required);
    EXPECT_FALSE(settings_.listeners["http"].enabled());
    EXPECT_EQ(settings_.amqp_heartbeat_s, 60);
}

TEST_F(SettingsFile, AnUnknownKeyIsRefusedWithItsNameAndPlace) {
    const std::string text = refusal("[broker]\ncores = 1\ncoers = 2\n");
    EXPECT_THAT(text, HasSubstr(path_ + ":3:"));
    EXPECT_THAT(text, HasSubstr("unknown setting 'broker.coers'"));
    EXPECT_THAT(refusal("broker = 1\n"), HasSubstr(":1: unknown setting 'broker'"));
    EXPECT_THAT(refusal("[listeners]\nsqs = '127.0.0.1:9324'\n"), HasSubstr("unknown setting 'listeners.sqs'"));
}

TEST_F(SettingsFile, AValueOutOfRangeIsRefusedWithKeyRangeAndPlace) {
    const std::string text = refusal("[amqp]\n\nchannel_max = 70000\n");
    EXPECT_THAT(text, HasSubstr(path_ + ":3:"));
    EXPECT_THAT(text, HasSubstr("amqp.channel_max"));
    EXPECT_THAT(text, HasSubstr("1 to 65535"));
}

TEST_F(SettingsFile, AValueOfAnotherKindIsRefused) {
    EXPECT_THAT(refusal("[broker]\ndata_dir = ['a']\n"), HasSubstr(":2: setting 'broker.data_dir': not a text"));
    EXPECT_THAT(refusal("[broker]\ncores = 'many'\n"), HasSubstr("broker.cores"));
    EXPECT_THAT(refusal("[broker]\nsalvage = 1\n"), HasSubstr("true or false"));
    EXPECT_THAT(refusal("[broker]\nplacement = 'fast'\n"), HasSubstr("pack, spread"));
}

TEST_F(SettingsFile, WhatIsNoTomlIsRefusedWithItsPlace) {
    EXPECT_THAT(refusal("[broker]\ncores = = 1\n"), HasSubstr(path_ + ":2: what stands here at character"));
}

TEST_F(SettingsFile, EverythingThatIsWrongIsToldAtOnce) {
    EXPECT_THAT(read("[broker]\ncores = 'many'\nbogus = 1\n[amqp]\nchannel_max = 0\n"),
                testing::UnorderedElementsAre(HasSubstr(":2: "), HasSubstr("bogus"), HasSubstr("amqp.channel_max")));
}

TEST_F(SettingsFile, AMissingFileIsNamed) {
    EXPECT_THAT(read_settings(settings_, "/nonexistent/fantail.toml"),
                testing::ElementsAre(HasSubstr("/nonexistent/fantail.toml")));
}

TEST(Settings, EveryDefaultIsInItsOwnRange) {
    const Settings defaults = default_settings();
    for (const SettingInfo& info : setting_infos()) {
        Settings changed = defaults;
        const auto set = set_setting(changed, info.key, setting_text(defaults, info.key));
        EXPECT_TRUE(set.has_value()) << info.key << ": " << (set ? "" : set.error().message);
        EXPECT_EQ(setting_text(changed, info.key), setting_text(defaults, info.key)) << info.key;
    }
    EXPECT_THAT(check_settings(defaults), testing::IsEmpty());
}

TEST(Settings, TheEdgesOfEveryNumericRangeHold) {
    for (const SettingInfo& info : setting_infos()) {
        const std::size_t dots = info.range.find("..");
        const std::string_view low = info.range.substr(0, dots);
        if (dots == std::string_view::npos || info.unit == "share or bytes") continue;
        const std::string_view high = info.range.substr(dots + 2);
        Settings settings = default_settings();
        EXPECT_TRUE(set_setting(settings, info.key, low)) << info.key;
        EXPECT_TRUE(set_setting(settings, info.key, high)) << info.key;
        EXPECT_FALSE(set_setting(settings, info.key, std::to_string(std::stoll(std::string(low)) - 1))) << info.key;
        EXPECT_FALSE(set_setting(settings, info.key, std::to_string(std::stoll(std::string(high)) + 1))) << info.key;
    }
}

TEST(Settings, SizesAreReadAsPeopleWriteThem) {
    EXPECT_EQ(parse_size("1048576").value(), 1048576);
    EXPECT_EQ(parse_size("64 kB").value(), 64'000);
    EXPECT_EQ(parse_size("50MB").value(), 50'000'000);
    EXPECT_EQ(parse_size("1.5 GiB").value(), 1'610'612'736);
    EXPECT_EQ(parse_size("3.0").value(), 3);
    for (const char* bad : {"", "1.5", "MB", "-1", "5 mb", "1e9", "nan", "inf", "99999999 TB", "1 GiB x"})
        EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Settings, AShareHasAPointAndASizeIsNotTiny) {
    Settings settings = default_settings();
    for (const char* good : {"0.0", "0.5", "1.0", "0", "1 MiB", "512MB", "1048576"})
        EXPECT_TRUE(set_setting(settings, "broker.memory_high_water", good)) << good;
    for (const char* bad : {"1", "1.5", "2.0", "1048575", "-1", ""})
        EXPECT_FALSE(set_setting(settings, "broker.memory_high_water", bad)) << bad;
}

TEST(Settings, AnEmptyDataDirectoryAndADirectoryInPlaceOfAFileAreRefused) {
    Settings settings = default_settings();
    settings.data_dir.clear();
    EXPECT_THAT(check_settings(settings), testing::ElementsAre("broker.data_dir is empty"));
    settings.durability = "memory";
    EXPECT_THAT(check_settings(settings), testing::IsEmpty());
    EXPECT_THAT(read_settings(settings, "/tmp"), testing::ElementsAre(HasSubstr("/tmp is a directory")));
}

TEST(Settings, ListenersAreHostAndPortOrOff) {
    Settings settings = default_settings();
    EXPECT_TRUE(set_setting(settings, "listeners.amqps", "0.0.0.0:0"));
    EXPECT_EQ(setting_text(settings, "listeners.amqps"), "0.0.0.0:0");
    EXPECT_TRUE(set_setting(settings, "listeners.amqp", "[::1]:5672"));
    EXPECT_EQ(setting_text(settings, "listeners.amqp"), "[::1]:5672");
    EXPECT_TRUE(set_setting(settings, "listeners.amqp", "127.0.0.1:5672,  [::1]:0"));
    EXPECT_EQ(setting_text(settings, "listeners.amqp"), "127.0.0.1:5672, [::1]:0");
    for (const char* bad : {"5672", "host:", "host:70000", "host:x", "", "host:1,", ",host:1", "host:1, off"})
        EXPECT_FALSE(set_setting(settings, "listeners.amqp", bad)) << bad;
    EXPECT_TRUE(set_setting(settings, "listeners.amqp", "off"));
    EXPECT_EQ(setting_text(settings, "listeners.amqp"), "off");
}

TEST(Settings, WhatDependsOnOtherSettingsIsCheckedTogether) {
    Settings settings = default_settings();
    ASSERT_TRUE(set_setting(settings, "listeners.amqps", "127.0.0.1:5671"));
    EXPECT_THAT(check_settings(settings), testing::ElementsAre(HasSubstr("tls.certificate")));
    settings = default_settings();
    settings.tls_require_client_certificate = true;
    EXPECT_THAT(check_settings(settings), testing::ElementsAre(HasSubstr("tls.client_ca")));
    settings = default_settings();
    settings.auth_default_password.clear();
    EXPECT_THAT(check_settings(settings), testing::ElementsAre(HasSubstr("auth.default_password")));
    settings = default_settings();
    for (auto& [name, listener] : settings.listeners) listener.addresses.clear();
    EXPECT_THAT(check_settings(settings), testing::SizeIs(1));
}

/// A row of the guide's table.
std::string row_of(const SettingInfo& info) {
    const std::string value = setting_text(default_settings(), info.key);
    std::ostringstream row;
    row << "| `" << info.key << "` | " << (value.empty() ? "" : "`" + value + "`") << " | " << info.unit << " | "
        << info.range << " | " << info.about << " |";
    return row.str();
}

TEST(Settings, TheGuidePageSaysTheSame) {
    std::ifstream file(FANTAIL_GUIDE "/configuration.md");
    ASSERT_TRUE(file) << "no " FANTAIL_GUIDE "/configuration.md";
    const std::string page((std::istreambuf_iterator<char>(file)), {});
    std::size_t rows = 0;
    for (std::size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) ++rows;
    EXPECT_EQ(rows, setting_infos().size()) << "rows in the guide's table";
    for (const SettingInfo& info : setting_infos()) EXPECT_THAT(page, HasSubstr("\n" + row_of(info) + "\n"));
}

}  // namespace
}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! What the command line accepts, and what it asks of the broker.
#include "cli/commands.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include <CLI/CLI.hpp>

#include "cli/admin_client.hpp"
#include "cli/arguments.hpp"
#include "cli/publisher.hpp"
#include "cli/table.hpp"
#include "protocols/amqp091/basic_properties.hpp"
#include "record/field_table.hpp"

namespace fantail::cli {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

/// Every subcommand, at every depth.
void for_each_command(const CLI::App& app, const std::function<void(const CLI::App&)>& fn) {
    for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
        fn(*each);
        for_each_command(*each, fn);
    }
}

class Commands : public testing::Test {
protected:
    Commands() { add_commands(app_, exit_code_); }
    CLI::App app_{"test", "fantail"};
    int exit_code_ = 0;
};

TEST_F(Commands, WhatDeclaresAndAddsAlsoGoesByCreate) {
    for_each_command(app_, [](const CLI::App& command) {
        if (command.get_name() != "add" && command.get_name() != "declare") return;
        EXPECT_TRUE(command.check_name("create")) << command.get_parent()->get_name();
    });
}

TEST_F(Commands, EveryCommandExplainsItselfWithAnExample) {
    int commands = 0;
    for_each_command(app_, [&](const CLI::App& command) {
        ++commands;
        EXPECT_FALSE(command.get_description().empty()) << command.get_name();
        const bool is_group = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
        if (is_group) return;
        EXPECT_THAT(command.get_footer(), HasSubstr("fantail ")) << command.get_name();
    });
    EXPECT_GE(commands, 25);
}

TEST_F(Commands, RefuseWhatTheyDoNotKnow) {
    EXPECT_THROW(app_.parse("users add"), CLI::RequiredError);
    EXPECT_THROW(app_.parse("users add x --pasword y"), CLI::ParseError);
    EXPECT_THROW(app_.parse("consume"), CLI::RequiredError);
    EXPECT_THROW(app_.parse("consume --queue q --prefetch 0"), CLI::ValidationError);
    EXPECT_THROW(app_.parse("users add x --password a --password-stdin"), CLI::ExcludesError);
}

TEST_F(Commands, PublishWantsToKnowWhereTo) {
    app_.parse("publish");
    EXPECT_EQ(exit_code_, 1);
    exit_code_ = 0;
    app_.parse("publish --queue q --exchange e");
    EXPECT_EQ(exit_code_, 1);
    exit_code_ = 0;
    app_.parse("publish --queue q --size 10");
    EXPECT_EQ(exit_code_, 1) << "sizes need a count";
}

TEST_F(Commands, SayWhenNoBrokerIsThere) {
    // Port 1 of the loopback is nobody's.
    app_.parse("queues list --admin http://127.0.0.1:1");
    EXPECT_EQ(exit_code_, 1);
    exit_code_ = 0;
    app_.parse("queues --admin http://127.0.0.1:1");  // alone it lists
    EXPECT_EQ(exit_code_, 1);
}

/// A broker that answers as told and remembers what it was asked.
struct ScriptedBroker {
    std::vector<HttpReply> replies;
    std::vector<std::pair<AdminUrl, HttpCall>> calls;
    AdminClient client(AdminTarget target = {}) {
        return AdminClient(std::move(target), [this](const AdminUrl& url, const HttpCall& call) -> Result<HttpReply> {
            calls.emplace_back(url, call);
            if (replies.empty()) return fail(ErrorCode::unavailable, "nothing more to say");
            HttpReply reply = replies.front();
            replies.erase(replies.begin());
            return reply;
        });
    }
};

std::string page(int first, int count) {
    json::array items;
    for (int i = 0; i < count; ++i) items.push_back(json::object{{"n", first + i}});
    return json::serialize(json::object{{"total", 1500}, {"items", items}});
}

TEST(AdminClient, FetchesAllPagesOfAList) {
    ScriptedBroker broker{.replies = {{200, page(0, 10'000)}, {200, page(10'000, 500)}}};
    const auto all = broker.client().list("/api/queues", "vhost=%2F");
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 10'500u);
    EXPECT_EQ(all->at(10'499).at("n").as_int64(), 10'499);
    EXPECT_EQ(broker.calls.at(1).second.target, "/api/queues?offset=10000&limit=10000&vhost=%2F");
}

TEST(AdminClient, RepeatsTheBrokersOwnWords) {
    ScriptedBroker broker{
        .replies = {{404, R"({"error":"Object Not Found","reason":"no queue 'q'"})"}, {502, "<html>"}, {200, "[]"}}};
    EXPECT_EQ(broker.client().remove("/api/queues/%2F/q").error().message, "no queue 'q'");
    EXPECT_THAT(broker.client().get("/x").error().message, HasSubstr("502"));
    EXPECT_THAT(broker.client().list("/x", "").error().message, HasSubstr("no list"));
}

TEST(AdminClient, OptionsBeatTheUrlAndTheUrlBeatsGuest) {
    ScriptedBroker broker{.replies = {{200, ""}, {200, ""}, {200, ""}}};
    (void)broker.client({.url = "http://h:9"}).get("/");
    (void)broker.client({.url = "http://a:b@h:9"}).get("/");
    (void)broker.client({.url = "http://a:b@h:9", .user = "c", .password = "d"}).get("/");
    EXPECT_EQ(broker.calls[0].first.user + broker.calls[0].first.password, "guestguest");
    EXPECT_EQ(broker.calls[1].first.user + broker.calls[1].first.password, "ab");
    EXPECT_EQ(broker.calls[2].first.user + broker.calls[2].first.password, "cd");
}

TEST(AmqpUri, KeepsDefaultsForMissingParts) {
    const auto plain = parse_amqp_uri("amqp://").value();
    EXPECT_EQ(plain.host, "127.0.0.1");
    EXPECT_EQ(plain.port, 5672);
    EXPECT_EQ(plain.vhost, "/");
    const auto full = parse_amqp_uri("amqp://al%40ice:p%2Fw@[::1]:99/a%2Fb").value();
    EXPECT_EQ(full.user, "al@ice");
    EXPECT_EQ(full.password, "p/w");
    EXPECT_EQ(full.host, "::1");
    EXPECT_EQ(full.port, 99);
    EXPECT_EQ(full.vhost, "a/b");
    EXPECT_EQ(parse_amqp_uri("amqp://h/").value().vhost, "/");
    for (const char* bad :
         {"http://h", "h:1", "amqp://h:0", "amqp://h:x", "amqp://h:70000", "amqp://a%zz@h", "amqp://h/%2"})
        EXPECT_FALSE(parse_amqp_uri(bad)) << bad;
    EXPECT_EQ(parse_amqp_uri("amqps://h").error().code, ErrorCode::unsupported);
}

TEST(AdminUrlText, TakesHostPortAndLogin) {
    const auto url = parse_admin_url("http://u:p@h:1").value();
    EXPECT_EQ(url.user + url.password + url.host, "uph");
    EXPECT_EQ(parse_admin_url("http://h/").value().port, 15672);
    for (const char* bad : {"h:1", "http://h/path", "https://h", "http://h:x"})
        EXPECT_FALSE(parse_admin_url(bad)) << bad;
}

TEST(Arguments, AreJsonWhereTheyLookLikeIt) {
    const auto all = parse_arguments({"a=1", "b=true", "c=reject-publish", "d=\"1\"", "e=", "f=x=y"}).value();
    EXPECT_EQ(all.at("a").as_int64(), 1);
    EXPECT_TRUE(all.at("b").as_bool());
    EXPECT_EQ(all.at("c").as_string(), "reject-publish");
    EXPECT_EQ(all.at("d").as_string(), "1");
    EXPECT_EQ(all.at("e").as_string(), "");
    EXPECT_EQ(all.at("f").as_string(), "x=y");
    EXPECT_FALSE(parse_arguments({"novalue"}));
    EXPECT_FALSE(parse_arguments({"=1"}));
}

TEST(Arguments, NamesBecomeOneSegmentEach) {
    EXPECT_EQ(api_path("/api/queues", {"/", "a b"}), "/api/queues/%2F/a%20b");
}

TEST(Table, AlignsTextLeftAndNumbersRight) {
    const auto rows = json::parse(R"([{"n":"é","c":5},{"n":"long name","c":1234567},{"n":"x"}])").as_array();
    EXPECT_EQ(format_table({{"n", "NAME"}, {"c", "COUNT", Show::number}}, rows),
              "NAME           COUNT\né                  5\nlong name  1,234,567\nx\n");
}

TEST(Table, ControlCharactersDoNotReachTheTerminal) { EXPECT_EQ(printable("a\x1b[2Jb\n"), "a?[2Jb?"); }

TEST(HumanNumbers, HaveSeparatorsAndUnits) {
    EXPECT_EQ(human_number(0), "0");
    EXPECT_EQ(human_number(999), "999");
    EXPECT_EQ(human_number(1000), "1,000");
    EXPECT_EQ(human_number(-1234567), "-1,234,567");
    EXPECT_EQ(human_bytes(1023), "1023 B");
    EXPECT_EQ(human_bytes(1536), "1.5 KiB");
    EXPECT_EQ(human_bytes(~0ull), "16384.0 PiB");
}

TEST(ConfirmTally, CountsEachMessageOnceInWhateverOrder) {
    ConfirmTally tally;
    tally.on_confirm(2, false, true, 5);
    tally.on_confirm(2, false, true, 5);
    EXPECT_EQ(tally.accepted(), 1u);
    tally.on_confirm(3, true, true, 5);
    EXPECT_EQ(tally.accepted(), 3u);
    tally.on_confirm(5, false, false, 5);
    EXPECT_EQ(tally.refused(), 1u);
    tally.on_confirm(0, true, true, 5);
    EXPECT_EQ(tally.settled(), 5u);
    tally.on_confirm(9, false, true, 5);
    EXPECT_EQ(tally.settled(), 5u) << "a tag never sent";
}

TEST(MessageProperties, CarryHeadersAndPersistence) {
    PublishOptions options;
    options.headers = {"a=1", "b=x=y"};
    options.persistent = true;
    options.content_type = "text/plain";
    const Bytes bytes = message_properties(options).value();
    const auto properties = amqp091::decode_properties(bytes).value();
    EXPECT_EQ(properties.delivery_mode, 2);
    EXPECT_EQ(properties.content_type, "text/plain");
    EXPECT_EQ(record::FieldTableView(properties.headers).find("b")->as_text(), "x=y");
    options.headers = {"broken"};
    EXPECT_FALSE(message_properties(options));
}

}  // namespace
}  // namespace fantail::cli

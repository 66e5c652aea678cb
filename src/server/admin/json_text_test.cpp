// SPDX-License-Identifier: Apache-2.0
//! Bodies in, arguments out: what is no JSON neither comes in nor goes out.
#include "server/admin/json_text.hpp"

#include <limits>

#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

Bytes arguments_with(double number) {
    record::FieldTableBuilder inner;
    inner.set_double("deep", number);
    const Bytes nested = inner.take();
    record::FieldTableBuilder table;
    table.set_double("x-a", number);
    table.set_table("x-b", record::FieldTableView(nested));
    return table.take();
}

TEST(JsonText, NumbersThatAreNotFiniteAreShownAsTexts_RFC8259_6) {
    const auto shown = [](double number) {
        return json::serialize(json_of(record::FieldTableView(arguments_with(number))));
    };
    EXPECT_EQ(shown(infinite), R"({"x-a":"Infinity","x-b":{"deep":"Infinity"}})");
    EXPECT_EQ(shown(-infinite), R"({"x-a":"-Infinity","x-b":{"deep":"-Infinity"}})");
    EXPECT_EQ(shown(std::numeric_limits<double>::quiet_NaN()), R"({"x-a":"NaN","x-b":{"deep":"NaN"}})");
    EXPECT_EQ(shown(1.5), R"({"x-a":1.5E0,"x-b":{"deep":1.5E0}})");
}

TEST(JsonText, ABodyWithANumberBeyondAllBoundsIsRefusedByTheNameOfItsMember) {
    const auto refusal = [](const std::string& body) {
        const auto parsed = parse_object(body);
        return parsed ? std::string() : parsed.error().message;
    };
    EXPECT_EQ(refusal(R"({"arguments":{"x-a":1e999}})"), "'x-a' must be a finite number");
    EXPECT_EQ(refusal(R"({"properties":{"headers":{"h":[1,{"deep":[-1e999]}]}}})"), "'deep' must be a finite number");
    EXPECT_EQ(refusal(R"({"arguments":{"x-a":1e308}})"), "");
    EXPECT_NE(refusal(R"({"x-a":Infinity})"), "") << "as we wrote it once: no JSON";
}

TEST_F(Admin, AQueueWithAnInfiniteArgumentIsListedAndItsExportImported) {
    broker::QueueDefinition queue;
    queue.id = QueueId(100);
    queue.vhost = VhostId(1);
    queue.name = "q";
    queue.arguments = arguments_with(infinite);
    apply(broker::QueuePut{queue});
    backend_.figures.push_back({.queue = queue.id});
    const Answer list = ask("GET", "/api/queues");
    EXPECT_EQ(list.body.at(0).at("arguments").at("x-a").as_string(), "Infinity");
    const std::string exported = json::serialize(ask("GET", "/api/definitions").body.at("queues"));
    apply(broker::QueueRemoved{queue.id});
    (void)ask("POST", "/api/definitions", R"({"queues":)" + exported + "}");
    const record::FieldTableView made(command<broker::DeclareQueue>().arguments);
    EXPECT_EQ(made.find("x-a")->as_text(), "Infinity");
    EXPECT_EQ(reply().status, 204);
}

TEST_F(Admin, ADeclarationWithANumberBeyondAllBoundsReachesNobody) {
    const Answer refused = ask("PUT", "/api/queues/%2F/x", R"({"arguments":{"x-a":1e999}})");
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body.at("error").as_string(), "bad_request");
    EXPECT_EQ(refused.error(), "'x-a' must be a finite number");
    EXPECT_TRUE(host_.commands.empty());
}

}  // namespace
}  // namespace fantail::server

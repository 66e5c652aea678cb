// SPDX-License-Identifier: Apache-2.0
//! Paths of RabbitMQ's management API that its tools ask for now and then.
#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

class RarePaths : public Admin {
protected:
    RarePaths() {
        apply(broker::VhostPut{{.id = VhostId(2), .name = "shop", .queues_max = 9}});
        apply(broker::TopicPermissionPut{{"plain", VhostId(2), "amq.topic", "w", "r"}});
        apply(broker::PermissionPut{{"admin", VhostId(2), ".*", ".*", ".*"}});
        backend_.connections.push_back({.id = ConnectionId(7), .session = {.user = "plain", .vhost = "shop"}});
        backend_.connections.push_back({.id = ConnectionId(8), .session = {.user = "admin", .vhost = "/"}});
    }
    std::size_t length(const std::string& path) { return ask("GET", path).body.as_array().size(); }
};

TEST_F(RarePaths, TopicPermissionsAreListedByUserAndByVhost) {
    EXPECT_EQ(length("/api/users/plain/topic-permissions"), 1u);
    EXPECT_EQ(length("/api/users/admin/topic-permissions"), 0u);
    EXPECT_EQ(length("/api/vhosts/shop/topic-permissions"), 1u);
    EXPECT_EQ(length("/api/topic-permissions/shop/plain"), 1u);
    EXPECT_EQ(length("/api/topic-permissions/%2F/plain"), 0u);
    EXPECT_EQ(ask("GET", "/api/topic-permissions/shop/none").status, 404);
    EXPECT_EQ(ask("GET", "/api/users/none/topic-permissions").status, 404);
}

TEST_F(RarePaths, ConnectionsAreListedAndClosedByUser) {
    EXPECT_EQ(length("/api/connections/username/plain"), 1u);
    EXPECT_EQ(length("/api/connections/username/none"), 0u);
    EXPECT_EQ(ask("DELETE", "/api/connections/username/plain").status, 204);
    EXPECT_EQ(backend_.closed, ConnectionId(7));
    apply(broker::UserPut{{.name = "limited", .password_hash = Bytes(4), .tags = {"management"}}});
    const std::string limited = http::basic_authorization("limited", "right");
    EXPECT_EQ(ask("GET", "/api/connections/username/plain", "", limited).status, 401);
    EXPECT_EQ(ask("DELETE", "/api/connections/username/plain", "", limited).status, 401);
    EXPECT_EQ(ask("GET", "/api/connections/username/limited", "", limited).status, 200);
}

TEST_F(RarePaths, TheDetailedListOfQueuesIsTheList) {
    add_queue(100, "q", 1);
    EXPECT_EQ(length("/api/queues/detailed"), 1u);
    EXPECT_EQ(ask("GET", "/api/queues/detailed?page=1").body.at("item_count").to_number<int>(), 1);
}

TEST_F(RarePaths, TheNodeTellsItsMemoryAndWhatItLacks) {
    EXPECT_EQ(ask("GET", "/api/nodes/fantail%40here/memory").body.at("memory").at("total").at("rss").to_number<int>(),
              1000);
    EXPECT_EQ(ask("GET", "/api/nodes/other/memory").status, 404);
    EXPECT_EQ(json::serialize(ask("GET", "/api/feature-flags").body), "[]");
    EXPECT_EQ(json::serialize(ask("GET", "/api/extensions").body), "[]");
    EXPECT_EQ(json::serialize(ask("GET", "/api/auth").body), R"({"oauth_enabled":false})");
}

TEST_F(RarePaths, ChecksOfOneNodeAreThoseOfItsService) {
    const std::string checks = "/api/health/checks/";
    const std::string leaders = checks + "quorum-queues-without-elected-leaders/";
    EXPECT_EQ(ask("GET", checks + "below-node-connection-limit").status, 200);
    EXPECT_EQ(ask("GET", leaders + "all-vhosts").status, 200);
    EXPECT_EQ(ask("GET", leaders + "all-vhosts/pattern/.*").status, 200);
    EXPECT_EQ(ask("GET", leaders + "vhost/shop/pattern/.*").status, 200);
    EXPECT_EQ(ask("GET", leaders + "vhost/none").status, 404);
    backend_.log_state = storage::LogState::failed;
    EXPECT_EQ(ask("GET", leaders + "all-vhosts").status, 503);
}

TEST_F(RarePaths, TheDefinitionsOfOneVhostDoNotNameIt) {
    add_queue(100, "elsewhere", 1);
    apply(broker::ExchangePut{{.id = ExchangeId(2), .vhost = VhostId(2), .name = "e", .type_name = "direct"}});
    const json::object shop = ask("GET", "/api/definitions/shop").body.as_object();
    EXPECT_EQ(shop.at("original_vhost_name").as_string(), "shop");
    EXPECT_EQ(shop.at("queues").as_array().size(), 0u);
    EXPECT_EQ(shop.at("exchanges").at(0).at("name").as_string(), "e");
    EXPECT_FALSE(shop.at("exchanges").at(0).as_object().contains("vhost"));
    EXPECT_EQ(shop.at("parameters").as_array().size(), 1u);
    EXPECT_FALSE(shop.contains("users"));
    EXPECT_EQ(ask("GET", "/api/definitions/none").status, 404);
}

TEST_F(RarePaths, TheDefinitionsOfOneVhostGoIntoTheOneOfThePath) {
    EXPECT_EQ(ask("POST", "/api/definitions/none", "{}").status, 404);
    (void)ask("POST", "/api/definitions/shop",
              R"({"users":[{"name":"u"}],"vhosts":[{"name":"v"}],"queues":[{"name":"q","durable":true},
                  {"name":"r","vhost":"/"}]})");
    ASSERT_EQ(host_.commands.size(), 2u) << "users and vhosts are not of a vhost";
    EXPECT_EQ(std::get<broker::DeclareQueue>(host_.commands[0]).vhost, VhostId(2));
    EXPECT_EQ(std::get<broker::DeclareQueue>(host_.commands[1]).vhost, VhostId(2));
}

TEST_F(RarePaths, ABodyInATransferCodingThatIsNotKnownIsNotCarriedOut_501) {
    const Answer refused = parse(say("PUT /api/queues/%2F/q HTTP/1.1\r\nHost: h\r\nAuthorization: " + admin_login +
                                     "\r\nTransfer-Encoding: gzip\r\n\r\n"));
    EXPECT_EQ(refused.status, 501);
    EXPECT_TRUE(host_.commands.empty());
    EXPECT_TRUE(host_.closed);
}

}  // namespace
}  // namespace fantail::server

// SPDX-License-Identifier: Apache-2.0
//! Limits of vhosts and users by their own paths, as RabbitMQ's management API has them.
#include <gtest/gtest.h>

#include "server/admin/admin_scene.hpp"

namespace fantail::server {
namespace {

class Limits : public Admin {
protected:
    Limits() {
        apply(broker::VhostPut{{.id = VhostId(2), .name = "shop", .connections_max = 7, .queues_max = 9}});
        apply(broker::UserPut{{.name = "alice", .password_hash = Bytes(4), .connections_max = 3}});
    }
    /// The command that a request leads to.
    template <class Command>
    Command asked_for(const std::string& method, const std::string& path, const std::string& body) {
        (void)ask(method, path, body);
        const Command asked = command<Command>();
        host_.commands.clear();
        EXPECT_EQ(reply().status, 204);
        return asked;
    }
    broker::VhostDefinition vhost_after(const std::string& method, const std::string& path, const std::string& body) {
        return asked_for<broker::PutVhost>(method, path, body).definition;
    }
};

TEST_F(Limits, AreListedWhereThereAreAny) {
    EXPECT_EQ(json::serialize(ask("GET", "/api/vhost-limits").body),
              R"([{"vhost":"shop","value":{"max-connections":7,"max-queues":9}}])");
    EXPECT_EQ(ask("GET", "/api/vhost-limits/shop").body.as_array().size(), 1u);
    EXPECT_EQ(ask("GET", "/api/vhost-limits/%2F").body.as_array().size(), 0u);
    EXPECT_EQ(ask("GET", "/api/vhost-limits/none").status, 404);
    EXPECT_EQ(json::serialize(ask("GET", "/api/user-limits").body),
              R"([{"user":"alice","value":{"max-connections":3}}])");
    EXPECT_EQ(ask("GET", "/api/user-limits/admin").body.as_array().size(), 0u);
    EXPECT_EQ(ask("GET", "/api/user-limits/none").status, 404);
}

TEST_F(Limits, OfAVhostChangeOneAtATime) {
    const auto changed = vhost_after("PUT", "/api/vhost-limits/shop/max-queues", R"({"value": 5})");
    EXPECT_EQ(changed.queues_max, 5u);
    EXPECT_EQ(changed.connections_max, 7u) << "the other stays";
    EXPECT_EQ(vhost_after("PUT", "/api/vhost-limits/shop/max-queues", R"({"value": -1})").queues_max, std::nullopt);
    const auto without = vhost_after("DELETE", "/api/vhost-limits/shop/max-connections", "");
    EXPECT_EQ(without.connections_max, std::nullopt);
    EXPECT_EQ(without.queues_max, 9u);
}

TEST_F(Limits, OfAVhostStayWhenItsDefinitionNamesOthers) {
    const auto changed = vhost_after("PUT", "/api/vhosts/shop", R"({"limits": {"max-queues": 2}})");
    EXPECT_EQ(changed.queues_max, 2u);
    EXPECT_EQ(changed.connections_max, 7u);
}

TEST_F(Limits, OfAUserChangeOneAtATimeAndThePasswordStays) {
    const auto set = asked_for<broker::PutUser>("PUT", "/api/user-limits/alice/max-channels", R"({"value": 11})");
    EXPECT_EQ(set.definition.channels_max, 11u);
    EXPECT_EQ(set.definition.connections_max, 3u);
    EXPECT_TRUE(set.keep_password);
    const auto removed = asked_for<broker::PutUser>("DELETE", "/api/user-limits/alice/max-connections", "");
    EXPECT_EQ(removed.definition.connections_max, std::nullopt);
}

TEST_F(Limits, RefuseWhatIsNoLimit_400_404) {
    EXPECT_EQ(ask("PUT", "/api/vhost-limits/shop/max-fun", R"({"value": 5})").status, 400);
    EXPECT_EQ(ask("PUT", "/api/vhost-limits/shop/max-queues", "{}").status, 400);
    EXPECT_EQ(ask("PUT", "/api/vhost-limits/shop/max-queues", R"({"value": "5 "})").status, 400);
    EXPECT_EQ(ask("PUT", "/api/vhost-limits/none/max-queues", R"({"value": 5})").status, 404);
    EXPECT_EQ(ask("PUT", "/api/user-limits/alice/max-queues", R"({"value": 5})").status, 400);
    EXPECT_EQ(ask("DELETE", "/api/user-limits/none/max-channels").status, 404);
    EXPECT_TRUE(host_.commands.empty());
}

}  // namespace
}  // namespace fantail::server

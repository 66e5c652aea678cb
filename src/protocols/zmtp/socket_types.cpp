// SPDX-License-Identifier: Apache-2.0
//! The table of socket types.
#include "protocols/zmtp/socket_types.hpp"

#include <algorithm>
#include <array>

namespace fantail::zmtp {

namespace {
struct Row {
    Kind kind;
    std::string_view name;
    std::array<std::string_view, 3> peers;
};
constexpr std::array<Row, 17> rows{{
    {Kind::pair, "PAIR", {"PAIR"}},
    {Kind::publisher, "PUB", {"SUB", "XSUB"}},
    {Kind::subscriber, "SUB", {"PUB", "XPUB"}},
    {Kind::requester, "REQ", {"REP", "ROUTER"}},
    {Kind::replier, "REP", {"REQ", "DEALER"}},
    {Kind::dealer, "DEALER", {"REP", "DEALER", "ROUTER"}},
    {Kind::router, "ROUTER", {"REQ", "DEALER", "ROUTER"}},
    {Kind::pull, "PULL", {"PUSH"}},
    {Kind::push, "PUSH", {"PULL"}},
    {Kind::xpublisher, "XPUB", {"SUB", "XSUB"}},
    {Kind::xsubscriber, "XSUB", {"PUB", "XPUB"}},
    {Kind::client, "CLIENT", {"SERVER"}},
    {Kind::server, "SERVER", {"CLIENT"}},
    {Kind::radio, "RADIO", {"DISH"}},
    {Kind::dish, "DISH", {"RADIO"}},
    {Kind::lane_sender, "PUSH", {"PULL"}},
    {Kind::lane_receiver, "PULL", {"PUSH"}},
}};

const Row& row_of(Kind kind) { return *std::ranges::find(rows, kind, &Row::kind); }
}  // namespace

bool has_socket_type(Kind kind) { return std::ranges::find(rows, kind, &Row::kind) != rows.end(); }

std::string_view socket_type(Kind kind) { return row_of(kind).name; }

bool may_talk(Kind ours, std::string_view theirs) {
    const auto& peers = row_of(ours).peers;
    return !theirs.empty() && std::ranges::find(peers, theirs) != peers.end();
}

bool has_identity(Kind kind) { return kind == Kind::requester || kind == Kind::dealer || kind == Kind::router; }

bool takes_subscriptions(Kind kind) { return kind == Kind::publisher || kind == Kind::xpublisher; }

bool has_groups(Kind kind) { return kind == Kind::radio || kind == Kind::dish; }

bool takes_parts(Kind kind) { return kind != Kind::client && kind != Kind::server; }

}  // namespace fantail::zmtp

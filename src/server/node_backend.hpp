// SPDX-License-Identifier: Apache-2.0
//! The administration interface's view of a running node.
#pragma once

#include "server/admin/backend.hpp"
#include "server/server_state.hpp"

namespace fantail::runtime {
class Node;
}

namespace fantail::server {

/// Shared by the admin sessions of all cores. Gathers by messages between cores; holds nothing of its own.
class NodeBackend final : public AdminBackend {
public:
    /// `state` outlives it.
    explicit NodeBackend(const ServerState& state) : state_(state) {}
    /// Call before the node starts; it outlives all sessions.
    void set_node(runtime::Node& node) { node_ = &node; }

    [[nodiscard]] const broker::Catalog& catalog(CoreId core) const override;
    [[nodiscard]] ProcessReport process() const override;
    [[nodiscard]] const NodeFacts& facts() const override { return state_.facts; }
    [[nodiscard]] std::vector<ListenerRow> listeners() const override;
    void list_queues(Asker asker, std::optional<VhostId> vhost,
                     std::function<void(std::vector<broker::QueueDefinitionRef>)> done) override;
    void list_exchanges(Asker asker, std::optional<VhostId> vhost,
                        std::function<void(std::vector<ExchangeRow>)> done) override;
    void list_bindings(Asker asker, std::optional<VhostId> vhost,
                       std::function<void(std::vector<broker::BindingDefinition>)> done) override;
    void gather_queues(Asker asker, Wanted wanted,
                       std::function<void(std::vector<broker::QueueFigures>)> done) override;
    void gather_connections(Asker asker, bool with_details,
                            std::function<void(std::vector<ConnectionRow>)> done) override;
    void gather_reports(Asker asker, ReportScope scope, std::function<void(std::vector<CoreReport>)> done) override;
    void calculate(Asker asker, std::move_only_function<void()> work, std::function<void()> done) override;
    void close_connection(Asker asker, ConnectionId id, std::string reason, std::function<void(bool)> done) override;

private:
    const ServerState& state_;
    runtime::Node* node_ = nullptr;
};

}  // namespace fantail::server

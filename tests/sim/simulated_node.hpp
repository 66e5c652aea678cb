// SPDX-License-Identifier: Apache-2.0
//! A whole node in one thread: real cores on simulated machines, started, stopped, killed and started again.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock_step.hpp"
#include "runtime/core.hpp"
#include "runtime/core_host.hpp"
#include "sim/simulated_machine.hpp"
#include "storage/local/options.hpp"

namespace fantail::sim {

/// How a node ends.
enum class Ending : std::uint8_t {
    stop,       ///< on demand: everything is written out
    kill,       ///< the process is gone, the machine goes on
    power_off,  ///< the machine is gone: unsynced writes may be lost or torn
};

/// What a node is made of; drawn from the seed.
struct NodeShape {
    std::uint16_t cores = 1;
    std::uint16_t shards = 1;
    storage::LocalOptions log;
    std::uint64_t tail_cache_bytes = 64u << 10;
    broker::GroupLimits groups;
};

class SimulatedNode final : public runtime::CoreHost {
public:
    /// \param on_down called with how, at the moment at which a node is gone
    SimulatedNode(World& world, Disk& disk, NodeShape shape, std::function<void(Ending)> on_down);
    ~SimulatedNode() override;

    /// Recovers from the disk and serves. A failure of it fails the world, unless the disk was damaged on purpose.
    void start();
    /// Ends it. A stop takes its time; on_down is called at the end of it.
    void end(Ending how);
    [[nodiscard]] bool running() const { return !cores_.empty() && !stopping_; }
    [[nodiscard]] bool gone() const { return cores_.empty(); }
    /// Counts starts and ends.
    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    /// No core runs for so long.
    void pause(std::int64_t for_ns);
    /// The disk lies about what it stored: what the broker notices of that is no failure.
    void expect_damage() { damage_expected_ = true; }

    /// A new connection; null if nobody listens.
    [[nodiscard]] std::shared_ptr<Link> connect(LinkQuality quality);
    /// Connections that are not known to be over.
    [[nodiscard]] std::vector<std::shared_ptr<Link>> links();
    [[nodiscard]] std::vector<broker::QueueFigures> figures() const;
    /// Lays a policy over the vhost, as an operator would. REQUIRES running().
    void put_policy(broker::PolicyDefinition policy);
    /// Memory is within its bounds; fails the world if not.
    void check_memory();
    [[nodiscard]] const broker::Catalog& catalog() const { return cores_.front()->catalog(); }

    // CoreHost
    [[nodiscard]] runtime::NodeLayout layout() const override { return {shape_.cores, shape_.shards}; }
    [[nodiscard]] const broker::ControllerOptions& controller_options() const override { return controller_; }
    [[nodiscard]] runtime::Core& core(CoreId id) override { return *cores_[id.value]; }
    [[nodiscard]] Result<std::unique_ptr<storage::ShardLog>> open_log(ShardId shard, sys::Files& files,
                                                                      storage::LogListener& listener,
                                                                      storage::RecoverySink& sink) override;
    [[nodiscard]] runtime::LoginCheck check_login(const broker::UserDefinition* user, std::string_view password,
                                                  const protocols::PeerInfo& peer) override;
    void log_state_changed(ShardId shard, storage::LogState state, const Error& reason) override;

private:
    static constexpr std::int64_t no_turn = INT64_MAX;

    Result<void> recover();
    void request_turn(std::size_t core, std::int64_t time_ns);
    void take_turn(std::size_t core);
    void watch_clock();
    void finish_stop();
    void tear_down(Ending how);
    void damage_found(const std::string& what);

    World& world_;
    Disk& disk_;
    NodeShape shape_;
    std::function<void(Ending)> on_down_;
    Random random_;
    broker::ControllerOptions controller_;
    std::shared_ptr<const runtime::ListenerConfig> listener_;
    std::vector<std::unique_ptr<SimulatedMachine>> machines_;
    std::vector<std::unique_ptr<runtime::Core>> cores_;
    std::vector<std::int64_t> turn_at_;
    std::vector<std::weak_ptr<Link>> links_;
    ClockStep wall_clock_;
    std::uint64_t incarnation_ = 0;
    std::uint64_t connections_ = 0;
    std::int64_t paused_until_ = 0;
    bool stopping_ = false;
    bool damage_expected_ = false;
};

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! A broker process: its cores, their threads, its data directory and its listeners.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker/controller.hpp"
#include "broker/transactions/transaction_table.hpp"
#include "runtime/core_host.hpp"
#include "runtime/data_dir.hpp"
#include "runtime/descriptor_budget.hpp"
#include "runtime/listener_config.hpp"
#include "runtime/messages.hpp"
#include "runtime/real_machine.hpp"
#include "sys/listener.hpp"

namespace fantail::runtime {

enum class Placement : std::uint8_t {
    pack,    ///< fill a core before using the next: messages that stay on one core are cheapest
    spread,  ///< always the core with the fewest connections
};

struct NodeOptions {
    std::string data_dir;      ///< empty: everything in memory
    std::uint16_t cores = 1;   ///< 1..limits::cores_max
    std::uint16_t shards = 0;  ///< of a new data directory; 0: as many as cores
    Placement placement = Placement::pack;
    bool salvage = false;               ///< go on behind damaged places of the journal, reporting them
    std::uint64_t descriptors_max = 0;  ///< that the process may open; 0: no bound
    std::vector<ListenerConfig> listeners;
    broker::ControllerOptions controller;
    broker::TransactionLimits transactions;
    /// Called on any core.
    std::function<LoginCheck(const broker::UserDefinition*, std::string_view password, const protocols::PeerInfo&)>
        check_login;
    /// A line for the operator; called on any core.
    std::function<void(const std::string&)> report;
};

/// Where a listener ended up.
struct BoundListener {
    std::string name;
    std::string host;
    std::uint16_t port = 0;
};

/// Owned by main. start() and stop() belong to the thread that made it; the rest may be called from any core.
class Node final : public CoreHost {
public:
    explicit Node(NodeOptions options);
    ~Node() override;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Locks the data directory, recovers, starts the cores and opens the listeners. Errors: unavailable (another process
    /// has the directory, a port is taken), corrupt (what and where), io.
    [[nodiscard]] Result<void> start();
    /// Closes connections, writes everything out, joins the threads. Idempotent.
    void stop();

    [[nodiscard]] const std::vector<BoundListener>& listeners() const { return bound_; }
    [[nodiscard]] std::size_t core_count() const { return options_.cores; }
    /// Runs `task` on a core's thread, soon. From any thread that is not a core; cores use Core::post.
    void run_on(CoreId core, CoreTask task);

    // CoreHost
    [[nodiscard]] NodeLayout layout() const override { return {options_.cores, shards_}; }
    [[nodiscard]] const broker::ControllerOptions& controller_options() const override { return options_.controller; }
    [[nodiscard]] broker::TransactionLimits transaction_limits() const override { return options_.transactions; }
    [[nodiscard]] Core& core(CoreId id) override { return *cores_[id.value]; }
    [[nodiscard]] Result<std::unique_ptr<storage::ShardLog>> open_log(ShardId shard, sys::Files& files,
                                                                      storage::LogListener& listener,
                                                                      storage::RecoverySink& sink) override;
    [[nodiscard]] LoginCheck check_login(const broker::UserDefinition* user, std::string_view password,
                                         const protocols::PeerInfo& peer) override;
    void log_state_changed(ShardId shard, storage::LogState state, const Error& reason) override;

private:
    Result<void> open_data_dir();
    Result<void> recover_cores();
    Result<void> open_listeners();
    void place(sys::Fd fd, std::shared_ptr<const ListenerConfig> listener);
    [[nodiscard]] CoreId choose_core() const;
    void refuse(const sys::Fd& fd);
    void report(const std::string& line);

    NodeOptions options_;
    std::uint16_t shards_ = 1;
    DataDir data_dir_;
    DescriptorBudget descriptors_;
    std::uint64_t refused_ = 0;  ///< connections, since this was last reported
    MonoTime refusals_reported_{std::numeric_limits<std::int64_t>::min() / 2};
    std::unique_ptr<RealMachine> start_machine_;          ///< of the starting thread: for the lock and the shard count
    std::vector<std::unique_ptr<RealMachine>> machines_;  ///< by core
    std::vector<std::unique_ptr<Core>> cores_;
    std::vector<std::thread> threads_;
    std::vector<sys::Listener> accepting_;
    std::vector<BoundListener> bound_;
    std::mutex report_mutex_;
    bool running_ = false;
};

}  // namespace fantail::runtime

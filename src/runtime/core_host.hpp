// SPDX-License-Identifier: Apache-2.0
//! What a core may ask of the node it is part of.
#pragma once

#include <memory>
#include <string_view>

#include "base/ids.hpp"
#include "broker/controller.hpp"
#include "broker/transactions/transaction_table.hpp"
#include "protocols/session.hpp"
#include "runtime/login_checks.hpp"
#include "storage/engine.hpp"
#include "sys/files.hpp"

namespace fantail::runtime {

class Core;

/// How many cores share how many shards; fixed while a node runs.
struct NodeLayout {
    std::uint16_t cores = 1;
    std::uint16_t shards = 1;
    [[nodiscard]] CoreId core_of(ShardId shard) const {
        return CoreId(static_cast<std::uint16_t>(shard.value % cores));
    }
};

/// Called on any core.
class CoreHost {
public:
    virtual ~CoreHost() = default;
    [[nodiscard]] virtual NodeLayout layout() const = 0;
    [[nodiscard]] virtual const broker::ControllerOptions& controller_options() const = 0;
    /// Of every shard.
    [[nodiscard]] virtual broker::TransactionLimits transaction_limits() const { return {}; }
    /// Another core, or the same, for what any thread may ask of it.
    [[nodiscard]] virtual Core& core(CoreId id) = 0;
    /// Blocks until the log has told `sink` what it holds. Errors: corrupt, unavailable, io.
    [[nodiscard]] virtual Result<std::unique_ptr<storage::ShardLog>> open_log(ShardId shard, sys::Files& files,
                                                                              storage::LogListener& listener,
                                                                              storage::RecoverySink& sink) = 0;
    /// \param user null: there is none of that name
    [[nodiscard]] virtual LoginCheck check_login(const broker::UserDefinition* user, std::string_view password,
                                                 const protocols::PeerInfo& peer) = 0;
    /// A log is full, has failed, or is well again: publishers of every core need to know.
    virtual void log_state_changed(ShardId shard, storage::LogState state, const Error& reason) = 0;
};

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! A core: one event loop with its connections and shards, and the turn that moves messages between them.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/keyed_random.hpp"
#include "broker/catalog.hpp"
#include "broker/controller.hpp"
#include "broker/dead_letterer.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/busy_meter.hpp"
#include "runtime/connection.hpp"
#include "runtime/core_host.hpp"
#include "runtime/direct_consumers.hpp"
#include "runtime/idle_policy.hpp"
#include "runtime/login_checks.hpp"
#include "runtime/machine.hpp"
#include "runtime/mailbox.hpp"
#include "runtime/messages.hpp"
#include "runtime/read_budget.hpp"
#include "runtime/shard_slot.hpp"

namespace fantail::runtime {

/// Everything that one thread owns. All members but wake(), busy_permille() and mailbox() are for that thread only.
/// Invariant: within a turn nothing re-enters: effects are queued and carried out by the turn's next phase.
class Core final : public broker::DeadLettererHost {
public:
    /// `host` and `machine` outlive the core.
    Core(CoreId id, CoreHost& host, Machine& machine);
    ~Core() override;
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    /// Opens the logs of this core's shards and brings their state back. Blocks. Core 0 must do so first: it has the catalog.
    [[nodiscard]] Result<void> recover();
    /// Takes over the catalog that core 0 recovered, creates the queues of this core's shards and forgets the rest.
    void adopt_catalog(const broker::Catalog& first);
    /// Turns until stop() was called and everything is closed.
    void run();
    /// One turn without a wait, for a thread that has several cores to drive.
    /// \return when the next one is due if nobody calls wake() and no stream or file has news before
    MonoTime turn();
    /// stop() was called and everything is closed.
    [[nodiscard]] bool finished() const { return phase_ == Phase::closing_logs && logs_closing_ == 0; }

    // From any thread.
    void wake() { machine_.wake(); }
    /// Runs `task` on this core's thread, soon.
    void run_task(CoreTask task);
    /// The way in from another core.
    [[nodiscard]] Mailbox& mailbox(CoreId from) { return *inbox_[from.value]; }
    /// Share of time spent working, in thousandths, smoothed; for placing connections.
    [[nodiscard]] std::uint32_t busy_permille() const { return busy_permille_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t connection_count() const { return connection_count_.load(std::memory_order_relaxed); }

    // For connections and shards of this core.
    [[nodiscard]] CoreId id() const { return id_; }
    /// The time of this turn. What wakes a sleeping core runs before the turn begins: the first to ask looks at the clock.
    [[nodiscard]] const Now& now() {
        if (asleep_) [[unlikely]]
            wake_clock();
        return now_;
    }
    [[nodiscard]] const broker::Catalog& catalog() const { return catalog_; }
    [[nodiscard]] broker::Controller* controller() { return controller_.get(); }
    [[nodiscard]] BufferPool& buffers() { return buffers_; }
    [[nodiscard]] MutableBytes read_buffer() { return read_buffer_; }
    [[nodiscard]] ReadBudget& read_budget() { return read_budget_; }
    [[nodiscard]] std::uint64_t pressured_shards() const { return pressured_; }
    /// The alarm in force, of whatever source; `on` is false if there is none.
    [[nodiscard]] broker::Blocked alarm() const;
    [[nodiscard]] bool alarmed() const { return !alarms_.empty(); }
    /// Of this core's connections.
    [[nodiscard]] DirectConsumers& direct_consumers() { return direct_; }
    /// Whether the connection, on whatever core, has that direct consumer now.
    [[nodiscard]] bool has_direct(ConnectionId connection, ConsumerId consumer);
    /// Answers the connection by LoginChecked.
    void check_login(LoginChecks::Asker asker, const broker::UserDefinition* user, std::string_view password,
                     const protocols::PeerInfo& peer);
    /// Fit for names and for what only its owner may know.
    std::uint64_t random() { return random_.next(); }
    void touch(Connection& connection);
    void send(ShardId shard, broker::Origin origin, broker::ShardCommand command);
    void send_admin(broker::Origin origin, broker::AdminCommand command);
    void emit(ConnectionId to, broker::Event event);
    void post(CoreId to, Message message);
    /// Hands a change to every core's catalog; core 0 only.
    void broadcast(std::shared_ptr<const broker::CatalogChange> change, RequestId barrier);
    void shard_pressure(ShardId shard, bool on);
    void queue_unused(QueueId queue);
    void dead_letter(broker::DeadLetter letter) { letters_.push_back(std::move(letter)); }
    void request_turn() { another_turn_ = true; }

    // For the node's tasks, on this core's thread.
    void adopt(std::unique_ptr<ByteStream> stream, std::shared_ptr<const ListenerConfig> listener);
    void stop();
    /// Begins or ends an alarm; while any source has one, connections that publish are told and not read from.
    void set_alarm(const std::string& source, bool on, const std::string& reason);
    /// Frees what is kept for the next burst of work.
    void give_back_memory();
    [[nodiscard]] const std::vector<std::unique_ptr<ShardSlot>>& shards() const { return shards_; }
    [[nodiscard]] const std::unordered_map<ConnectionId, std::unique_ptr<Connection>>& connections() const {
        return connections_;
    }
    [[nodiscard]] Connection* connection(ConnectionId id);
    [[nodiscard]] std::uint16_t core_count() const { return layout_.cores; }
    [[nodiscard]] std::uint16_t shard_count() const { return layout_.shards; }
    [[nodiscard]] CoreHost& host() { return host_; }
    /// Runs `work` at the beginning of the next turn.
    void defer(std::move_only_function<void()> work) { machine_.defer(std::move(work)); }
    /// Runs `work` on another thread, then `done` on this one (Machine::calculate).
    void calculate(std::move_only_function<void()> work, std::move_only_function<void()> done) {
        machine_.calculate(std::move(work), std::move(done));
    }

    // broker::DeadLettererHost
    void send(ShardId shard, RequestId request, broker::ShardCommand command) override;
    void done(QueueId queue, std::uint8_t level, Offset offset, bool safe) override;

private:
    [[nodiscard]] std::size_t poll_inputs();
    [[nodiscard]] std::size_t sleep(MonoTime until);
    void finish_turn(std::size_t work);
    [[nodiscard]] bool must_go_on() const { return another_turn_ || !touched_.empty(); }
    [[nodiscard]] std::size_t take_mail();
    [[nodiscard]] std::size_t run_tasks();
    void take(Message& message);
    void end_of_turn();
    void carry_letters();
    void show_events();
    void flush_touched();
    void push_mail();
    void run_timers();
    void schedule(Connection& connection);
    void apply_catalog(const broker::CatalogChange& change, RequestId barrier);
    void tell_owner(const broker::CatalogEffect& effect);
    void tell_owners(const broker::CatalogEffect& effect);
    void answer_shard(broker::Event&& event);
    void reach_barrier(RequestId barrier);
    void remove_later(ConnectionId id);
    [[nodiscard]] ShardSlot* slot(ShardId shard);
    [[nodiscard]] MonoTime next_deadline();
    void continue_stop();
    void measure(std::size_t work);
    void wake_clock();
    [[nodiscard]] bool answer_is_near() const;

    /// A stop: clients are told, then cut off, then the logs are closed.
    enum class Phase : std::uint8_t { running, draining, closing_connections, closing_logs };

    struct Timer {
        MonoTime at;
        ConnectionId connection;
        auto operator<=>(const Timer&) const = default;
    };
    struct Outgoing {
        ConnectionId to;
        broker::Event event;
    };

    CoreId id_;
    CoreHost& host_;
    Machine& machine_;
    const NodeLayout layout_;
    Now now_;              ///< for run() and what it calls once awake; others ask now()
    bool asleep_ = false;  ///< now_ is from before the core went to sleep
    broker::Catalog catalog_;
    std::unique_ptr<ControllerSlot> controller_slot_;
    std::unique_ptr<broker::Controller> controller_;
    broker::DeadLetterer dead_letterer_;
    std::vector<std::unique_ptr<ShardSlot>> shards_;
    std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
    DirectConsumers direct_;  ///< of those connections
    std::vector<Connection*> touched_;
    std::vector<broker::DeadLetter> letters_;  ///< a shard may be in the middle of a command when it sends one
    std::vector<Outgoing> events_;
    std::vector<Outgoing> showing_;
    std::vector<std::unique_ptr<Mailbox>> inbox_;  ///< by sender
    std::vector<Mailbox::Batch> outbox_;           ///< by receiver
    Mailbox::Batch mail_;
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
    std::unordered_map<RequestId, std::uint32_t> barriers_;  ///< core 0: cores still to answer
    LoginChecks logins_;
    BufferPool buffers_;
    Bytes read_buffer_;
    ReadBudget read_budget_;
    IdlePolicy idle_;
    BusyMeter meter_;
    std::map<std::string, std::string> alarms_;  ///< reason by source
    std::uint64_t pressured_ = 0;
    std::uint64_t next_connection_ = 16;  ///< lower counters are the broker's own (core_ids.hpp)
    KeyedRandom random_;
    bool another_turn_ = false;
    Phase phase_ = Phase::running;
    MonoTime drain_until_;
    std::size_t logs_closing_ = 0;
    std::mutex tasks_mutex_;
    std::vector<CoreTask> tasks_;  ///< from threads that are no core; guarded by tasks_mutex_
    std::atomic<bool> has_tasks_{false};
    std::atomic<std::uint32_t> busy_permille_{0};
    std::atomic<std::uint32_t> connection_count_{0};
};

}  // namespace fantail::runtime

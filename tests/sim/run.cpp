// SPDX-License-Identifier: Apache-2.0
//! The course of a run.
#include "sim/run.hpp"

#include <algorithm>
#include <memory>

#include "sim/auditor.hpp"
#include "sim/client.hpp"
#include "sim/declarer.hpp"
#include "sim/kafka_side.hpp"
#include "sim/policies.hpp"
#include "sim/simulated_node.hpp"

namespace fantail::sim {

namespace {

constexpr std::uint64_t shape_concern = 0x5348'4150'0000;
constexpr std::uint64_t topology_concern = 0x544F'504F'0000;
constexpr std::uint64_t course_concern = 0x434F'5552'0000;
constexpr std::uint64_t logs_concern = 0x4C4F'4753'0000;
constexpr std::uint64_t connection_concern = 0x434F'4E4E'0000;
constexpr std::int64_t declare_time_max = 20 * second;
/// Until a policy is in force, and on the disk.
constexpr std::int64_t policy_time = 300 * ms;
/// Answers that are still due come within it.
constexpr std::int64_t rest_time = 30 * second;
/// In which members of groups are known to be gone, and others have what they had.
constexpr std::int64_t calm_for_groups = 28 * second;
/// Half-open connections are noticed, delayed messages are due, dead letters have arrived.
constexpr std::int64_t settle_time = 90 * second;
constexpr std::int64_t audit_time_max = 300 * second;

NodeShape draw_shape(Random random) {
    NodeShape shape;
    shape.cores = static_cast<std::uint16_t>(random.between(1, 4));
    shape.shards = static_cast<std::uint16_t>(random.one_in(3) ? random.between(1, 6) : shape.cores);
    shape.tail_cache_bytes = std::uint64_t{1} << random.between(12, 20);
    // Small, so that minutes see what takes a real broker days: rings turn, segments fill, checkpoints come and go.
    shape.log.journal_file_size = std::uint64_t{256u << 10} << random.below(3);
    shape.log.frame_size_max = std::min<std::uint32_t>(4u << 10 << random.below(3),
                                                       static_cast<std::uint32_t>(shape.log.journal_file_size / 8));
    shape.log.external_size_min = static_cast<std::uint32_t>(shape.log.journal_file_size / 16);
    shape.log.gather_step = 4u << 10;
    shape.log.flush_window = 32u << 10;
    shape.log.run_size_max = 16u << 10;
    shape.log.index_interval = 2u << 10;
    shape.log.punch_size_min = 8u << 10;
    shape.log.segments_open_max = 3;
    shape.log.indexes_max = 2;
    shape.log.replay_bytes_max = std::uint64_t{32u << 10} << random.below(5);
    shape.groups.assigned_session_timeout_ms = static_cast<std::int32_t>(random.between(6'000, 10'000));
    shape.groups.assigned_heartbeat_ms = static_cast<std::int32_t>(random.between(300, 1'500));
    return shape;
}

class Run {
public:
    explicit Run(const RunOptions& options)
        : options_(options),
          plan_(draw_plan(options)),
          world_(options.seed, options.history),
          disk_(world_),
          random_(world_.chance(course_concern)),
          topology_(draw_topology(world_.chance(topology_concern))),
          log_topology_(draw_log_topology(world_.chance(logs_concern))),
          model_(world_, topology_),
          node_(world_, disk_, draw_shape(world_.chance(shape_concern)), [this](Ending how) { node_down(how); }),
          kafka_(world_, node_, log_topology_),
          declarer_(world_, node_, topology_),
          auditor_(world_, node_, model_, topology_) {}

    Outcome go() {
        node_.start();
        declare();
        work();
        end();
        // What rots cannot be read, and the broker keeps trying: nobody gets what is wrong, that is all there is to ask.
        if (!world_.ended() && !rotten_) model_.judge_losses();
        return {world_.failure(), world_.trace_hash(), world_.time(),      world_.counts,
                world_.history(), setting(),           plan_.faults.size()};
    }

private:
    void declare();
    void work();
    void start_clients();
    void end();
    void put_policies(std::int32_t priority);
    void change_policies();
    void check_policies();
    void wait_for_auditor();
    void check_emptiness();
    void schedule_faults();
    void disturb(std::int64_t for_ns) { disturbed_until_ = std::max(disturbed_until_, world_.time() + for_ns + us); }
    void strike(const Fault& fault);
    void strike_disk(const Fault& fault);
    void strike_network(const Fault& fault);
    void crash_midway(const Fault& fault);
    void step_clock(const Fault& fault);
    void end_node(Ending how);
    void node_down(Ending how);
    void watch();
    [[nodiscard]] bool is_calm();
    [[nodiscard]] std::string setting() const;

    RunOptions options_;
    Plan plan_;
    World world_;
    Disk disk_;
    Random random_;
    Topology topology_;
    LogTopology log_topology_;
    Model model_;
    SimulatedNode node_;
    KafkaSide kafka_;
    Declarer declarer_;
    Auditor auditor_;
    std::vector<std::unique_ptr<SharedConnection>> connections_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::int64_t down_for_ = 100 * ms;
    std::int64_t disturbed_until_ = 0;
    std::int64_t calm_since_ = 0;
    std::int64_t clock_ahead_ = 0;  ///< at most, so far
    bool rotten_ = false;
    std::uint64_t disk_full_ = 0;  ///< such faults at present
};

/// Policies come before or after what they rule.
void Run::declare() {
    const bool policies_first = random_.one_in(2);
    world_.run_until(world_.time() + policy_time);
    if (policies_first) put_policies(0);
    declarer_.start();
    if (!kafka_.idle()) kafka_.declare();
    const auto done = [&] { return declarer_.done() && kafka_.declared(); };
    const std::int64_t until = world_.time() + declare_time_max;
    while (!done() && !world_.ended() && world_.time() < until) world_.run_until(world_.time() + 10 * ms);
    if (!done() && !world_.ended()) world_.fail("the declarer waits for an answer");
    if (!policies_first) put_policies(0);
    world_.run_until(world_.time() + policy_time);
    if (!world_.ended()) check_policies();
    change_policies();
}

void Run::put_policies(std::int32_t priority) {
    for (broker::PolicyDefinition& policy : policies_of(topology_)) {
        policy.priority = priority;
        node_.put_policy(std::move(policy));
    }
}

/// They are put anew, with the same rules: queues are defined again in the midst of their work, and nobody must notice.
void Run::change_policies() {
    world_.after(static_cast<std::int64_t>(random_.between(100, 20'000)) * ms, [this] {
        if (node_.running() && world_.time() < plan_.end_ns) {
            ++world_.counts.policy_changes;
            world_.note([] { return std::string("policies are put again"); });
            put_policies(static_cast<std::int32_t>(random_.below(100)));
        }
        change_policies();
    });
}

void Run::check_policies() {
    const VhostId vhost = node_.catalog().vhost("/")->id;
    for (const QueueSpec& queue : topology_.queues) {
        if (queue.by_policy && node_.catalog().queue(vhost, queue.name)->policy.empty())
            world_.fail(queue.name + " is not ruled by its policy");
    }
}

void Run::wait_for_auditor() {
    const auto done = [&] { return auditor_.done() && (rotten_ || kafka_.audited()); };
    const std::int64_t until = world_.time() + audit_time_max;
    while (!done() && !world_.ended() && world_.time() < until) world_.run_until(world_.time() + 100 * ms);
    if (!done() && !world_.ended())
        world_.fail("the auditor waits for an answer, at " + (auditor_.done() ? "the logs" : auditor_.place()));
}

/// Each with a channel, in a connection of its own or in one that it shares with others.
void Run::start_clients() {
    const std::size_t processes = random_.one_in(2) ? plan_.clients : random_.between(1, plan_.clients);
    for (std::size_t i = 0; i < processes; ++i)
        connections_.push_back(
            std::make_unique<SharedConnection>(world_, node_, world_.chance(connection_concern + i)));
    for (std::size_t i = 0; i < plan_.clients; ++i) {
        clients_.push_back(std::make_unique<Client>(world_, *connections_[i % processes], model_, topology_, i + 1));
        clients_.back()->start();
    }
    kafka_.start_clients(world_.chance(logs_concern + 1), plan_.clients);
}

void Run::work() {
    start_clients();
    schedule_faults();
    watch();
    world_.run_until(plan_.end_ns);
    for (auto& client : clients_) client->rest();
    kafka_.rest();
    world_.run_until(world_.time() + rest_time);
    for (auto& client : clients_) {
        const std::string unanswered = client->unanswered();
        const bool cannot_be_read = rotten_ && unanswered.ends_with("basic.get-ok");
        if (!unanswered.empty() && !cannot_be_read && node_.running() && !world_.ended()) world_.fail(unanswered);
    }
    const std::string unanswered = kafka_.unanswered();
    if (!unanswered.empty() && !rotten_ && node_.running() && !world_.ended()) world_.fail(unanswered);
    if (is_calm() && world_.time() - calm_since_ >= calm_for_groups && !world_.ended()) kafka_.judge_rest();
}

void Run::end() {
    for (auto& client : clients_) client->leave();
    kafka_.leave();
    world_.set_clock(clock_ahead_);  // or what was delayed by a clock that was ahead would not be due
    world_.run_until(world_.time() + settle_time);
    disk_.image().faults() = {};  // one that has not struck by now stays away
    disk_full_ = 0;
    model_.begin_end();
    const std::uint64_t how = random_.below(4);
    if (how < 3 && node_.running()) {
        end_node(static_cast<Ending>(how));
        world_.run_until(world_.time() + rest_time);
    }
    if (world_.ended()) return;
    auditor_.audit();
    if (!rotten_) kafka_.audit();
    wait_for_auditor();
    world_.run_until(world_.time() + second);
    check_emptiness();
}

/// The auditor has taken all there was: what the broker still counts, nobody can get.
void Run::check_emptiness() {
    if (world_.ended() || rotten_) return;
    for (const auto& figures : node_.figures()) {
        const auto* definition = node_.catalog().queue(figures.queue);
        if (definition == nullptr || definition->kind == broker::QueueKind::stream) continue;
        if (figures.ready + figures.unsettled > 0)
            world_.fail(definition->name + ": " + std::to_string(figures.ready) + " ready and " +
                        std::to_string(figures.unsettled) + " unsettled messages that nobody can get");
    }
}

/// What must be so at any moment.
void Run::watch() {
    world_.after(second, [this] {
        if (node_.running()) node_.check_memory();
        if (!is_calm()) calm_since_ = world_.time();
        model_.calm(calm_since_);
        if (is_calm()) model_.judge_waits(calm_since_);
        kafka_.model().judge_waits(calm_since_);
        watch();
    });
}

/// Whether nothing is broken but, maybe, connections.
bool Run::is_calm() {
    const storage::DiskFaults& faults = disk_.image().faults();
    const bool disk_is_well = faults.fail_write + faults.fail_sync + faults.fail_read == 0 && !faults.space_max;
    return node_.running() && disk_is_well && !rotten_ && world_.time() >= disturbed_until_;
}

std::string Run::setting() const {
    std::string text =
        std::to_string(node_.layout().cores) + " cores, " + std::to_string(node_.layout().shards) + " shards";
    for (const QueueSpec& queue : topology_.queues) text += "\n" + queue.description();
    for (const ExchangeSpec& exchange : topology_.exchanges) text += "\n" + exchange.description();
    for (const TopicSpec& topic : log_topology_.topics) text += "\n" + topic.description();
    return text;
}

// ---- faults

void Run::end_node(Ending how) {
    if (how == Ending::stop) model_.stopping();
    node_.end(how);
}

void Run::node_down(Ending how) {
    (how == Ending::stop ? world_.counts.clean_restarts : world_.counts.crashes) += 1;
    model_.restarted();
    kafka_.restarted();
    world_.after(down_for_, [this] { node_.start(); });
    down_for_ = 100 * ms;
}

void Run::schedule_faults() {
    for (std::size_t i = 0; i < plan_.faults.size(); ++i) {
        const Fault& fault = plan_.faults[i];
        if (options_.without_faults.contains(i) || fault.at_ns > plan_.end_ns) continue;
        world_.at(fault.at_ns, [this, &fault, i] {
            world_.note([&] { return "FAULT " + std::to_string(i) + ": " + fault_name(fault.kind); });
            strike(fault);
        });
    }
}

void Run::strike(const Fault& fault) {
    switch (fault.kind) {
        case FaultKind::kill:
        case FaultKind::power_off:
        case FaultKind::clean_restart:
            down_for_ = std::min(fault.for_ns, 3 * second);
            end_node(fault.kind == FaultKind::kill        ? Ending::kill
                     : fault.kind == FaultKind::power_off ? Ending::power_off
                                                          : Ending::stop);
            return;
        case FaultKind::crash_midway: crash_midway(fault); return;
        case FaultKind::cut_connection:
        case FaultKind::half_open:
        case FaultKind::slow_network: strike_network(fault); return;
        case FaultKind::clock_step: step_clock(fault); return;
        case FaultKind::pause_node:
            ++world_.counts.paused_nodes;
            disturb(fault.for_ns / 4);
            node_.pause(fault.for_ns / 4);
            return;
        case FaultKind::fail_write:
        case FaultKind::fail_sync:
        case FaultKind::fail_read:
        case FaultKind::full_disk:
        case FaultKind::slow_disk:
        case FaultKind::bit_rot: strike_disk(fault); return;
    }
}

/// Mostly by seconds, at times by half an hour, forward or back: no producer's time is ahead by more than topics take.
void Run::step_clock(const Fault& fault) {
    const std::int64_t most = fault.size % 3 == 0 ? 1'790 * second : 20 * second;
    const std::int64_t by = static_cast<std::int64_t>(fault.size / 6 % static_cast<std::uint64_t>(most));
    const std::int64_t offset = fault.size % 2 == 0 ? by : -by;
    ++world_.counts.clock_steps;
    clock_ahead_ = std::max(clock_ahead_, offset);
    world_.set_clock(offset);
    disturb(0);
}

/// Much is delivered, and nothing more is synced, before the end comes.
void Run::crash_midway(const Fault& fault) {
    constexpr std::uint64_t standstill = 5'000;  // a fraction of a second, up to two
    constexpr std::int64_t time_max = 400 * ms;
    disturb(time_max);
    disk_.slow_down(standstill);
    const std::int64_t left = static_cast<std::int64_t>(fault.size % static_cast<std::uint64_t>(time_max));
    world_.after(left, [this, &fault] {
        disk_.slow_down(1);
        down_for_ = std::min(fault.for_ns, 3 * second);
        end_node(fault.size % 4 == 0 ? Ending::kill : Ending::power_off);
    });
}

void Run::strike_network(const Fault& fault) {
    const auto links = node_.links();
    if (links.empty()) return;
    Link& link = *links[fault.size % links.size()];
    if (fault.kind == FaultKind::cut_connection) {
        ++world_.counts.lost_connections;
        link.cut();
    } else if (fault.kind == FaultKind::half_open) {
        ++world_.counts.half_open;
        link.black_hole();
    } else {
        ++world_.counts.slow_networks;
        link.slow_down(fault.for_ns / 40);
    }
}

void Run::strike_disk(const Fault& fault) {
    storage::DiskFaults& faults = disk_.image().faults();
    if (fault.kind == FaultKind::fail_write) {
        ++world_.counts.failed_writes;
        faults.fail_write = 1 + fault.size % 20;
    } else if (fault.kind == FaultKind::fail_sync) {
        ++world_.counts.failed_syncs;
        faults.fail_sync = 1 + fault.size % 3;
    } else if (fault.kind == FaultKind::fail_read) {
        faults.fail_read = 1 + fault.size % 5;
    } else if (fault.kind == FaultKind::full_disk) {
        ++world_.counts.full_disks;
        ++disk_full_;
        faults.space_max = disk_.image().used_space() + fault.size % (256u << 10);
        world_.after(fault.for_ns, [this, &faults] {
            if (disk_full_ > 0 && --disk_full_ == 0) faults.space_max.reset();
        });
    } else if (fault.kind == FaultKind::slow_disk) {
        disturb(fault.for_ns);
        disk_.slow_down(2 + fault.size % 100);
        world_.after(fault.for_ns, [this] { disk_.slow_down(1); });
    } else {
        ++world_.counts.rotten_bits;
        rotten_ = true;
        node_.expect_damage();
        const std::string where = disk_.image().rot();
        world_.note([&] { return "disk: a bit has flipped in " + where; });
    }
}

}  // namespace

Outcome run(const RunOptions& options) { return Run(options).go(); }

namespace {

/// What kind of failure it is: its words without the numbers.
std::string kind_of(const std::string& failure) {
    std::string kind;
    std::ranges::copy_if(failure, std::back_inserter(kind), [](char c) { return (c < '0' || c > '9') && c != '.'; });
    return kind;
}

}  // namespace

RunOptions shrink(RunOptions options) {
    const std::string kind = kind_of(run(options).failure);
    const auto fails = [&](const RunOptions& tried) { return kind_of(run(tried).failure) == kind; };
    const std::size_t faults = draw_plan(options).faults.size();
    for (std::size_t i = 0; i < faults; ++i) {
        RunOptions tried = options;
        tried.without_faults.insert(i);
        if (fails(tried)) options = tried;
    }
    for (std::size_t clients = 1; clients < draw_plan(options).clients; ++clients) {
        RunOptions tried = options;
        tried.clients_max = clients;
        if (!fails(tried)) continue;
        options = tried;
        break;
    }
    for (std::int64_t end_ms = draw_plan(options).end_ns / ms * 3 / 4; end_ms > 1000; end_ms = end_ms * 3 / 4) {
        RunOptions tried = options;
        tried.end_ms = end_ms;
        if (!fails(tried)) break;
        options = tried;
    }
    return options;
}

}  // namespace fantail::sim

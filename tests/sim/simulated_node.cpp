// SPDX-License-Identifier: Apache-2.0
//! Starts, drives and ends simulated nodes.
#include "sim/simulated_node.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "protocols/amqp091/amqp_protocol.hpp"
#include "protocols/kafka/kafka_protocol.hpp"
#include "runtime/data_dir.hpp"
#include "storage/local/local_log.hpp"

namespace fantail::sim {

namespace {

constexpr std::uint64_t node_concern = 0x4E4F'4445'0000;
/// A stop that takes longer is not waited for.
constexpr std::int64_t stop_time_max = 30 * second;

std::shared_ptr<const runtime::ListenerConfig> make_listener() {
    auto listener = std::make_shared<runtime::ListenerConfig>();
    listener->name = "amqp";
    listener->protocols = {amqp091::make_protocol({}), kafka::make_protocol({.auto_create_topics = false})};
    return listener;
}

}  // namespace

SimulatedNode::SimulatedNode(World& world, Disk& disk, NodeShape shape, std::function<void(Ending)> on_down)
    : world_(world),
      disk_(disk),
      shape_(std::move(shape)),
      on_down_(std::move(on_down)),
      random_(world.chance(node_concern)),
      listener_(make_listener()) {
    controller_.shard_count = shape_.shards;
    broker::UserDefinition user;
    user.name = "guest";
    user.tags = {"administrator"};
    controller_.default_users.push_back(std::move(user));
    broker::ExchangeDefinition fanout;
    fanout.name = "amq.fanout";
    fanout.type = broker::ExchangeType::fanout;
    fanout.type_name = "fanout";
    controller_.predeclared.push_back(std::move(fanout));
}

SimulatedNode::~SimulatedNode() {
    disk_.image().kill();
    cores_.clear();
}

// ---- life and death

void SimulatedNode::start() {
    if (!gone() || world_.ended()) return;
    ++incarnation_;
    stopping_ = false;
    for (std::uint16_t i = 0; i < shape_.cores; ++i) {
        machines_.push_back(
            std::make_unique<SimulatedMachine>(world_, disk_, random_.fork(incarnation_ * 64 + i), [this, i] {
                const bool descheduled = random_.one_in(100);
                request_turn(i, world_.time() + static_cast<std::int64_t>(random_.below(descheduled ? 3000 : 20)) * us);
            }));
    }
    turn_at_.assign(shape_.cores, 0);  // none before all is recovered
    for (std::uint16_t i = 0; i < shape_.cores; ++i) {
        cores_.push_back(std::make_unique<runtime::Core>(CoreId(i), *this, *machines_[i]));
    }
    if (auto recovered = recover(); !recovered) {
        damage_found("cannot start: " + recovered.error().message);
        return;
    }
    world_.note([&] { return "node: started, incarnation " + std::to_string(incarnation_); });
    turn_at_.assign(shape_.cores, no_turn);
    for (std::size_t i = 0; i < cores_.size(); ++i) request_turn(i, world_.time());
    watch_clock();
}

/// As `fantail serve` does: sleeping cores look at what has become due when the wall clock was set.
void SimulatedNode::watch_clock() {
    if (wall_clock_.seen(world_.now()))
        for (auto& core : cores_) core->run_task([](runtime::Core&) {});
    world_.after(second, [this, incarnation = incarnation_] {
        if (incarnation == incarnation_) watch_clock();
    });
}

Result<void> SimulatedNode::recover() {
    FANTAIL_TRY(auto data_dir, runtime::open_or_create_data_dir("/data", shape_.shards, *machines_.front()));
    shape_.shards = data_dir.shards;
    for (auto& core : cores_) {
        for (const auto& slot : core->shards()) slot->shard().set_group_limits(shape_.groups);
        FANTAIL_CHECK(core->recover());
    }
    for (auto& core : cores_) {
        core->adopt_catalog(cores_.front()->catalog());
        for (const auto& slot : core->shards()) slot->shard().set_tail_cache_limit(shape_.tail_cache_bytes);
    }
    cores_.front()->controller()->bootstrap();
    return runtime::finish_data_dir("/data", data_dir, *machines_.front());
}

void SimulatedNode::damage_found(const std::string& what) {
    world_.note([&] { return "node: " + what; });
    if (!damage_expected_) {
        world_.fail(what);
        return;
    }
    ++world_.counts.rot_detected;
    world_.end_early();
}

void SimulatedNode::end(Ending how) {
    if (gone()) return;
    if (how != Ending::stop) {
        tear_down(how);
        return;
    }
    if (stopping_) return;
    stopping_ = true;
    world_.note([] { return std::string("node: stopping"); });
    for (auto& core : cores_) core->run_task([](runtime::Core& self) { self.stop(); });
    world_.after(stop_time_max, [this, incarnation = incarnation_] {
        if (incarnation == incarnation_) tear_down(Ending::kill);
    });
}

void SimulatedNode::finish_stop() {
    const bool all = std::all_of(cores_.begin(), cores_.end(), [](const auto& core) { return core->finished(); });
    if (all)
        world_.after(0, [this, incarnation = incarnation_] {
            if (incarnation == incarnation_) tear_down(Ending::stop);
        });
}

void SimulatedNode::tear_down(Ending how) {
    if (gone()) return;
    ++incarnation_;
    world_.trace(static_cast<std::uint64_t>(how));
    world_.note([&] {
        return std::string("node: ") + (how == Ending::stop ? "stopped" : how == Ending::kill ? "killed" : "power off");
    });
    for (auto& link : links()) {
        if (how == Ending::power_off && random_.one_in(2)) link->black_hole();
        else if (how != Ending::stop) link->cut();
    }
    links_.clear();
    if (how == Ending::power_off) disk_.image().crash();
    else disk_.image().kill();
    cores_.clear();
    machines_.clear();
    on_down_(how);
}

void SimulatedNode::pause(std::int64_t for_ns) { paused_until_ = std::max(paused_until_, world_.time() + for_ns); }

// ---- turns

void SimulatedNode::request_turn(std::size_t core, std::int64_t time_ns) {
    if (turn_at_[core] <= time_ns) return;
    turn_at_[core] = time_ns;
    world_.at(time_ns, [this, core, time_ns, incarnation = incarnation_] {
        if (incarnation == incarnation_ && turn_at_[core] == time_ns) take_turn(core);
    });
}

void SimulatedNode::take_turn(std::size_t core) {
    turn_at_[core] = no_turn;
    if (world_.time() < paused_until_) {
        request_turn(core, paused_until_);
        return;
    }
    runtime::Core& self = *cores_[core];
    if (self.finished()) return;
    ++world_.counts.turns;
    world_.trace(core);
    const MonoTime due = self.turn();
    if (self.finished()) finish_stop();
    else if (due != MonoTime::never())
        request_turn(core, std::max(due.ns, world_.time()) + static_cast<std::int64_t>(random_.between(1, 30)) * us);
}

// ---- connections and figures

std::shared_ptr<Link> SimulatedNode::connect(LinkQuality quality) {
    if (!running()) return nullptr;
    ++world_.counts.connections;
    auto link = std::make_shared<Link>(world_, ++connections_, quality);
    links_.push_back(link);
    const std::size_t chosen = random_.below(cores_.size());
    cores_[chosen]->run_task([this, link, chosen](runtime::Core& core) {
        core.adopt(std::make_unique<SimulatedStream>(link, *machines_[chosen]), listener_);
    });
    return link;
}

std::vector<std::shared_ptr<Link>> SimulatedNode::links() {
    std::vector<std::shared_ptr<Link>> alive;
    std::erase_if(links_, [](const auto& weak) { return weak.expired() || weak.lock()->server_gone(); });
    for (const auto& weak : links_) alive.push_back(weak.lock());
    return alive;
}

void SimulatedNode::put_policy(broker::PolicyDefinition policy) {
    policy.vhost = catalog().vhost("/")->id;
    cores_.front()->run_task([policy = std::move(policy)](runtime::Core& core) mutable {
        core.send_admin({}, broker::PutPolicy{std::move(policy)});  // nobody waits for the answer
    });
}

std::vector<broker::QueueFigures> SimulatedNode::figures() const {
    std::vector<broker::QueueFigures> all;
    for (const auto& core : cores_)
        for (const auto& slot : core->shards()) slot->shard().list(all);
    return all;
}

void SimulatedNode::check_memory() {
    for (const auto& core : cores_) {
        for (const auto& slot : core->shards()) {
            // What is not durable yet cannot leave memory; what consumers read back has a bound of its own.
            const std::uint64_t bound = shape_.tail_cache_bytes + slot->undurable_bytes() + (1u << 20);
            const std::uint64_t all = slot->shard().cached_bytes();
            if (slot->shard().tail_bytes() > bound || all > bound + limits::read_cache_bytes_max)
                world_.fail("shard " + std::to_string(slot->id().value) + " holds " + std::to_string(all) +
                            " bytes of messages in memory");
        }
    }
}

// ---- what cores ask for

Result<std::unique_ptr<storage::ShardLog>> SimulatedNode::open_log(ShardId shard, sys::Files& files,
                                                                   storage::LogListener& listener,
                                                                   storage::RecoverySink& sink) {
    storage::LocalOptions options = shape_.log;
    options.directory = "/data/shard-" + std::to_string(shard.value);
    options.shard = shard;
    options.nonce = random_.next();
    options.report = [this, shard](const std::string& line) {
        world_.note([&] { return "shard " + std::to_string(shard.value) + ": " + line; });
    };
    return storage::open_local_log(std::move(options), files, listener, sink);
}

runtime::LoginCheck SimulatedNode::check_login(const broker::UserDefinition* user, std::string_view password,
                                               const protocols::PeerInfo&) {
    const bool good = user != nullptr && password == "guest";
    // As with passwords seen before, and with others.
    if (random_.one_in(2)) return good;
    return [good] { return good; };
}

void SimulatedNode::log_state_changed(ShardId shard, storage::LogState state, const Error& reason) {
    const bool on = state != storage::LogState::ok;
    const std::string source = "shard " + std::to_string(shard.value);
    world_.note([&] { return source + ": log " + (on ? "is not well: " + reason.message : "is well"); });
    for (auto& core : cores_) core->run_task([source, on](runtime::Core& self) { self.set_alarm(source, on, source); });
    if (state != storage::LogState::failed) return;
    // As an operator would: what failed is restarted.
    world_.after(static_cast<std::int64_t>(random_.between(1, 3000)) * ms, [this, incarnation = incarnation_] {
        if (incarnation == incarnation_) tear_down(Ending::kill);
    });
}

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! Starts and stops the cores, and decides where a new connection goes.
#include "runtime/node.hpp"

#include <algorithm>
#include <future>

#include "base/limits.hpp"
#include "runtime/core.hpp"
#include "runtime/data_dir.hpp"
#include "storage/local/local_log.hpp"
#include "storage/memory/memory_log.hpp"
#include "sys/random.hpp"

namespace fantail::runtime {

namespace {
/// A core busier than this gets no further connection while another is less busy.
constexpr std::uint32_t pack_permille_max = 600;
constexpr std::int64_t refusals_report_interval_ms = 10'000;
}  // namespace

Node::Node(NodeOptions options) : options_(std::move(options)) {
    options_.cores = std::clamp<std::uint16_t>(options_.cores, 1, limits::cores_max);
}

Node::~Node() { stop(); }

Result<void> Node::start() {
    for (std::uint16_t i = 0; i < options_.cores; ++i) machines_.push_back(std::make_unique<RealMachine>());
    // Nothing is made for a broker that finds its ports taken. Where data is already, what it needs comes first: clients
    // that connect would wait for its recovery.
    start_machine_ = std::make_unique<RealMachine>();
    const bool is_new = !options_.data_dir.empty() && !is_data_dir(options_.data_dir, *start_machine_);
    if (is_new) FANTAIL_CHECK(open_listeners());
    FANTAIL_CHECK(open_data_dir());
    options_.controller.shard_count = shards_;
    descriptors_ = share_descriptors(options_.descriptors_max, shards_);
    for (std::uint16_t i = 0; i < options_.cores; ++i)
        cores_.push_back(std::make_unique<Core>(CoreId(i), *this, *machines_[i]));
    FANTAIL_CHECK(recover_cores());
    if (!options_.data_dir.empty()) FANTAIL_CHECK(finish_data_dir(options_.data_dir, data_dir_, *start_machine_));
    if (!is_new) FANTAIL_CHECK(open_listeners());
    running_ = true;
    for (auto& core : cores_) threads_.emplace_back([&core] { core->run(); });
    return {};
}

Result<void> Node::open_data_dir() {
    const std::uint16_t wanted = options_.shards == 0 ? options_.cores : options_.shards;
    shards_ = std::clamp<std::uint16_t>(wanted, 1, limits::shards_max);
    if (options_.data_dir.empty()) return {};
    FANTAIL_TRY(data_dir_, open_or_create_data_dir(options_.data_dir, shards_, *start_machine_));
    shards_ = data_dir_.shards;
    return {};
}

Result<void> Node::recover_cores() {
    // Core 0 first: the others need the catalog that its log brings back. They read their own logs meanwhile.
    std::vector<std::future<Result<void>>> others;
    for (std::size_t i = 1; i < cores_.size(); ++i)
        others.push_back(std::async(std::launch::async, [core = cores_[i].get()] { return core->recover(); }));
    auto first = cores_.front()->recover();
    for (auto& other : others) {
        if (auto outcome = other.get(); !outcome && first) first = std::move(outcome);
    }
    FANTAIL_CHECK(first);
    for (auto& core : cores_) core->adopt_catalog(cores_.front()->catalog());
    cores_.front()->controller()->bootstrap();
    return {};
}

Result<void> Node::open_listeners() {
    for (const ListenerConfig& config : options_.listeners) {
        auto shared = std::make_shared<const ListenerConfig>(config);
        auto accept = [this, shared](sys::Fd fd) { place(std::move(fd), shared); };
        auto listener = sys::Listener::open(machines_.front()->loop(), {config.host, config.port}, std::move(accept));
        if (!listener && !config.required) {
            report("no listener " + config.name + ": " + listener.error().message);
            continue;
        }
        if (!listener)
            return std::unexpected(Error{listener.error().code, config.name + ": " + listener.error().message});
        bound_.push_back({config.name, config.host, listener->local().port()});
        accepting_.push_back(std::move(*listener));
    }
    return {};
}

/// Runs on core 0, which accepts for all.
void Node::place(sys::Fd fd, std::shared_ptr<const ListenerConfig> listener) {
    if (static_cast<std::uint64_t>(fd.get()) >= descriptors_.connections_end) return refuse(fd);
    const CoreId chosen = choose_core();
    // A socket is taken onto a loop by the loop's own thread.
    auto adopt = [fd = std::move(fd), listener = std::move(listener),
                  machine = machines_[chosen.value].get()](Core& core) mutable {
        if (auto stream = machine->adopt(std::move(fd))) core.adopt(std::move(*stream), std::move(listener));
    };
    Core& acceptor = *cores_.front();
    if (chosen == acceptor.id()) {
        adopt(acceptor);
        return;
    }
    acceptor.post(chosen, TaskMessage{std::move(adopt)});
    acceptor.request_turn();
}

/// The connection ends with `fd`, which its caller drops: that tells its client more than silence would.
void Node::refuse(const sys::Fd& fd) {
    ++refused_;
    const MonoTime now = cores_.front()->now().mono;
    if (now < refusals_reported_.plus_ms(refusals_report_interval_ms)) return;
    refusals_reported_ = now;
    report(std::to_string(std::exchange(refused_, 0)) + " connections refused: descriptor " + std::to_string(fd.get()) +
           " of at most " + std::to_string(options_.descriptors_max) + ", and the rest is for storage");
}

void Node::report(const std::string& line) {
    const std::scoped_lock lock(report_mutex_);
    if (options_.report) options_.report(line);
}

CoreId Node::choose_core() const {
    auto connections = [](const auto& a, const auto& b) { return a->connection_count() < b->connection_count(); };
    if (options_.placement == Placement::spread) {
        return (*std::min_element(cores_.begin(), cores_.end(), connections))->id();
    }
    for (const auto& core : cores_)
        if (core->busy_permille() < pack_permille_max) return core->id();
    auto busy = [](const auto& a, const auto& b) { return a->busy_permille() < b->busy_permille(); };
    return (*std::min_element(cores_.begin(), cores_.end(), busy))->id();
}

void Node::run_on(CoreId core, CoreTask task) { cores_[core.value]->run_task(std::move(task)); }

void Node::stop() {
    if (!running_) return;
    running_ = false;
    // Listeners live on core 0's loop, and closing them is its business.
    run_on(CoreId(0), [this](Core&) { accepting_.clear(); });
    for (auto& core : cores_) core->run_task([](Core& self) { self.stop(); });
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    cores_.clear();
    machines_.clear();
}

Result<std::unique_ptr<storage::ShardLog>> Node::open_log(ShardId shard, sys::Files& files,
                                                          storage::LogListener& listener, storage::RecoverySink& sink) {
    if (options_.data_dir.empty())
        return storage::make_memory_log([&files](std::move_only_function<void()> run) { files.defer(std::move(run)); },
                                        listener);
    storage::LocalOptions local;
    local.directory = options_.data_dir + "/shard-" + std::to_string(shard.value);
    local.shard = shard;
    local.nonce = sys::random_u64();
    local.salvage = options_.salvage;
    local.segments_open_max = descriptors_.segments_per_shard;
    local.report = [this, shard](const std::string& line) {
        report("shard " + std::to_string(shard.value) + ": " + line);
    };
    return storage::open_local_log(std::move(local), files, listener, sink);
}

LoginCheck Node::check_login(const broker::UserDefinition* user, std::string_view password,
                             const protocols::PeerInfo& peer) {
    if (!options_.check_login) return false;
    return options_.check_login(user, password, peer);
}

void Node::log_state_changed(ShardId shard, storage::LogState state, const Error& reason) {
    const char* what = state == storage::LogState::ok         ? "storage is well again"
                       : state == storage::LogState::no_space ? "storage is full: publishers are held back"
                                                              : "storage failed: nothing is confirmed any more";
    const std::string line = "shard " + std::to_string(shard.value) + ": " + what +
                             (reason.message.empty() ? "" : " (" + reason.message + ")");
    report(line);
    const bool on = state != storage::LogState::ok;
    const std::string source = "shard " + std::to_string(shard.value);
    for (auto& core : cores_) core->run_task([source, on, line](Core& self) { self.set_alarm(source, on, line); });
}

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! The turn of a core, and what connections and shards may ask of it.
#include "runtime/core.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "runtime/core_ids.hpp"

namespace fantail::runtime {

namespace {
/// Rounds of events and the commands they cause within one turn; what is left then waits for the next turn.
constexpr int rounds_max = 16;
constexpr std::uint64_t light_load_bytes = 16u << 10;  ///< waiting for the disk
/// Time that clients get to answer a shutdown's close.
constexpr std::int64_t drain_ms_max = 1'000;
}  // namespace

Core::Core(CoreId id, CoreHost& host, Machine& machine)
    : id_(id),
      host_(host),
      machine_(machine),
      layout_(host.layout()),
      now_(machine.now()),
      dead_letterer_(catalog_, *this),
      logins_(machine,
              {.is_there = [this](ConnectionId asker) { return connection(asker) != nullptr; },
               .answer = [this](ConnectionId asker, broker::LoginChecked answer) { emit(asker, std::move(answer)); }}),
      read_buffer_(limits::read_buffer_size),
      idle_(machine.processors()),
      random_(RandomKey{.low = machine.random_seed(), .high = id.value}) {
    for (std::size_t from = 0; from < layout_.cores; ++from) inbox_.push_back(std::make_unique<Mailbox>());
    outbox_.resize(layout_.cores);
    for (std::uint16_t shard = id.value; shard < layout_.shards;
         shard = static_cast<std::uint16_t>(shard + layout_.cores))
        shards_.push_back(std::make_unique<ShardSlot>(ShardId(shard), *this, catalog_));
    for (auto& slot : shards_) slot->shard().set_transaction_limits(host.transaction_limits());
    if (id.value == 0) {
        controller_slot_ = std::make_unique<ControllerSlot>(*this);
        controller_ = std::make_unique<broker::Controller>(catalog_, *controller_slot_, host.controller_options());
    }
}

Core::~Core() = default;

Result<void> Core::recover() {
    for (auto& slot : shards_) {
        FANTAIL_TRY(auto log, host_.open_log(slot->id(), machine_.files(), *slot, *slot));
        slot->adopt_log(std::move(log));
    }
    return {};
}

void Core::adopt_catalog(const broker::Catalog& first) {
    if (&catalog_ != &first) catalog_.copy(first);
    now_ = machine_.now();
    catalog_.for_each_queue([this](const broker::QueueDefinition& queue) {
        if (ShardSlot* owner = slot(shard_of(queue.id))) owner->shard().queue_put(queue, now_);
    });
    catalog_.for_each_exchange([this](const broker::ExchangeDefinition& exchange) {
        if (ShardSlot* owner = slot(shard_of(exchange.id))) owner->shard().exchange_put(exchange);
    });
    const auto exists = [this](QueueId queue) { return catalog_.queue(queue) != nullptr; };
    for (auto& slot : shards_) slot->shard().recovered(now_, exists);
}

// ------------------------------------------------------------------------------------------------------------ turns

void Core::run() {
    while (!finished()) {
        now_ = machine_.now();
        std::size_t work = poll_inputs();
        if (work == 0 && !must_go_on()) {
            const MonoTime deadline = next_deadline();
            if (deadline > now_.mono) {
                if (idle_.keep_polling(now_.mono, answer_is_near())) continue;
                work = sleep(deadline);
            }
        }
        finish_turn(work);
    }
}

MonoTime Core::turn() {
    now_ = machine_.now();
    finish_turn(poll_inputs());
    return must_go_on() ? now_.mono : next_deadline();
}

std::size_t Core::sleep(MonoTime until) {
    measure(0);
    const MonoTime slept_from = now_.mono;
    asleep_ = true;
    const std::size_t work = machine_.wait(until);
    wake_clock();
    idle_.slept(slept_from, now_.mono);
    return work + take_mail() + run_tasks();
}

void Core::finish_turn(std::size_t work) {
    another_turn_ = false;
    if (work > 0) idle_.worked(now_.mono);
    run_timers();
    end_of_turn();
    if (phase_ != Phase::running) continue_stop();
    measure(work + 1);
}

/// Whether few wait for one small write. With more under way the processor has better uses than to be polled with.
bool Core::answer_is_near() const {
    if (machine_.files_under_way() != 1) return false;
    std::uint64_t waiting = 0;
    for (const auto& slot : shards_) waiting += slot->undurable_bytes();
    return waiting > 0 && waiting <= light_load_bytes;
}

void Core::wake_clock() {
    now_ = machine_.now();
    asleep_ = false;
}

std::size_t Core::poll_inputs() {
    const std::size_t ran = machine_.poll();
    return ran + take_mail() + run_tasks();
}

void Core::run_task(CoreTask task) {
    {
        const std::scoped_lock lock(tasks_mutex_);
        tasks_.push_back(std::move(task));
    }
    has_tasks_.store(true, std::memory_order_release);
    machine_.wake();
}

std::size_t Core::run_tasks() {
    if (!has_tasks_.load(std::memory_order_acquire)) return 0;
    std::vector<CoreTask> tasks;
    {
        const std::scoped_lock lock(tasks_mutex_);
        tasks.swap(tasks_);
        has_tasks_.store(false, std::memory_order_relaxed);
    }
    for (auto& task : tasks) task(*this);
    return tasks.size();
}

void Core::end_of_turn() {
    for (std::size_t i = 0; i < touched_.size(); ++i) touched_[i]->end_of_input();
    for (auto& slot : shards_) slot->shard().end_of_turn(now_);
    carry_letters();
    for (int round = 0; round < rounds_max && !events_.empty(); ++round) show_events();
    for (std::size_t i = 0; i < touched_.size(); ++i) touched_[i]->end_of_turn();
    for (auto& slot : shards_) slot->end_of_turn(now_);
    broker::ConsumerPace pace;
    for (auto& slot : shards_) pace.add(slot->shard().consumer_pace());
    read_budget_.end_of_turn(pace, now_.mono);
    flush_touched();
    push_mail();
    // Last, because flushing may ask for more: a peer that has read enough is sent messages again.
    if (!letters_.empty() || !events_.empty()) another_turn_ = true;
    for (auto& slot : shards_) another_turn_ = another_turn_ || slot->shard().busy();
}

/// Letters that this brings about (a dead-letter queue that refuses) wait for the next turn.
void Core::carry_letters() {
    std::vector<broker::DeadLetter> letters;
    letters.swap(letters_);
    for (broker::DeadLetter& letter : letters) dead_letterer_.handle(std::move(letter), now_);
    dead_letterer_.end_of_turn(now_);
}

void Core::show_events() {
    showing_.swap(events_);
    for (Outgoing& outgoing : showing_) {
        const std::uint64_t counter = counter_of(outgoing.to);
        if (counter >= first_connection_counter) {
            Connection* target = connection(outgoing.to);
            if (target == nullptr) continue;
            touch(*target);
            target->on_event(outgoing.event);
            target->send_early();
        } else if (outgoing.to == controller_id()) {
            controller_->on_event(std::move(outgoing.event));
        } else if (outgoing.to == shards_of(id_)) {
            answer_shard(std::move(outgoing.event));
        } else {
            dead_letterer_.on_event(std::move(outgoing.event));
        }
    }
    showing_.clear();
}

/// To what one of this core's shards sent to another.
void Core::answer_shard(broker::Event&& event) {
    const ShardId asker = shard_of(request_of(event));
    if (ShardSlot* owner = slot(asker)) owner->shard().on_event(std::move(event), now());
}

void Core::touch(Connection& connection) {
    if (connection.touched) return;
    connection.touched = true;
    touched_.push_back(&connection);
}

void Core::flush_touched() {
    // Closing a connection sends commands and may touch others: they are flushed in the next turn.
    std::vector<Connection*> touched;
    touched.swap(touched_);
    for (Connection* each : touched) {
        each->touched = false;
        if (each->flush()) schedule(*each);
        else remove_later(each->id());
    }
    if (touched_.empty()) {
        touched.clear();
        touched_.swap(touched);  // keep the memory
    } else {
        another_turn_ = true;
    }
}

void Core::remove_later(ConnectionId id) {
    const auto at = connections_.find(id);
    if (at == connections_.end()) return;
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
    direct_.remove(id);
    // Its callbacks may be on the stack, and it may stand in the list of touched ones: it goes when the turn is over.
    std::erase(touched_, at->second.get());
    machine_.defer([gone = std::move(at->second)] {});
    connections_.erase(at);
}

// ----------------------------------------------------------------------------------------------------------- timers

void Core::schedule(Connection& connection) {
    const MonoTime deadline = connection.deadline();
    if (deadline >= connection.scheduled) return;  // it will be looked at before that
    connection.scheduled = deadline;
    timers_.push({deadline, connection.id()});
}

void Core::run_timers() {
    while (!timers_.empty() && timers_.top().at <= now_.mono) {
        const Timer timer = timers_.top();
        timers_.pop();
        Connection* due = connection(timer.connection);
        if (due == nullptr || due->scheduled != timer.at) continue;
        due->scheduled = MonoTime::never();
        const MonoTime next = due->tick();
        if (next == MonoTime::never()) continue;
        due->scheduled = next;
        timers_.push({next, due->id()});
    }
}

MonoTime Core::next_deadline() {
    MonoTime deadline = timers_.empty() ? MonoTime::never() : timers_.top().at;
    for (auto& slot : shards_) deadline = std::min(deadline, slot->deadline());
    if (phase_ == Phase::draining) deadline = std::min(deadline, drain_until_);
    return std::min(deadline, dead_letterer_.deadline());
}

// ------------------------------------------------------------------------------------------------------- connections

void Core::adopt(std::unique_ptr<ByteStream> stream, std::shared_ptr<const ListenerConfig> listener) {
    if (phase_ != Phase::running) return;
    const ConnectionId id = make_id<ConnectionId>(id_.value, next_connection_++);
    auto added = std::make_unique<Connection>(*this, id, std::move(stream), std::move(listener));
    Connection& connection = *added;
    connections_.emplace(id, std::move(added));
    connection_count_.fetch_add(1, std::memory_order_relaxed);
    connection.start();
    schedule(connection);
}

Connection* Core::connection(ConnectionId id) {
    const auto at = connections_.find(id);
    return at == connections_.end() ? nullptr : at->second.get();
}

bool Core::has_direct(ConnectionId connection, ConsumerId consumer) {
    const CoreId owner = core_of(connection);
    return owner.value < layout_.cores && host_.core(owner).direct_.contains(connection, consumer);
}

void Core::check_login(LoginChecks::Asker asker, const broker::UserDefinition* user, std::string_view password,
                       const protocols::PeerInfo& peer) {
    logins_.begin(asker, host_.check_login(user, password, peer));
}

void Core::set_alarm(const std::string& source, bool on, const std::string& reason) {
    if (on) alarms_[source] = reason;
    else alarms_.erase(source);
    for (auto& [id, connection] : connections_) events_.push_back({id, alarm()});
    another_turn_ = true;
}

broker::Blocked Core::alarm() const {
    return alarms_.empty() ? broker::Blocked{} : broker::Blocked{true, alarms_.begin()->second};
}

// ------------------------------------------------------------------------------------------------------------- stop

void Core::stop() {
    if (phase_ != Phase::running) return;
    phase_ = Phase::draining;
    drain_until_ = now().mono.plus_ms(drain_ms_max);
    for (auto& [id, connection] : connections_)
        events_.push_back({id, broker::CloseRequested{"broker is shutting down"}});
    another_turn_ = true;
}

void Core::continue_stop() {
    if (phase_ == Phase::draining && (connections_.empty() || drain_until_ <= now_.mono)) {
        phase_ = Phase::closing_connections;
        for (auto& [id, connection] : connections_) {
            connection->close_now();
            touch(*connection);
        }
        another_turn_ = true;
    } else if (phase_ == Phase::closing_connections && connections_.empty()) {
        // What closing them gave back has been appended by now.
        phase_ = Phase::closing_logs;
        logs_closing_ = shards_.size();
        for (auto& slot : shards_) slot->close_log([this] { --logs_closing_; });
        another_turn_ = true;
    }
}

void Core::measure(std::size_t work) {
    const MonoTime now = machine_.now().mono;
    const std::int64_t spent = now.ns - now_.mono.ns;
    meter_.turn(now, work > 0 ? spent : 0);
    busy_permille_.store(meter_.busy_permille(), std::memory_order_relaxed);
}

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! A socket's inside: its pattern, its connections, and who drives them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fantail/options.hpp"
#include "fantail/result.hpp"
#include "lib/connection.hpp"
#include "lib/endpoint.hpp"
#include "lib/inproc.hpp"
#include "lib/monitor.hpp"
#include "lib/pollable.hpp"
#include "patterns/api.hpp"
#include "patterns/output_queue.hpp"
#include "protocols/sp/session.hpp"
#include "protocols/zmtp/session.hpp"
#include "runtime/idle_policy.hpp"
#include "sys/fd.hpp"
#include "sys/poll_set.hpp"
#include "sys/stream.hpp"

namespace fantail::lib {

class LaneDisk;
class Listener;
class PeerFile;

/// Two may drive an engine: the program's thread, inside of its calls, and the keeper's, while the program does something else.
/// The lock says who; it is never held while waiting. See docs/adr/0007.
///
/// Invariant: while is_attended_, a program's thread waits in poll_ and nobody else dispatches.
class Engine final {
public:
    Engine(patterns::Kind kind, const options& settings);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // For the program's thread; docs in `fantail/socket.hpp`.
    result<std::string> bind(std::string_view address);
    result<void> connect(std::string_view address);
    result<void> unbind(std::string_view address);
    result<void> disconnect(std::string_view address);
    result<void> send(message& m, milliseconds timeout);
    result<void> receive(message& into, milliseconds timeout);
    result<void> change_subscription(byte_view prefix, bool add);
    result<event> next_event(milliseconds timeout);
    // The same, of lanes.
    result<std::uint64_t> post(message& m, milliseconds timeout);
    result<void> flush_journal();
    [[nodiscard]] patterns::LaneProgress lane_progress();
    [[nodiscard]] std::uint64_t unsettled();
    result<void> wait_settled(milliseconds timeout);
    result<void> settle_lane(const patterns::Settlement& settlement);
    /// Lets go what receive() has acknowledged.
    void flush_settled();
    int fd();
    void service();
    void close();
    [[nodiscard]] const options& settings() const { return settings_; }

    // For the keeper.
    enum class Away : std::uint8_t { busy, attended, quiet, active };
    /// Serves the engine if the program's thread is not in it. `quiet`: the program has not called since the last time.
    /// \param may_sleep if attended, the keeper will sleep until Keeper::rejoin
    Away serve_away(bool may_sleep);
    enum class Corked : std::uint8_t { busy, still, flushed, idle, left };
    /// Sends a burst's rest if it has waited long enough. \param may_leave if idle, the keeper stops looking: `left`
    Corked flush_away(MonoTime now, bool may_leave);
    [[nodiscard]] int poll_fd() const { return poll_.fd(); }
    std::atomic<bool> is_burst_watched{false};  ///< the keeper looks after its bursts; set and cleared under its lock
    bool is_dormant = false;  ///< the keeper has gone to sleep over an attended engine; under the lock
    std::uint64_t keeper_id = 0;

    // For links and listeners; the lock is held.
    [[nodiscard]] MonoTime now() const { return now_; }
    [[nodiscard]] patterns::Pattern& pattern() { return *pattern_; }
    [[nodiscard]] patterns::Kind kind() const { return kind_; }
    [[nodiscard]] sys::PollSet& poll() { return poll_; }
    [[nodiscard]] patterns::ChunkPool& chunks() { return chunks_; }
    [[nodiscard]] const zmtp::Config& zmtp_config() const { return zmtp_config_; }
    [[nodiscard]] const sp::Config& sp_config() const { return sp_config_; }
    [[nodiscard]] patterns::QueueLimits input_limits() const;
    [[nodiscard]] sys::StreamOptions stream_options() const;
    void report(event e) { monitor_.add(std::move(e)); }
    void has_output(Connection& link) {
        if (link.is_dirty) return;
        link.is_dirty = true;
        dirty_.push_back(&link);
    }
    void flush_soon() { is_flush_due_ = true; }
    void has_stopped(Connection& link);
    void has_broken(Connection& link) { broken_.push_back(&link); }
    void note_deadline(MonoTime at);
    void attach(Connection& link);
    void detach(Connection& link);
    /// Where news of this process's other sockets come; made when first asked for.
    [[nodiscard]] std::shared_ptr<Inbox> inbox();
    /// So many more connections and listeners need the poll set.
    void watches(int more) { watched_ += more; }
    void accepted(sys::Fd fd, Endpoint endpoint);
    /// There is something in the link's input queue. Hot: once a read.
    void tell_readable(Connection& link) {
        if (is_timed_) [[unlikely]]
            return tell_timed_readable(link);
        pattern_->readable(link);
    }
    /// Tells a pattern with deadlines the time.
    void tick_pattern() {
        if (is_timed_) pattern_->tick(now_);
    }

private:
    class AlarmPollable final : public Pollable {
    public:
        explicit AlarmPollable(Engine& engine) : engine_(engine) {}
        void on_ready(bool, bool) override { engine_.on_alarm(); }

    private:
        Engine& engine_;
    };
    class BellPollable final : public Pollable {
    public:
        void on_ready(bool, bool) override {}
    };
    class InboxPollable final : public Pollable {
    public:
        explicit InboxPollable(Engine& engine) : engine_(engine) {}
        void on_ready(bool, bool) override { engine_.inbox_->bell().take(); }

    private:
        Engine& engine_;
    };
    using Lock = std::unique_lock<std::mutex>;

    // engine.cpp
    [[nodiscard]] MonoTime deadline_of(milliseconds timeout);
    [[nodiscard]] result<Endpoint> resolve(std::string_view address, bool passive);
    /// Whether send() waits for a journal on disk.
    enum class Sending : std::uint8_t { awaited, posted };
    result<void> send_locked(Lock& lock, message& m, milliseconds timeout, Sending how);
    [[nodiscard]] patterns::Outcome send_now(message& m, Sending how);
    [[nodiscard]] patterns::Outcome receive_now(message& into);
    void connect_to(Endpoint endpoint);
    result<std::string> bind_inproc(const Endpoint& endpoint);
    [[nodiscard]] bool has_news() const { return inbox_ != nullptr && inbox_->has_news(); }
    result<void> receive_slow(Lock& lock, message& into, milliseconds timeout, patterns::Outcome outcome);
    result<void> send_slow(Lock& lock, message& m, milliseconds timeout, Sending how, patterns::Outcome outcome);
    [[nodiscard]] fantail::error failure(patterns::Outcome outcome) const;
    void after_send();
    void flush_now();
    void after_receive();
    void join_keeper();

    // engine_lane.cpp
    [[nodiscard]] static std::unique_ptr<LaneDisk> open_journal(patterns::Kind kind, const options& settings);
    [[nodiscard]] patterns::LaneId lane_id() const;
    [[nodiscard]] patterns::Settings settings_for_pattern();
    result<void> keep_posted();
    void after_settle();

    // engine_peers.cpp
    result<void> connect_file(const Endpoint& endpoint);
    void connect_named(const PeerFile& file, const std::string& address);
    void look_at(PeerFile& file);
    /// Returns when to look again.
    [[nodiscard]] MonoTime look_at_peer_files();
    bool disconnect_file(std::string_view address);
    bool disconnect_from(std::string_view address);

    // engine_drive.cpp
    void tell_timed_readable(Connection& link);
    bool wait(Lock& lock, MonoTime until);
    bool poll_awhile(MonoTime now);
    bool sleep(Lock& lock, MonoTime from, MonoTime until);
    bool take_news();
    void arrived(std::shared_ptr<Channel> channel);
    std::size_t turn();
    std::size_t turn_for_program();
    std::size_t dispatch(std::size_t n);
    void flush_dirty();
    bool settle();
    void on_alarm();
    bool resume_stopped();
    void sweep_over();
    void remove_link(Connection& link);
    [[nodiscard]] bool has_unsent() const;

    std::mutex mutex_;
    const patterns::Kind kind_;
    const options settings_;
    const std::unique_ptr<LaneDisk> journal_;  ///< of a lane's sender that keeps one in files; or none
    const patterns::LaneId lane_id_;           ///< of a lane's end
    const zmtp::Config zmtp_config_;
    const sp::Config sp_config_;
    std::unique_ptr<patterns::Pattern> pattern_;
    const bool is_timed_;
    bool speaks_sp_ = false;  ///< on some connection: what may be sent is what fits there
    sys::PollSet poll_;
    sys::Alarm alarm_;
    sys::Doorbell bell_;
    AlarmPollable alarm_pollable_{*this};
    BellPollable bell_pollable_;
    InboxPollable inbox_pollable_{*this};
    std::shared_ptr<Inbox> inbox_;           ///< or null: there are no peers in this process
    std::vector<std::string> inproc_names_;  ///< bound
    int watched_ = 0;                        ///< connections and listeners with descriptors
    patterns::ChunkPool chunks_;
    Monitor monitor_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::unique_ptr<PeerFile>> peer_files_;
    std::vector<std::unique_ptr<Connection>> links_;
    std::vector<std::unique_ptr<Connection>> buried_;  ///< removed while events may still name them
    std::vector<Connection*> dirty_;
    std::vector<Connection*> stopped_;
    std::vector<Connection*> broken_;
    std::vector<sys::PollSet::Ready> ready_;

    MonoTime now_;
    MonoTime alarm_at_ = MonoTime::never();
    MonoTime last_turn_;
    runtime::IdlePolicy idle_;

    // Bursts: see after_send().
    bool is_corked_ = false;
    bool is_flush_due_ = false;
    bool has_received_ = true;  ///< since the last send
    std::uint32_t sends_ = 0;
    MonoTime corked_since_;
    MonoTime last_flush_;
    std::int64_t flush_cost_ns_ = 0;

    bool is_open_ = true;
    bool is_attended_ = false;
    bool is_program_polled_ = false;  ///< fd() was called
    bool is_bell_ringing_ = false;
    bool has_over_ = false;  ///< links whose connection is gone and whose messages are not yet received
    bool is_kept_ = false;   ///< the keeper knows it
    std::uint64_t calls_ = 0;
    std::uint64_t calls_seen_ = 0;  ///< by the keeper
};

}  // namespace fantail::lib

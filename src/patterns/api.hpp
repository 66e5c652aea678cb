// SPDX-License-Identifier: Apache-2.0
//! What a pattern is to the runtime, and a peer to a pattern.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "patterns/lane_settings.hpp"
#include "patterns/message_queue.hpp"
#include "patterns/output_queue.hpp"

namespace fantail::patterns {

enum class Kind : std::uint8_t {
    pair,
    publisher,
    subscriber,
    requester,
    replier,
    dealer,
    router,
    pull,
    push,
    xpublisher,
    xsubscriber,
    surveyor,
    respondent,
    bus,
    client,
    server,
    radio,
    dish,
    lane_sender,
    lane_receiver,
};

[[nodiscard]] inline bool is_lane(Kind kind) { return kind == Kind::lane_sender || kind == Kind::lane_receiver; }

/// How a call of the program ended.
enum class Outcome : std::uint8_t {
    done,
    would_block,    ///< no room, or nothing there; try again after readable() or writable()
    wrong_state,    ///< a request before its reply, or the reverse
    no_route,       ///< no peer of that routing id
    peer_gone,      ///< the peer whose reply was awaited is gone; ask again
    timed_out,      ///< the time for answers is over
    not_supported,  ///< the pattern does not do that
    invalid,        ///< the message lacks a part that the pattern needs
    no_room,        ///< the disk has no room for it; see Pattern::trouble()
    broken,         ///< the journal on disk takes nothing any more; see Pattern::trouble()
};

/// What is in a peer's input queue beside messages, as the message's tag; the body is the prefix, or the lane's command.
enum class Inbound : std::uint32_t { message = 0, subscribe = 1, cancel = 2, lane = 3 };

/// What the program says of a message that a lane has given it.
struct Settlement {
    byte_view lane;            ///< its id
    std::uint64_t number = 0;  ///< its number there
    bool again = false;        ///< it and what follows are wanted once more; else it and all before it are done
};

/// How far a lane's sender is; numbers of messages, 0: none.
struct LaneProgress {
    std::uint64_t taken = 0;
    std::uint64_t durable = 0;
};

/// The settings that patterns look at; docs in `fantail/options.hpp`.
struct Settings {
    bool mandatory = false;
    bool handover = false;
    bool probe = false;
    bool relaxed = false;
    bool correlate = false;
    bool verbose = false;
    bool no_drop = false;
    bool invert_matching = false;
    std::string welcome;
    std::int64_t resend_ms = 0;  ///< a requester's; 0: never
    std::int64_t survey_ms = 1000;
    std::uint32_t first_request_id = 0;  ///< of requests and surveys; best chosen by chance
    LaneSettings lane;
};

/// A message on its way to many peers. What the first of them made of it, its bytes on the wire, serves the others of its form.
struct Fanout {
    const message& m;
    OutputQueue& encoded;    ///< empty at first
    std::uint32_t form = 0;  ///< of the bytes in `encoded`; 0: there are none
};

/// One peer as a pattern sees it; the runtime derives from it. Lives from attach() to detach().
class Peer {
public:
    Peer() = default;
    explicit Peer(QueueLimits limits) : in(limits) {}
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    virtual ~Peer() = default;

    /// Takes `m` and returns true, or leaves it alone because the high-water mark is reached: then Pattern::writable()
    /// follows once there is room. Hot.
    [[nodiscard]] virtual bool send(message& m) = 0;
    /// The same for a message that goes to many. Hot.
    [[nodiscard]] virtual bool send_shared(Fanout& fanout) {
        message copy = fanout.m.share();
        return send(copy);
    }
    /// Whether send() would take a message now.
    [[nodiscard]] virtual bool has_room() = 0;
    /// Tells the peer of a subscription, ahead of the high-water mark. Only while it is ready.
    virtual void subscribe(byte_view prefix, bool add) = 0;
    /// Sends a lane's command, ahead of the high-water mark. Only while it is ready and has a lane.
    virtual void tell(byte_view command) { static_cast<void>(command); }
    /// Drops the messages that send() has taken and that have not begun to leave.
    virtual void forget_queued() {}
    /// The peer has broken the pattern's rules, or is one too many: its connection ends, with `reason` in the event.
    /// Pattern::lost() and detach() follow later, never from inside the call.
    virtual void reject(const char* reason) = 0;

    MessageQueue in;         ///< what it sent and nobody took yet
    std::string routing_id;  ///< as it announced itself; empty if it did not
    std::string lane;        ///< its property of lanes; empty: it knows nothing of them
    bool has_word_envelopes =
        false;  ///< every part of an envelope has 32 bits, and the last one, the request id, has its high bit set

    // The pattern's own.
    static constexpr std::uint32_t nowhere = ~0u;
    std::uint32_t in_place = nowhere;   ///< in the pattern's set of senders
    std::uint32_t out_place = nowhere;  ///< in its set of receivers
    std::uint64_t chosen_for = 0;       ///< the last message it was chosen for
    bool is_ready = false;
};

/// A messaging pattern: decides which peer gets a message, which one is heard next, and what envelope it has. Pure.
/// The runtime calls, for each peer: attach, then any number of (ready, lost), then detach.
class Pattern {
public:
    Pattern() = default;
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;
    virtual ~Pattern() = default;

    /// A peer exists; one that is being connected may be given messages before it is ready.
    virtual void attach(Peer& peer) = 0;
    /// Its connection stands; routing_id is set.
    virtual void ready(Peer& peer) = 0;
    /// Its connection is gone; what it sent can still be received.
    virtual void lost(Peer& peer) = 0;
    /// It ceases to exist.
    virtual void detach(Peer& peer) = 0;
    /// Its `in` is no longer empty.
    virtual void readable(Peer& peer) = 0;
    /// It has room again after a send() that was false.
    virtual void writable(Peer& peer) = 0;

    /// \param m moved from if the outcome is `done`, else unchanged
    [[nodiscard]] virtual Outcome send(message& m) = 0;
    /// \param m written if the outcome is `done`
    [[nodiscard]] virtual Outcome receive(message& m) = 0;
    [[nodiscard]] virtual Outcome subscribe(byte_view prefix, bool add);
    /// Of a lane's receiver.
    [[nodiscard]] virtual Outcome settle(const Settlement& settlement);
    /// Messages that were taken and are not acknowledged: a lane's sender has them.
    [[nodiscard]] virtual std::uint64_t unsettled() const { return 0; }

    /// As send(), without waiting for the disk.
    [[nodiscard]] virtual Outcome post(message& m);
    /// Makes what was posted durable. Outcomes: done, no_room, broken.
    [[nodiscard]] virtual Outcome flush() { return Outcome::done; }
    [[nodiscard]] virtual LaneProgress progress() const { return {}; }
    /// Why the journal on disk did not take something, for people.
    [[nodiscard]] virtual std::string trouble() const { return {}; }
    /// No call follows but detach() and the destructor: puts down what the next life has to know.
    virtual void finish() {}

    /// Whether it has deadlines: then tick() comes before each send() and receive(), and when deadline() is due.
    [[nodiscard]] virtual bool is_timed() const { return false; }
    void tick(MonoTime now) {
        now_ = now;
        on_tick();
    }
    /// The time for a call other than send() and receive(): nothing is done that is due.
    void set_time(MonoTime now) { now_ = now; }
    [[nodiscard]] virtual MonoTime deadline() const { return MonoTime::never(); }

protected:
    [[nodiscard]] MonoTime now() const { return now_; }
    virtual void on_tick() {}

private:
    MonoTime now_;
};

[[nodiscard]] std::unique_ptr<Pattern> make_pattern(Kind kind, const Settings& settings);

}  // namespace fantail::patterns

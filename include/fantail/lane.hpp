// SPDX-License-Identifier: Apache-2.0
//! Lanes: work between two programs that is not lost when a connection or the receiving program is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "fantail/message.hpp"
#include "fantail/options.hpp"
#include "fantail/result.hpp"
#include "fantail/socket.hpp"

namespace fantail {

/// Sends messages to one `lane_receiver`, in order, and keeps each one until it is acknowledged: it is sent again over
/// a new connection, or to a receiver that was restarted. With several receivers the first that can be reached is sent to, and
/// the next one stands in for it when it is lost. Where messages are kept, and so what they outlive, is options::lane.journal.
///
/// With a journal in files a lane outlives its sender: the next lane_sender of the same directory goes on with it, and one at a time may
/// have it. A journal that cannot be opened is told by bind(), connect() and everything that sends: journal_failed.
/// So is one that could not be written: from then on nothing is taken any more, what is durable goes on being sent, and whether
/// what was not told to be durable will be there when it is opened again is not known.
///
/// Over `tcp://` and `ipc://`. Settings: options::lane. Closing waits up to options::linger for acknowledgements, too.
class lane_sender : public socket {
public:
    /// Reads the journal: blocking.
    explicit lane_sender(const options& settings = {});
    /// Done once the message is kept as options::lane.journal says, connected or not; waits while there is no room
    /// (options::lane.journal_…_max). `disk`: one write to stable storage a call, by the calling thread, also for what was posted before.
    /// Errors, beside those of all sockets: exhausted (the disk is full; try again later), journal_failed.
    using socket::send;
    /// As `send`, without waiting for the journal: many messages are written together. They are durable, and only then sent, with
    /// the next flush() or `send`; by themselves when there is 1 MiB of them, and within a few milliseconds. Returns the message's number.
    result<std::uint64_t> post(message&& m) { return post_message(std::move(m)); }
    result<std::uint64_t> post(message&& m, milliseconds timeout) { return post_message(std::move(m), timeout); }
    /// Makes everything posted durable. Errors: exhausted (it stays posted, and is tried again), journal_failed, closed.
    result<void> flush() { return flush_journal(); }
    /// The number of the last message that is durable, with all before it; 0: none yet.
    [[nodiscard]] std::uint64_t durable() { return durable_number(); }
    /// Messages that are kept, those of former lives included.
    [[nodiscard]] std::uint64_t unacknowledged() { return unsettled(); }
    /// Makes everything durable and waits until it is acknowledged. Errors: would_block (time-out 0), timed_out, exhausted,
    /// journal_failed, closed.
    result<void> wait_acknowledged(milliseconds timeout = forever) { return wait_settled(timeout); }
};

/// A message of a lane, and where it stands in it.
struct delivery {
    message content;
    /// The sender's: new for each life of a lane_sender, or of its journal in files; zeros: it has no lane.
    std::array<std::uint8_t, 16> lane{};
    std::uint64_t number = 0;  ///< from 1 on, without gaps but for dead letters; 0: it has no lane
    bool redelivered = false;  ///< a program may have been given it before

    /// The same for each delivery of the message and for no other one: a program that keeps the keys of what it has done (best together
    /// with its outcome) does nothing twice. 32 hexadecimal digits, `-`, the number.
    [[nodiscard]] std::string key() const;
};

/// Receives from all `lane_sender`s, fairly; each lane in order and, within the life of this socket, each message once.
///
/// The program says what is done. What it has not acknowledged when it ends is given to the next one.
class lane_receiver : public socket {
public:
    explicit lane_receiver(const options& settings = {});
    /// Errors: would_block (time-out 0), timed_out, closed.
    result<delivery> receive();
    result<delivery> receive(milliseconds timeout);
    /// This message and all before it in its lane are done. Errors: invalid_argument (it was not given, or its lane is forgotten), closed.
    result<void> ack(const delivery& done) { return settle(done, false); }
    /// This message and those behind it in its lane are wanted once more, after a pause (options::lane.retry_delay_…, of the
    /// sender); after attempts_max times it is a dead letter there. Errors: invalid_argument (it was not given, is acknowledged, or has
    /// no lane), closed.
    result<void> retry(const delivery& failed) { return settle(failed, true); }

private:
    result<void> settle(const delivery& what, bool again);

    milliseconds receive_timeout_;
    bool is_automatic_;
};

}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! A peer as the engine drives it, however its messages travel.
#pragma once

#include <string>

#include "patterns/api.hpp"

namespace fantail::lib {

/// Belongs to its engine, whose lock is held in every call. One that was accepted lives as long as its connection, and then until what it
/// sent has been received; one that connects lives until disconnect().
class Connection : public patterns::Peer {
public:
    using Peer::Peer;

    virtual void begin() = 0;
    /// Hands over what was held back.
    virtual void flush() = 0;
    /// Reads on after a full queue. False if that brought nothing.
    virtual bool resume() = 0;
    virtual void on_timer(MonoTime now) = 0;
    [[nodiscard]] virtual MonoTime deadline() const = 0;
    /// It has told Engine::has_broken(): tells the pattern and the monitor; the connection is gone when it returns.
    virtual void settle_loss() = 0;
    /// Tells a peer whose connection is to be closed that nothing more comes.
    virtual void finish() = 0;

    [[nodiscard]] virtual bool is_connector() const = 0;
    /// Of an accepted one: its connection is gone.
    [[nodiscard]] virtual bool is_over() const = 0;
    /// It has messages that would be lost if it ended now, and may still hand them over.
    [[nodiscard]] virtual bool has_unsent() const = 0;
    [[nodiscard]] virtual const std::string& endpoint() const = 0;

    bool is_attached = false;  ///< to the pattern; the engine's
    bool is_dirty = false;     ///< in the engine's list of those with output
    bool is_stopped = false;   ///< in its list of those whose queue is full
};

}  // namespace fantail::lib

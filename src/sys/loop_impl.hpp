// SPDX-License-Identifier: Apache-2.0
//! The Boost.Asio side of a Loop. Private to sys/: included by its .cpp files only.
#pragma once

#define BOOST_ASIO_NO_DEPRECATED
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "sys/fd.hpp"
#include "sys/loop.hpp"
#include "sys/watch.hpp"

namespace fantail::sys {

using LoopExecutor = boost::asio::io_context::executor_type;

struct Loop::Impl {
    /// Remembers that a source ran in this turn. A source that runs twice shows that asio has begun a second round, so
    /// poll() ends: a peer that never pauses must not keep the owner from the end of its turn.
    void ran(std::uint32_t& last_turn) {
        if (last_turn == turn) round_over = true;
        last_turn = turn;
    }

    // Only the owner's thread touches the context (others reach it by the eventfd alone), so asio locks nothing.
    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
    boost::asio::executor_work_guard<LoopExecutor> work{context.get_executor()};
    std::uint32_t turn = 1;
    bool round_over = false;
    Fd wake_fd;
    Watch wake_watch;
};

}  // namespace fantail::sys

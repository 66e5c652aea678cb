// SPDX-License-Identifier: Apache-2.0
//! What all parts of one local log share: its files, its options, its health, and the count of operations under way.
#pragma once

#include "storage/engine.hpp"
#include "storage/local/options.hpp"
#include "sys/files.hpp"

namespace fantail::storage {

/// Invariant: `failed` is final; `no_space` ends with the first allocation that succeeds.
class Rim {
public:
    Rim(sys::Files& f, const LocalOptions& o, LogListener& listener) : files(f), options(o), listener_(listener) {}
    Rim(const Rim&) = delete;
    Rim& operator=(const Rim&) = delete;

    sys::Files& files;
    const LocalOptions& options;
    LogFigures figures;
    MonoTime now;
    /// Runs after each completion: whoever waits for something looks again.
    std::move_only_function<void()> progress;

    /// Wraps a completion so that the log knows when nothing is under way any more.
    template <class T>
    [[nodiscard]] sys::Done<T> counted(sys::Done<T> done) {
        ++operations_;
        return [this, done = std::move(done)](Result<T> result) mutable {
            --operations_;
            done(std::move(result));
            if (progress) progress();
        };
    }
    [[nodiscard]] bool idle() const { return operations_ == 0; }

    [[nodiscard]] LogState state() const { return state_; }
    [[nodiscard]] bool failed() const { return state_ == LogState::failed; }
    /// A write or sync failed, or stored bytes turned out wrong: nothing becomes durable any more.
    void fail(const Error& reason) {
        if (failed()) return;
        state_ = LogState::failed;
        listener_.on_state(state_, reason);
    }
    /// An allocation failed: full disks are waited for, the rest is final.
    void allocation_failed(const Error& reason) {
        if (reason.code != ErrorCode::no_space) return fail(reason);
        if (failed()) return;
        retry_at_ = now.plus_ms(options.no_space_retry_ms);
        if (state_ == LogState::no_space) return;
        state_ = LogState::no_space;
        listener_.on_state(state_, reason);
    }
    void allocation_succeeded() {
        if (state_ != LogState::no_space) return;
        state_ = LogState::ok;
        listener_.on_state(state_, {});
    }
    /// Space was given back: the next allocation need not wait.
    void space_released() { retry_at_ = MonoTime{}; }
    [[nodiscard]] bool may_allocate() const {
        return state_ == LogState::ok || (state_ == LogState::no_space && now >= retry_at_);
    }
    [[nodiscard]] MonoTime retry_at() const { return state_ == LogState::no_space ? retry_at_ : MonoTime::never(); }

    void report(const std::string& line) const {
        if (options.report) options.report(line);
    }
    [[nodiscard]] std::string path(const std::string& name) const { return options.directory + "/" + name; }
    [[nodiscard]] LogListener& listener() { return listener_; }

private:
    LogListener& listener_;
    LogState state_ = LogState::ok;
    MonoTime retry_at_;
    std::uint64_t operations_ = 0;
};

/// "<prefix><20 digits><suffix>", so that names sort like numbers.
[[nodiscard]] std::string numbered_name(const char* prefix, std::uint64_t number, const char* suffix);
/// The number in such a name; nothing if it is not one.
[[nodiscard]] std::optional<std::uint64_t> number_in_name(const std::string& name, std::string_view prefix,
                                                          std::string_view suffix);

}  // namespace fantail::storage

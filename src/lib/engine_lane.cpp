// SPDX-License-Identifier: Apache-2.0
//! An engine's part in lanes: acknowledgement, its own id, what the monitor hears.
#include "lib/engine.hpp"
#include "lib/lane_disk.hpp"
#include "lib/translate.hpp"
#include "sys/mono.hpp"
#include "sys/random.hpp"

namespace fantail::lib {

std::unique_ptr<LaneDisk> Engine::open_journal(patterns::Kind kind, const options& settings) {
    if (kind != patterns::Kind::lane_sender || settings.lane.journal == lane_journal::memory) return nullptr;
    return std::make_unique<LaneDisk>(settings.lane.journal_directory, settings.lane.journal == lane_journal::os);
}

/// A journal in files knows whose it is.
patterns::LaneId Engine::lane_id() const {
    if (journal_) return journal_->id();
    patterns::LaneId id{};
    if (patterns::is_lane(kind_)) sys::random_bytes(id);
    return id;
}

patterns::Settings Engine::settings_for_pattern() {
    patterns::Settings all = pattern_settings(settings_);
    all.lane.id = lane_id_;
    all.lane.store = journal_.get();
    all.lane.report = [this](patterns::LaneNews what, const std::string& detail) {
        const auto type = what == patterns::LaneNews::resumed ? event::type::lane_resumed : event::type::dead_lettered;
        report({.what = type, .endpoint = "", .peer = "", .reason = detail});
    };
    return all;
}

result<std::uint64_t> Engine::post(message& m, milliseconds timeout) {
    Lock lock(mutex_);
    ++calls_;
    if (auto taken = send_locked(lock, m, timeout, Sending::posted); !taken) return taken.error();
    return pattern_->progress().taken;
}

result<void> Engine::keep_posted() {
    pattern_->set_time(sys::mono_now());
    const patterns::Outcome outcome = pattern_->flush();
    note_deadline(pattern_->deadline());
    if (outcome != patterns::Outcome::done) return failure(outcome);
    return {};
}

result<void> Engine::flush_journal() {
    const Lock lock(mutex_);
    ++calls_;
    if (!is_open_) return errc::closed;
    if (auto kept = keep_posted(); !kept) return kept;
    after_send();
    return {};
}

patterns::LaneProgress Engine::lane_progress() {
    const Lock lock(mutex_);
    return pattern_->progress();
}

std::uint64_t Engine::unsettled() {
    const Lock lock(mutex_);
    return pattern_->unsettled();
}

result<void> Engine::wait_settled(milliseconds timeout) {
    Lock lock(mutex_);
    ++calls_;
    if (auto kept = keep_posted(); is_open_ && !kept) return kept;
    const MonoTime until = deadline_of(timeout);
    for (bool first = true; pattern_->unsettled() > 0; first = false) {
        if (!is_open_) return errc::closed;
        if (timeout.count() == 0 && !first) return errc::would_block;
        if (timeout.count() == 0) flush_dirty(), turn_for_program();
        else if (!wait(lock, until)) return error(errc::timed_out, "not everything is acknowledged");
    }
    settle();
    return {};
}

result<void> Engine::settle_lane(const patterns::Settlement& settlement) {
    const Lock lock(mutex_);
    ++calls_;
    if (!is_open_) return errc::closed;
    const patterns::Outcome outcome = pattern_->settle(settlement);
    if (outcome != patterns::Outcome::done)
        return error(errc::invalid_argument, "not a message that this socket has given and that is not acknowledged");
    after_settle();
    return {};
}

void Engine::flush_settled() {
    const Lock lock(mutex_);
    if (!dirty_.empty()) after_settle();
}

/// Acknowledgements leave as messages do: one alone at once, those of a burst together. Each follows a message that was
/// received, and is no answer that somebody waits for.
void Engine::after_settle() {
    has_received_ = false;
    after_send();
}

}  // namespace fantail::lib

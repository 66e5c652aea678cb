// SPDX-License-Identifier: Apache-2.0
//! Reads on, and answers for all that it read.
#include "sim/kafka_loop.hpp"

#include <algorithm>

namespace fantail::sim {

using namespace kafka;  // NOLINT(google-build-using-namespace): messages, all of them

namespace {

constexpr std::int64_t retry_time = 200 * ms;

FetchHabits habits_of(Random& random) {
    FetchHabits habits = draw_fetch_habits(random);
    habits.committed_only = true;
    habits.wait_max_ms = std::min(habits.wait_max_ms, 500);  // a transaction that it has may not wait
    return habits;
}

}  // namespace

KafkaLoop::KafkaLoop(const KafkaSurroundings& around, const LoopSpec& spec, std::uint64_t number)
    : KafkaTransactor(around, spec.group + "." + std::to_string(number), spec.group, number),
      spec_(spec),
      fetcher_(around.world, around.model, around.topology, name_, habits_of(random_)) {
    fetcher_.on_record = [this](const FetchedRecord&) { ++read_; };
}

void KafkaLoop::find_place() {
    from_ = -1;
    fetching_ = false;
    OffsetFetchRequest request;
    request.group_id = spec_.group;
    request.require_stable = true;
    request.topics.emplace();
    request.topics->push_back({spec_.input->topic->name, {spec_.input->index}});
    constexpr std::int16_t version = 7;
    peer_->ask<OffsetFetchResponse>(request, version,
                                    [this, place = ++places_, at = around_.world.time()](const auto& response) {
                                        if (place == places_) on_place(response, at);
                                    });
}

void KafkaLoop::on_place(const OffsetFetchResponse& response, std::int64_t asked_at) {
    const auto& answer = response.topics.at(0).partitions.at(0);
    // Only while another's transaction is open, which an opener would have ended.
    if (answer.error_code == ApiError::unstable_offset_commit) {
        around_.world.after(retry_time, [this, place = places_] {
            if (place == places_ && connected() && step() == Step::idle) find_place();
        });
        return;
    }
    if (answer.error_code != ApiError::none)
        return around_.world.fail(name_ + ": OffsetFetch ends in error " +
                                  std::to_string(static_cast<int>(answer.error_code)));
    around_.transactions.fetched(spec_, answer.committed_offset, asked_at);
    from_ = to_ = std::max<std::int64_t>(answer.committed_offset, 0);
    read_ = 0;
    note([&] { return "goes on at " + std::to_string(from_) + " of " + spec_.input->queue(); });
    fetcher_.clear();
    fetcher_.add(*spec_.input, from_);
}

void KafkaLoop::fetch() {
    fetching_ = true;
    fetcher_.fetch(peer_, [this, place = places_](std::size_t) {
        if (place != places_) return;
        fetching_ = false;
        to_ = fetcher_.places().at(spec_.input).reader->next;
    });
}

/// What it read is answered for, sooner or later; else it reads on.
void KafkaLoop::on_idle() {
    if (from_ < 0 || fetching_) return;
    if (read_ > 0 && !random_.one_in(4)) begin(!random_.one_in(6));
    else fetch();
}

bool KafkaLoop::fill() {
    if (transaction()->loop != nullptr) return false;
    around_.transactions.consumes(transaction(), spec_, from_, to_);
    write(*spec_.output, std::min<std::uint64_t>(read_, 20));
    return true;
}

void KafkaLoop::on_over(bool committed) {
    if (!committed) {
        // All of it once more, from where the group is.
        if (step() == Step::idle && connected()) find_place();
        else from_ = -1;
        return;
    }
    from_ = to_;
    read_ = 0;
}

}  // namespace fantail::sim

// SPDX-License-Identifier: Apache-2.0
//! Connects, fetches, and fetches again.
#include "sim/group_reader.hpp"

namespace fantail::sim {

void GroupReader::start() {
    if (peer_) {
        if (peer_->ready()) fetch();
        return;
    }
    fetching_ = false;
    peer_ = std::make_shared<KafkaPeer>(around_.world, around_.node,
                                        KafkaPeer::Owner{[this] { fetch(); },
                                                         [this] {
                                                             peer_.reset();
                                                             start_later();
                                                         }});
    if (peer_->open(member_.random)) return;
    peer_.reset();
    start_later();
}

void GroupReader::start_later() {
    const auto pause = static_cast<std::int64_t>(member_.random.between(20, 1500)) * ms;
    around_.world.after(pause, [this, epoch = epoch_] {
        if (epoch == epoch_ && !peer_) start();
    });
}

void GroupReader::stop() {
    ++epoch_;
    fetcher_.clear();
    fetching_ = false;
    if (!peer_) return;
    peer_->drop();
    peer_.reset();
}

void GroupReader::fetch() {
    if (fetching_ || fetcher_.places().empty()) return;
    fetching_ = true;
    fetcher_.fetch(peer_, [this, epoch = epoch_](std::size_t) {
        if (epoch != epoch_) return;
        fetching_ = false;
        if (member_.resting || around_.world.ended()) return;
        around_.world.after(member_.random.one_in(4) ? member_.think_ns : 0, [this, epoch] {
            if (epoch == epoch_ && peer_ && peer_->ready() && !member_.resting) fetch();
        });
    });
}

}  // namespace fantail::sim

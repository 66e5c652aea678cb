// SPDX-License-Identifier: Apache-2.0
//! Work that survives its worker: the first one ends in the middle, a second one does what is left.
#include <fantail/fantail.hpp>
#include <iostream>

/// Does up to `most` tasks. What it was given and has not acknowledged when it ends is given to the next worker.
static int work(fantail::lane_receiver& worker, int most) {
    int done = 0;
    while (done < most) {
        auto task = worker.receive(fantail::milliseconds{5000});
        if (!task) break;
        std::cout << task->content.text() << (task->redelivered ? " (perhaps begun before)\n" : "\n");
        ++done;
        if (!worker.ack(*task)) break;
    }
    return done;
}

int main() {
    fantail::lane_sender tasks;
    const auto address = tasks.bind("tcp://127.0.0.1:*");
    if (!address) return 1;
    for (const char* task : {"the dishes", "the floor", "the windows", "the roof"}) {
        if (!tasks.send(task)) return 1;
    }
    for (int round = 0; round < 2; ++round) {
        fantail::lane_receiver worker;
        if (!worker.connect(*address) || work(worker, 2) != 2) return 1;
    }
    return tasks.wait_acknowledged(fantail::milliseconds{5000}) ? 0 : 1;
}

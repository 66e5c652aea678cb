// SPDX-License-Identifier: Apache-2.0
//! Work that survives who gave it: it is on disk, and the next life of the sender goes on with it.
#include <fantail/fantail.hpp>
#include <filesystem>
#include <iostream>

/// One life of the sending program: gives the tasks that it has, and nobody takes them yet.
static bool give(const fantail::options& settings) {
    fantail::lane_sender tasks(settings);
    for (const char* task : {"the dishes", "the floor", "the windows"}) {
        if (!tasks.post(task)) return false;
    }
    return tasks.flush().ok();  // one write for all; from here on kill -9 takes nothing
}

int main() {
    fantail::options settings;
    settings.linger = fantail::milliseconds{0};
    settings.lane.journal = fantail::lane_journal::disk;
    settings.lane.journal_directory = (std::filesystem::temp_directory_path() / "fantail-example-lane").string();
    if (!give(settings)) return 1;

    fantail::lane_sender next_life(settings);
    fantail::lane_receiver worker;
    const auto address = worker.bind("tcp://127.0.0.1:*");
    if (!address || !next_life.connect(*address)) return 1;
    while (next_life.unacknowledged() > 0) {
        auto task = worker.receive(fantail::milliseconds{5000});
        if (!task || !worker.ack(*task)) return 1;
        std::cout << task->content.text() << '\n';
        static_cast<void>(next_life.wait_acknowledged(fantail::milliseconds{100}));
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
//! Work for two workers: push gives each message to one of them.
#include <fantail/fantail.hpp>
#include <iostream>
#include <thread>

static void work(const std::string& name, const std::string& address) {
    fantail::pull tasks;
    if (!tasks.connect(address)) return;
    while (auto task = tasks.receive()) {
        if (task->text() == "stop") return;
        std::cout << name + " does " + std::string(task->text()) + "\n";
    }
}

int main() {
    fantail::push tasks;
    auto address = tasks.bind("tcp://127.0.0.1:*");
    if (!address) {
        std::cerr << address.error().text() << '\n';
        return 1;
    }
    std::thread ann(work, "ann", *address);
    std::thread bob(work, "bob", *address);
    for (int ready = 0; ready < 2;) ready += tasks.next_event(fantail::forever)->what == fantail::event::type::ready;
    for (const char* task : {"the dishes", "the floor", "the windows", "the roof", "stop", "stop"}) {
        if (!tasks.send(task)) return 1;
    }
    ann.join();
    bob.join();
}

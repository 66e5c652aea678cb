// SPDX-License-Identifier: Apache-2.0
//! A question and its answer, with a time limit.
#include <fantail/fantail.hpp>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

int main() {
    fantail::replier service;
    const auto address = service.bind("ipc://@fantail-example-request-reply");
    if (!address) {
        std::cerr << address.error().text() << '\n';
        return 1;
    }
    std::thread server([&service] {
        auto question = service.receive();
        if (question) static_cast<void>(service.send(std::string_view("you asked: " + std::string(question->text()))));
    });

    fantail::requester client;
    bool answered = false;
    if (client.connect(*address) && client.send("what time is it?")) {
        auto answer = client.receive(5s);
        answered = answer.ok();
        std::cout << (answered ? std::string(answer->text()) : answer.error().text()) << '\n';
    }
    server.join();
    return answered ? 0 : 1;
}

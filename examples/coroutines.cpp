// SPDX-License-Identifier: Apache-2.0
//! Three askers and an answerer as coroutines of one thread.
#include <fantail/async.hpp>
#include <fantail/fantail.hpp>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

static fantail::task<> answer(fantail::async<fantail::router>& desk, fantail::loop& loop) {
    for (int i = 0; i < 3; ++i) {
        auto question = co_await desk.receive(5s);
        if (!question) co_return;
        co_await loop.sleep(10ms);  // others go on meanwhile
        static_cast<void>(co_await desk.send(std::move(*question)));
    }
}

static fantail::task<> ask(const std::string& address, int number, fantail::loop& loop, int& answered) {
    fantail::requester socket;
    fantail::async requests(socket, loop);
    if (!socket.connect(address)) co_return;
    fantail::message question("question " + std::to_string(number));
    if (auto sent = co_await requests.send(std::move(question), 5s); !sent) co_return;
    auto reply = co_await requests.receive(5s);
    if (!reply) co_return;
    std::cout << reply->text() << " was answered\n";
    ++answered;
}

int main() {
    fantail::loop loop;
    fantail::router socket;
    fantail::async desk(socket, loop);
    const auto address = socket.bind("tcp://127.0.0.1:*");
    int answered = 0;
    loop.spawn(answer(desk, loop));
    for (int i = 1; i <= 3; ++i) loop.spawn(ask(*address, i, loop, answered));
    loop.run();
    return answered == 3 ? 0 : 1;
}

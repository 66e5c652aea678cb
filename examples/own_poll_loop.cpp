// SPDX-License-Identifier: Apache-2.0
//! Two sockets in the program's own poll loop.
#include <poll.h>

#include <fantail/fantail.hpp>
#include <iostream>

int main() {
    fantail::pull orders;
    fantail::pull alarms;
    fantail::push shop;
    fantail::push sensor;
    if (!shop.connect(*orders.bind("tcp://127.0.0.1:*")) || !sensor.connect(*alarms.bind("tcp://127.0.0.1:*")))
        return 1;
    for (int i = 0; i < 3; ++i) {
        if (!shop.send("an order") || !sensor.send("an alarm")) return 1;
    }

    pollfd ready[] = {{orders.fd(), POLLIN, 0}, {alarms.fd(), POLLIN, 0}};
    for (int received = 0; received < 6;) {
        if (::poll(ready, 2, 5000) <= 0) return 1;
        for (fantail::pull* socket : {&orders, &alarms}) {
            while (auto m = socket->receive(fantail::milliseconds{0})) {
                std::cout << m->text() << '\n';
                ++received;
            }
        }
    }
}

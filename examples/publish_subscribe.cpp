// SPDX-License-Identifier: Apache-2.0
//! Prices for everybody, and one who wants a single one.
#include <fantail/fantail.hpp>
#include <iostream>

int main() {
    fantail::xpublisher prices;  // a publisher that sees who subscribes
    const auto address = prices.bind("tcp://127.0.0.1:*");
    if (!address) return 1;

    fantail::subscriber gold;
    if (!gold.subscribe("gold ") || !gold.connect(*address)) return 1;
    if (!prices.receive()) return 1;  // its subscription has arrived: nothing will be missed

    for (const char* price : {"silver 30", "gold 4100", "copper 5", "gold 4101"}) {
        if (!prices.send(price)) return 1;
    }
    for (int i = 0; i < 2; ++i) {
        auto price = gold.receive();
        if (!price) return 1;
        std::cout << price->text() << '\n';
    }
}

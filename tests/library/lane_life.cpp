// SPDX-License-Identifier: Apache-2.0
//! One life of a lane's sender or receiver, to be ended by kill -9; says line by line what it was told (tests/recovery/lane_kill9).
//
//   lane_life send DIRECTORY os|disk ADDRESS LIFE SEED COUNT
//     sends `LIFE.1` to `LIFE.COUNT`, each followed by dots; says `N` once all up to LIFE.N are durable, `done` once all is acknowledged
//   lane_life receive ADDRESS SEED
//     says `NUMBER LIFE.N` of each message, or `NUMBER* LIFE.N` if it is marked as redelivered, before it acknowledges
#include <unistd.h>

#include <iostream>
#include <random>
#include <string>

#include "fantail/fantail.hpp"

namespace {

using fantail::milliseconds;

/// At once: what has been said is there after a kill -9.
void say(const std::string& line) {
    const std::string bytes = line + '\n';
    if (::write(STDOUT_FILENO, bytes.data(), bytes.size()) < 0) ::_exit(1);
}

[[noreturn]] void give_up(const fantail::error& why) {
    std::cerr << "lane_life: " << why.text() << '\n';
    ::_exit(1);
}

int send(char** argument) {
    fantail::options settings;
    settings.lane.journal_directory = argument[0];
    settings.lane.journal = std::string(argument[1]) == "os" ? fantail::lane_journal::os : fantail::lane_journal::disk;
    settings.lane.journal_messages_max = 2000;
    settings.lane.retry_delay_min = milliseconds(1);
    const std::string life = argument[3];
    std::mt19937 random(static_cast<unsigned>(std::stoul(argument[4])));
    const unsigned long count = std::stoul(argument[5]);
    fantail::lane_sender out(settings);
    if (auto bound = out.bind(argument[2]); !bound) give_up(bound.error());
    for (unsigned long i = 1; i <= count; ++i) {
        const std::string body = life + "." + std::to_string(i) + std::string(random() % 1500, '.');
        const bool is_posted = random() % 4 != 0;
        if (is_posted) {
            if (auto posted = out.post(std::string_view(body)); !posted) give_up(posted.error());
        } else if (auto sent = out.send(std::string_view(body)); !sent) give_up(sent.error());
        if (is_posted && random() % 50 != 0 && i != count) continue;
        if (auto flushed = out.flush(); !flushed) give_up(flushed.error());
        say(std::to_string(i));
    }
    if (auto acknowledged = out.wait_acknowledged(); !acknowledged) give_up(acknowledged.error());
    say("done");
    return 0;
}

int receive(char** argument) {
    std::mt19937 random(static_cast<unsigned>(std::stoul(argument[1])));
    fantail::options settings;
    settings.reconnect = {.delay_min = milliseconds(1), .delay_max = milliseconds(10)};
    settings.lane.window = 1 + random() % 500;
    fantail::lane_receiver in(settings);
    if (auto connected = in.connect(argument[0]); !connected) give_up(connected.error());
    std::uint64_t unacknowledged = 0;
    while (true) {
        auto got = in.receive(milliseconds(unacknowledged > 0 ? 1 : 1000));
        static fantail::delivery last;
        if (!got) {
            if (unacknowledged > 0) static_cast<void>(in.ack(last));
            unacknowledged = 0;
            continue;
        }
        const std::string body(
            got->content.text().substr(0, got->content.text().find_first_of('.', got->content.text().find('.') + 1)));
        say(std::to_string(got->number) + (got->redelivered ? "* " : " ") + body);
        if (random() % 1000 == 0 && in.retry(*got)) continue;
        ++unacknowledged;
        last = std::move(*got);
        if (random() % 20 != 0) continue;
        static_cast<void>(in.ack(last));
        unacknowledged = 0;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string role = argc > 1 ? argv[1] : "";
    if (role == "send" && argc == 8) return send(argv + 2);
    if (role == "receive" && argc == 4) return receive(argv + 2);
    std::cerr << "lane_life: see lane_life.cpp\n";
    return 2;
}

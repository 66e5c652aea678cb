// SPDX-License-Identifier: Apache-2.0
//! The least that can stand between a producer and a consumer: one thread that copies frames; the ceiling for the driver and the servers.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "driver/connection.hpp"

namespace fantail::bench {

/// `relay` hands every publish to the consumer; `sink` throws it away; `source` sends made-up deliveries without end.
enum class RelayMode : std::uint8_t { relay, sink, source };

struct RelaySpec {
    RelayMode mode = RelayMode::relay;
    std::uint32_t body_bytes = 100;  // of a source's deliveries
    std::string journal;  // when set: every batch is written and synced there before its confirm and delivery
};

/// Serves the driver's own subset of AMQP 0-9-1 for one producer and one consumer on a loopback port of its own,
/// in a thread that lives as long as the object. Blocking sends: whoever connects must read.
class Relay final {
public:
    explicit Relay(RelaySpec spec);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    struct Peer;
    class Journal;
    void run(const std::stop_token& stop);
    void accept_peer();
    bool serve(Peer& peer);
    void on_frame(Peer& peer, Bytes frame);
    void on_method(Peer& peer, Bytes frame);
    void forward(Bytes frame);
    void flush(Peer& peer);
    void feed(Peer& peer);

    const RelaySpec spec_;
    int listener_ = -1;
    int poller_ = -1;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::unique_ptr<Journal> journal_;
    Peer* consumer_ = nullptr;
    std::uint64_t delivery_tag_ = 0;
    std::vector<std::uint8_t> to_consumer_;
    std::vector<std::uint8_t> source_;
    std::jthread thread_;
};

}  // namespace fantail::bench

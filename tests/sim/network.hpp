// SPDX-License-Identifier: Apache-2.0
//! A simulated network: byte streams that are late, cut in pieces, stuck, broken or half-open.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "base/bytes.hpp"
#include "runtime/byte_stream.hpp"
#include "sim/world.hpp"

namespace fantail::sim {

class SimulatedMachine;

/// How one connection's network behaves.
struct LinkQuality {
    std::int64_t latency_ns = 50 * us;
    std::int64_t jitter_ns = 50 * us;
    std::size_t window = 64u << 10;  ///< bytes under way in one direction
    bool splits = true;              ///< reads and writes move less than they could
};

[[nodiscard]] LinkQuality draw_quality(Random& random);

/// A connection between a client and the node. Shared by both ends, and by what is under way between them.
class Link : public std::enable_shared_from_this<Link> {
public:
    /// What the client's end hears.
    struct Client {
        std::function<void(ByteView)> on_bytes;
        std::function<void(bool broken)> on_end;
    };
    /// What the node's end hears; called from outside any turn of its core.
    struct Server {
        std::function<void()> on_news;
    };

    Link(World& world, std::uint64_t number, LinkQuality quality);

    // The client's end.
    void attach_client(Client client) { client_ = std::move(client); }
    void client_send(ByteView bytes);
    /// Nothing more comes from here, and nothing is read.
    void client_close();
    /// It has said good-bye: the broker may let go at any moment.
    void mark_closing() { closing_ = true; }
    [[nodiscard]] bool closing() const { return closing_; }
    /// Reads nothing for so long.
    void client_stall(std::int64_t for_ns);

    // The node's end.
    void attach_server(Server server) { server_ = std::move(server); }
    [[nodiscard]] bool server_readable() const { return !up_.arrived.empty() || up_.ended || broken_for_server_; }
    [[nodiscard]] Result<std::size_t> server_read(MutableBytes into);
    [[nodiscard]] bool server_at_end() const { return up_.ended && up_.arrived.empty(); }
    [[nodiscard]] Result<std::size_t> server_write(ByteView bytes);
    [[nodiscard]] bool server_writable() const { return room() > 0 || broken_for_server_; }
    void server_close();

    // Faults.
    /// Both ends learn, each in its own time, that the connection is gone; what was under way is lost.
    void cut();
    /// What is sent vanishes, in both directions, and nobody is told.
    void black_hole() { lost_ = true; }
    /// From now on everything takes so much longer.
    void slow_down(std::int64_t extra_ns) {
        quality_.latency_ns += extra_ns;
        slow_ = true;
    }

    /// The node has let go of it: what it had sent may still arrive, but it holds nothing for this client.
    [[nodiscard]] bool server_gone() const { return server_gone_at_ != not_yet; }
    /// When it did: not_yet while it has not.
    [[nodiscard]] std::int64_t server_gone_at() const { return server_gone_at_; }
    static constexpr std::int64_t not_yet = INT64_MAX;
    /// Answers may take long, or for ever.
    [[nodiscard]] bool unreliable() const { return lost_ || slow_; }
    /// The client or its window was ever behind: what arrives says nothing about when it was sent.
    [[nodiscard]] bool was_stalled() const { return stalled_until_ > 0 || lost_ || was_full_; }
    [[nodiscard]] std::uint64_t number() const { return number_; }

private:
    struct Direction {
        Bytes arrived;
        std::size_t under_way = 0;
        std::int64_t last_arrival = 0;
        bool ended = false;
    };
    [[nodiscard]] std::size_t room() const;
    std::int64_t arrival(Direction& direction);
    void carry(Direction& direction, ByteView bytes, bool to_server);
    void wake_server();
    void show_client();
    void end_client(bool broken);
    void reset_server();

    World& world_;
    std::uint64_t number_;
    LinkQuality quality_;
    Random random_;
    Direction up_;    ///< to the node
    Direction down_;  ///< to the client
    Client client_;
    Server server_;
    bool lost_ = false;
    bool was_full_ = false;
    bool slow_ = false;
    bool client_gone_ = false;
    bool closing_ = false;
    bool broken_for_server_ = false;
    std::int64_t stalled_until_ = 0;
    std::int64_t server_gone_at_ = not_yet;
};

/// The node's end of a Link as a connection sees it.
class SimulatedStream final : public runtime::ByteStream {
public:
    SimulatedStream(std::shared_ptr<Link> link, SimulatedMachine& machine);
    ~SimulatedStream() override;

    [[nodiscard]] runtime::StreamEnds ends() const override;
    Result<std::size_t> read_some(MutableBytes into) override;
    [[nodiscard]] bool at_end() const override { return at_end_; }
    Result<std::size_t> write_some(ByteView bytes) override;
    void when_readable(std::move_only_function<void()> callback) override;
    void pause_reading() override { reading_ = false; }
    void resume_reading() override;
    void when_writable(std::move_only_function<void()> callback) override;
    void close() override;

    /// Runs the callbacks whose time has come. \return how many; `alive` turns false if one of them destroyed the stream
    std::size_t serve(bool& alive);
    [[nodiscard]] bool ready() const;

private:
    std::shared_ptr<Link> link_;
    SimulatedMachine& machine_;
    std::move_only_function<void()> readable_;
    std::move_only_function<void()> writable_;
    bool reading_ = false;
    bool at_end_ = false;
    bool open_ = true;
    bool* alive_ = nullptr;
};

}  // namespace fantail::sim

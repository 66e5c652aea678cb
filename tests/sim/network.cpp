// SPDX-License-Identifier: Apache-2.0
//! Moves bytes between the ends of links, in their own time.
#include "sim/network.hpp"

#include <algorithm>

#include "sim/simulated_machine.hpp"

namespace fantail::sim {

namespace {
constexpr std::uint64_t network_concern = 0x4E45'5400'0000;
}

LinkQuality draw_quality(Random& random) {
    LinkQuality quality;
    quality.latency_ns = static_cast<std::int64_t>(random.skewed(20, 5'000)) * us;
    quality.jitter_ns = static_cast<std::int64_t>(random.skewed(10, 3'000)) * us;
    quality.window = std::size_t{1} << random.between(10, 18);
    quality.splits = random.one_in(2);
    return quality;
}

Link::Link(World& world, std::uint64_t number, LinkQuality quality)
    : world_(world), number_(number), quality_(quality), random_(world.chance(network_concern + number)) {}

std::int64_t Link::arrival(Direction& direction) {
    std::int64_t delay = quality_.latency_ns +
                         static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(quality_.jitter_ns) + 1));
    if (random_.one_in(500)) delay += static_cast<std::int64_t>(random_.below(40)) * ms;  // a retransmission
    // A stream keeps its order; only different connections overtake each other.
    direction.last_arrival = std::max(direction.last_arrival, world_.time() + delay);
    return direction.last_arrival;
}

void Link::carry(Direction& direction, ByteView bytes, bool to_server) {
    if (lost_) return;
    direction.under_way += bytes.size();
    world_.at(arrival(direction), [self = shared_from_this(), &direction, data = to_bytes(bytes), to_server] {
        direction.under_way -= data.size();
        if (!to_server && self->client_gone_) self->reset_server();
        if (self->lost_ || (to_server ? self->server_gone() : self->client_gone_)) return;
        append(direction.arrived, data);
        if (to_server) self->wake_server();
        else self->show_client();
    });
}

// ---- the client's end

void Link::client_send(ByteView bytes) {
    if (client_gone_ || bytes.empty()) return;
    world_.trace(bytes);
    carry(up_, bytes, true);
}

void Link::client_close() {
    if (client_gone_) return;
    client_gone_ = true;
    client_ = {};
    down_.arrived.clear();
    if (lost_) return;
    world_.at(arrival(up_), [self = shared_from_this()] {
        self->up_.ended = true;
        self->wake_server();
    });
}

/// Bytes have come to an end that is closed: its kernel refuses the connection.
void Link::reset_server() {
    if (lost_ || broken_for_server_) return;
    world_.at(arrival(up_), [self = shared_from_this()] {
        self->broken_for_server_ = true;
        self->wake_server();
    });
}

void Link::client_stall(std::int64_t for_ns) {
    stalled_until_ = world_.time() + for_ns;
    world_.at(stalled_until_, [self = shared_from_this()] { self->show_client(); });
}

void Link::show_client() {
    if (world_.time() < stalled_until_ || down_.arrived.empty() || !client_.on_bytes) return;
    std::size_t count = down_.arrived.size();
    if (quality_.splits && random_.one_in(4)) count = random_.between(1, count);
    const Bytes some = to_bytes(ByteView(down_.arrived).subspan(0, count));
    down_.arrived.erase(down_.arrived.begin(), down_.arrived.begin() + static_cast<std::ptrdiff_t>(count));
    world_.trace(some);
    const auto on_bytes = client_.on_bytes;  // it may let go of the link
    on_bytes(some);
    if (!down_.arrived.empty()) world_.after(10 * us, [self = shared_from_this()] { self->show_client(); });
    else if (down_.ended) end_client(false);
    wake_server();
}

void Link::end_client(bool broken) {
    if (client_gone_) return;
    client_gone_ = true;
    const auto on_end = std::exchange(client_, {}).on_end;
    if (on_end) on_end(broken);
}

// ---- the node's end

void Link::wake_server() {
    if (server_.on_news) server_.on_news();
}

std::size_t Link::room() const {
    const std::size_t used = down_.under_way + down_.arrived.size();
    return used >= quality_.window ? 0 : quality_.window - used;
}

Result<std::size_t> Link::server_read(MutableBytes into) {
    if (broken_for_server_) return fail(ErrorCode::unavailable, "connection reset");
    std::size_t count = std::min(into.size(), up_.arrived.size());
    if (count == 0) return 0;
    if (quality_.splits && random_.one_in(4)) count = random_.between(1, count);
    std::memcpy(into.data(), up_.arrived.data(), count);
    up_.arrived.erase(up_.arrived.begin(), up_.arrived.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
}

Result<std::size_t> Link::server_write(ByteView bytes) {
    if (broken_for_server_) return fail(ErrorCode::unavailable, "connection reset");
    if (lost_) return std::min(bytes.size(), quality_.window);  // the kernel takes it and sends it again and again
    std::size_t count = std::min(bytes.size(), room());
    was_full_ = was_full_ || count < bytes.size();
    if (count > 1 && quality_.splits && random_.one_in(6)) count = random_.between(1, count);
    if (count > 0) carry(down_, bytes.subspan(0, count), false);
    return count;
}

void Link::server_close() {
    if (server_gone()) return;
    server_gone_at_ = world_.time();
    server_ = {};
    up_.arrived.clear();
    if (lost_) return;
    world_.at(arrival(down_), [self = shared_from_this()] {
        self->down_.ended = true;
        if (self->down_.arrived.empty()) self->end_client(false);
    });
}

void Link::cut() {
    if (lost_) return;
    lost_ = true;
    down_.arrived.clear();
    up_.arrived.clear();
    world_.at(arrival(up_), [self = shared_from_this()] {
        self->broken_for_server_ = true;
        self->wake_server();
    });
    world_.at(arrival(down_), [self = shared_from_this()] { self->end_client(true); });
}

// ---- a connection's view

SimulatedStream::SimulatedStream(std::shared_ptr<Link> link, SimulatedMachine& machine)
    : link_(std::move(link)), machine_(machine) {
    machine_.add(*this);
    link_->attach_server({[this] {
        if (ready()) machine_.wake();
    }});
}

SimulatedStream::~SimulatedStream() {
    close();
    machine_.remove(*this);
    if (alive_ != nullptr) *alive_ = false;
}

runtime::StreamEnds SimulatedStream::ends() const {
    return {"10.0.0.1:" + std::to_string(link_->number() % 60000 + 1024), "10.0.0.2:5672", false};
}

Result<std::size_t> SimulatedStream::read_some(MutableBytes into) {
    auto got = link_->server_read(into);
    at_end_ = !got || (*got == 0 && link_->server_at_end());
    if (at_end_) reading_ = false;
    return got;
}

Result<std::size_t> SimulatedStream::write_some(ByteView bytes) { return link_->server_write(bytes); }

void SimulatedStream::when_readable(std::move_only_function<void()> callback) {
    readable_ = std::move(callback);
    resume_reading();
}

void SimulatedStream::resume_reading() {
    reading_ = open_ && !at_end_;
    if (ready()) machine_.wake();
}

void SimulatedStream::when_writable(std::move_only_function<void()> callback) {
    writable_ = std::move(callback);
    if (ready()) machine_.wake();
}

void SimulatedStream::close() {
    if (!open_) return;
    open_ = false;
    reading_ = false;
    link_->server_close();
}

bool SimulatedStream::ready() const {
    if (!open_) return false;
    return (reading_ && link_->server_readable()) || (writable_ && link_->server_writable());
}

std::size_t SimulatedStream::serve(bool& alive) {
    alive_ = &alive;
    std::size_t ran = 0;
    if (open_ && writable_ && link_->server_writable()) {
        auto callback = std::exchange(writable_, nullptr);
        callback();
        ++ran;
    }
    if (alive && open_ && reading_ && readable_ && link_->server_readable()) {
        readable_();
        ++ran;
    }
    if (alive) alive_ = nullptr;
    return ran;
}

}  // namespace fantail::sim

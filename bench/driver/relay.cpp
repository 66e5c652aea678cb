// SPDX-License-Identifier: Apache-2.0
//! One epoll loop; content frames are copied as they are, the publish in front of them becomes a deliver.
#include "driver/relay.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "driver/publish_batch.hpp"
#include "driver/report.hpp"

namespace fantail::bench {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t journal_bytes = std::size_t{256} << 20;
constexpr std::size_t protocol_header_bytes = 8;

bool send_all(int socket, Bytes bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return true;
}

FrameWriter deliver_frame(std::uint64_t tag) {
    FrameWriter out;
    out.begin_method(1, Method::basic_deliver).short_text("c").u64(tag).u8(0).short_text("").short_text("q").end();
    return out;
}

const std::vector<std::uint8_t>& deliver_template() {
    static const std::vector<std::uint8_t> frame = [] {
        const FrameWriter out = deliver_frame(0);
        return std::vector<std::uint8_t>(out.bytes().begin(), out.bytes().end());
    }();
    return frame;
}
constexpr std::size_t deliver_tag_at = 7 + 4 + 2;

std::vector<std::uint8_t> source_batch(std::uint32_t body_bytes) {
    FrameWriter one;
    one.raw(deliver_template());
    one.begin(frame_header, 1).u16(60).u16(0).u64(body_bytes).u16(0).end();
    const std::vector<std::uint8_t> body(body_bytes, 'x');
    one.begin(frame_body, 1).raw(body).end();
    std::vector<std::uint8_t> out;
    do {
        out.insert(out.end(), one.bytes().begin(), one.bytes().end());
    } while (out.size() + one.size() <= 64 * 1024);
    return out;
}

}  // namespace

/// A preallocated file, written before, so that a sync costs the disk's flush and no file system journal.
class Relay::Journal final {
public:
    explicit Journal(const std::string& path)
        : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
        if (file_ < 0) fail(fmt::format("cannot create {}", path));
        const std::vector<std::uint8_t> zeros(1 << 20);
        for (std::size_t at = 0; at < journal_bytes; at += zeros.size()) {
            if (::pwrite(file_, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0)
                fail("cannot fill the journal");
        }
        if (::fdatasync(file_) != 0) fail("fdatasync failed");
        ::unlink(path.c_str());
    }
    ~Journal() { ::close(file_); }
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    void append(Bytes batch) {
        if (at_ + batch.size() > journal_bytes) at_ = 0;
        if (::pwrite(file_, batch.data(), batch.size(), static_cast<off_t>(at_)) < 0 || ::fdatasync(file_) != 0)
            fail("writing the journal failed");
        at_ += batch.size();
    }

private:
    int file_;
    std::size_t at_ = 0;
};

struct Relay::Peer {
    explicit Peer(int s) : socket(s), in(read_bytes + frame_size_max) {}
    ~Peer() { ::close(socket); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    int socket;
    std::vector<std::uint8_t> in;
    std::size_t filled = 0;
    FrameWriter out;
    bool greeted = false;
    bool confirms = false;
    std::uint64_t published = 0;
    std::uint64_t confirmed = 0;
};

Relay::Relay(RelaySpec spec) : spec_(std::move(spec)) {
    if (!spec_.journal.empty()) journal_ = std::make_unique<Journal>(spec_.journal);
    if (spec_.mode == RelayMode::source) source_ = source_batch(spec_.body_bytes);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0)
        fail("the relay cannot listen");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    poller_ = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, listener_, &event);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Relay::~Relay() {
    thread_.request_stop();
    thread_.join();
    ::close(poller_);
    ::close(listener_);
}

void Relay::run(const std::stop_token& stop) {
    std::array<epoll_event, 16> ready{};
    while (!stop.stop_requested()) {
        const bool feeding = spec_.mode == RelayMode::source && consumer_ != nullptr;
        const int n = ::epoll_wait(poller_, ready.data(), static_cast<int>(ready.size()), feeding ? 0 : 50);
        for (int i = 0; i < n; ++i) {
            auto* peer = static_cast<Peer*>(ready[static_cast<std::size_t>(i)].data.ptr);
            if (peer == nullptr) {
                accept_peer();
            } else if (!serve(*peer)) {
                if (consumer_ == peer) consumer_ = nullptr;
                std::erase_if(peers_, [&](const auto& p) { return p.get() == peer; });
            }
        }
        if (feeding && consumer_ != nullptr) feed(*consumer_);
    }
}

void Relay::accept_peer() {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int one = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peers_.push_back(std::make_unique<Peer>(socket));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = peers_.back().get()}};
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, socket, &event);
}

bool Relay::serve(Peer& peer) {
    const auto got =
        ::recv(peer.socket, peer.in.data() + peer.filled, std::min(read_bytes, peer.in.size() - peer.filled), 0);
    if (got <= 0) return false;
    peer.filled += static_cast<std::size_t>(got);
    Bytes rest = Bytes(peer.in).first(peer.filled);
    if (!peer.greeted && rest.size() >= protocol_header_bytes) {
        peer.greeted = true;
        rest = rest.subspan(protocol_header_bytes);
        peer.out.begin_method(0, Method::connection_start)
            .u8(0)
            .u8(9)
            .text_table({})
            .long_text("PLAIN")
            .long_text("en_US")
            .end();
    }
    while (rest.size() >= frame_overhead_bytes) {
        const std::size_t size = load_be<std::uint32_t>(rest.data() + 3) + frame_overhead_bytes;
        if (rest.size() < size) break;
        on_frame(peer, rest.first(size));
        rest = rest.subspan(size);
    }
    std::memmove(peer.in.data(), rest.data(), rest.size());
    peer.filled = rest.size();
    flush(peer);
    return true;
}

void Relay::on_frame(Peer& peer, Bytes frame) {
    if (frame[0] == frame_method) {
        on_method(peer, frame);
    } else if (spec_.mode == RelayMode::relay) {
        forward(frame);
    }
}

void Relay::forward(Bytes frame) { to_consumer_.insert(to_consumer_.end(), frame.begin(), frame.end()); }

void Relay::on_method(Peer& peer, Bytes frame) {
    FrameWriter& out = peer.out;
    switch (static_cast<Method>(load_be<std::uint32_t>(frame.data() + 7))) {
        case Method::basic_publish: {
            ++peer.published;
            if (spec_.mode != RelayMode::relay) return;
            const std::size_t at = to_consumer_.size();
            forward(deliver_template());
            store_be(to_consumer_.data() + at + deliver_tag_at, ++delivery_tag_);
            return;
        }
        case Method::basic_consume: consumer_ = &peer; return;
        case Method::confirm_select:
            peer.confirms = true;
            out.begin_method(1, Method::confirm_select_ok).end();
            return;
        case Method::connection_start_ok:
            out.begin_method(0, Method::connection_tune).u16(2047).u32(frame_size_max).u16(0).end();
            return;
        case Method::connection_open: out.begin_method(0, Method::connection_open_ok).short_text("").end(); return;
        case Method::channel_open: out.begin_method(1, Method::channel_open_ok).u32(0).end(); return;
        case Method::queue_declare:
            out.begin_method(1, Method::queue_declare_ok).short_text("q").u32(0).u32(0).end();
            return;
        case Method::queue_delete: out.begin_method(1, Method::queue_delete_ok).u32(0).end(); return;
        case Method::basic_qos: out.begin_method(1, Method::basic_qos_ok).end(); return;
        default: return;  // acknowledgements and tune-ok need no answer
    }
}

void Relay::flush(Peer& peer) {
    if (!to_consumer_.empty()) {
        if (journal_) journal_->append(to_consumer_);
        if (consumer_ != nullptr) static_cast<void>(send_all(consumer_->socket, to_consumer_));
        to_consumer_.clear();
    }
    if (peer.confirms && peer.published > peer.confirmed) {
        peer.confirmed = peer.published;
        peer.out.begin_method(1, Method::basic_ack).u64(peer.confirmed).u8(1).end();
    }
    if (peer.out.size() > 0) static_cast<void>(send_all(peer.socket, peer.out.bytes()));
    peer.out.clear();
}

void Relay::feed(Peer& peer) {
    if (!send_all(peer.socket, source_)) consumer_ = nullptr;
}

}  // namespace fantail::bench

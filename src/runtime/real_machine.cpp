// SPDX-License-Identifier: Apache-2.0
//! Sockets as byte streams, and the loop with its files.
#include "runtime/real_machine.hpp"

#include "base/assert.hpp"
#include "sys/process.hpp"
#include "sys/random.hpp"
#include "sys/socket.hpp"

namespace fantail::runtime {

namespace {

class SocketStream final : public ByteStream {
public:
    explicit SocketStream(sys::Socket socket) : socket_(std::move(socket)) {}

    [[nodiscard]] StreamEnds ends() const override {
        const sys::Address peer = socket_.peer();
        return {peer.text(), socket_.local().text(), peer.is_loopback()};
    }
    Result<std::size_t> read_some(MutableBytes into) override { return socket_.read_some(into); }
    [[nodiscard]] bool at_end() const override { return socket_.at_end(); }
    Result<std::size_t> write_some(ByteView bytes) override { return socket_.write_some({&bytes, 1}); }
    void when_readable(std::move_only_function<void()> callback) override {
        socket_.when_readable(std::move(callback));
    }
    void pause_reading() override { socket_.pause_reading(); }
    void resume_reading() override { socket_.resume_reading(); }
    void when_writable(std::move_only_function<void()> callback) override {
        socket_.when_writable(std::move(callback));
    }
    void close() override { socket_.close(); }
    void give_up() override { socket_.give_up(); }

private:
    sys::Socket socket_;
};

}  // namespace

RealMachine::RealMachine() {
    auto files = sys::RealFiles::open(loop_);
    FANTAIL_ASSERT(files.has_value());  // `best` always has threads to fall back on
    files_ = std::move(*files);
}

Result<std::unique_ptr<ByteStream>> RealMachine::adopt(sys::Fd fd) {
    FANTAIL_TRY(auto socket, sys::Socket::adopt(loop_, std::move(fd)));
    return std::make_unique<SocketStream>(std::move(socket));
}

std::size_t RealMachine::wait(MonoTime until) {
    const std::size_t ran = loop_.wait(until);
    return ran + poll_completions();
}

unsigned RealMachine::processors() const { return sys::usable_cpu_count(); }
std::uint64_t RealMachine::random_seed() { return sys::random_u64(); }

}  // namespace fantail::runtime

// SPDX-License-Identifier: Apache-2.0
//! Watch over asio's descriptor: the state outlives the Watch until asio has let go of it.
#include "sys/watch.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <utility>

#include "base/assert.hpp"
#include "sys/errno_error.hpp"
#include "sys/loop_impl.hpp"

namespace fantail::sys {

using Descriptor = boost::asio::posix::basic_stream_descriptor<LoopExecutor>;

/// Invariants: counted by the Watch and by every pending wait of asio, all on one thread. `read_memory` holds at most
/// one pending read wait, because every idle connection has exactly one; write waits are rare and come from the heap.
struct Watch::State {
    explicit State(Loop::Impl& owner) : loop(owner), descriptor(owner.context.get_executor()) {}

    void arm_read();
    void arm_write();
    void read_fired(const boost::system::error_code& error);
    void write_fired(const boost::system::error_code& error);
    void unref() {
        if (--references == 0) delete this;
    }

    Loop::Impl& loop;
    Descriptor descriptor;
    std::move_only_function<void()> on_readable;
    std::move_only_function<void()> on_writable;
    std::uint32_t references = 1;
    std::uint32_t last_turn = 0;
    bool open = true;
    bool paused = false;
    bool read_armed = false;
    bool write_armed = false;
    bool memory_used = false;
    static constexpr std::size_t memory_size = 88;
    alignas(8) std::byte read_memory[memory_size];
};

namespace {

/// A counted pointer to the state, held by asio's pending operations.
class StateRef {
public:
    explicit StateRef(Watch::State* state) : state_(state) { ++state_->references; }
    StateRef(const StateRef& other) : state_(other.state_) { ++state_->references; }
    StateRef(StateRef&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    StateRef& operator=(StateRef) = delete;
    ~StateRef() {
        if (state_ != nullptr) state_->unref();
    }
    [[nodiscard]] Watch::State* get() const { return state_; }

private:
    Watch::State* state_;
};

/// Gives asio the state's own memory for its one read wait.
template <class T>
struct SlotAllocator {
    using value_type = T;
    explicit SlotAllocator(Watch::State* s) : state(s) {}
    template <class U>
    explicit(false) SlotAllocator(const SlotAllocator<U>& other) : state(other.state) {}

    T* allocate(std::size_t n) {
        FANTAIL_ASSERT(n * sizeof(T) <= Watch::State::memory_size);
        FANTAIL_ASSERT(!state->memory_used);
        state->memory_used = true;
        return reinterpret_cast<T*>(state->read_memory);
    }
    void deallocate(T* p, std::size_t) {
        FANTAIL_ASSERT(reinterpret_cast<std::byte*>(p) == state->read_memory);
        state->memory_used = false;
    }
    template <class U>
    bool operator==(const SlotAllocator<U>& other) const {
        return state == other.state;
    }
    Watch::State* state;
};

struct ReadFired {
    using allocator_type = SlotAllocator<void*>;
    [[nodiscard]] allocator_type get_allocator() const { return allocator_type(ref.get()); }
    void operator()(const boost::system::error_code& error) { ref.get()->read_fired(error); }
    StateRef ref;
};

struct WriteFired {
    void operator()(const boost::system::error_code& error) { ref.get()->write_fired(error); }
    StateRef ref;
};

}  // namespace

void Watch::State::arm_read() {
    read_armed = true;
    descriptor.async_wait(Descriptor::wait_read, ReadFired{StateRef(this)});
}

void Watch::State::arm_write() {
    write_armed = true;
    descriptor.async_wait(Descriptor::wait_write, WriteFired{StateRef(this)});
}

void Watch::State::read_fired(const boost::system::error_code& error) {
    read_armed = false;
    if (!open || paused || !on_readable) return;
    FANTAIL_ASSERT(!error);  // asio refuses to wait only for what epoll cannot watch: a regular file
    loop.ran(last_turn);
    // Out of its place while it runs, so that it may replace itself.
    auto callback = std::move(on_readable);
    on_readable = nullptr;
    callback();
    if (!open) return;
    if (!on_readable) on_readable = std::move(callback);
    // Arming asks the kernel again, after the callback has read: no edge is missed and no empty call is made.
    if (!paused && !read_armed) arm_read();
}

void Watch::State::write_fired(const boost::system::error_code& error) {
    write_armed = false;
    if (!open || !on_writable) return;
    FANTAIL_ASSERT(!error);
    auto callback = std::move(on_writable);
    on_writable = nullptr;
    callback();
}

Watch& Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        close();
        state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
}

Result<Watch> Watch::open(Loop& loop, int fd) {
    auto* state = new State(loop.impl());
    boost::system::error_code error;
    state->descriptor.assign(fd, error);
    if (!error) return Watch(state);
    state->unref();
    return std::unexpected(errno_error(error.value(), "watch a descriptor"));
}

void Watch::when_readable(std::move_only_function<void()> callback) {
    FANTAIL_ASSERT(state_ != nullptr);
    state_->on_readable = std::move(callback);
    resume_reading();
}

void Watch::pause_reading() {
    if (state_ != nullptr) state_->paused = true;
}

void Watch::resume_reading() {
    FANTAIL_ASSERT(state_ != nullptr);
    state_->paused = false;
    if (!state_->read_armed && state_->on_readable) state_->arm_read();
}

void Watch::when_writable(std::move_only_function<void()> callback) {
    FANTAIL_ASSERT(state_ != nullptr);
    state_->on_writable = std::move(callback);
    if (!state_->write_armed) state_->arm_write();
}

void Watch::close() {
    State* state = std::exchange(state_, nullptr);
    if (state == nullptr) return;
    state->open = false;
    // Ends the pending waits, which then let go of the state.
    state->descriptor.release();
    state->unref();
}

std::size_t Watch::footprint() {
    return sizeof(State) + sizeof(boost::asio::detail::epoll_reactor::descriptor_state);
}

}  // namespace fantail::sys

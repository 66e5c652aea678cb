// SPDX-License-Identifier: Apache-2.0
//! Messages from one thread to another.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "fantail/message.hpp"

namespace fantail::lib {

/// Unbounded, without locks; one thread at a time pushes, one at a time pops. A message is moved in and out: its bytes stay where they are.
/// Hot: a chunk is allocated every chunk_messages messages at most, and used again while the reader keeps up.
class MessagePipe final {
public:
    static constexpr std::size_t chunk_messages = 64;

    MessagePipe() : head_(new Chunk), tail_(head_) {}
    MessagePipe(const MessagePipe&) = delete;
    MessagePipe& operator=(const MessagePipe&) = delete;
    ~MessagePipe() {
        for (Chunk* chunk = head_; chunk != nullptr;) delete std::exchange(chunk, chunk->next);
        delete spare_.load(std::memory_order_relaxed);
    }

    /// The writer's.
    void push(message&& m) {
        if (tail_at_ == chunk_messages) add_chunk();
        tail_->slots[tail_at_++] = std::move(m);
        written_.store(++pushed_, std::memory_order_release);
    }
    /// How many are in it, at least; the writer's.
    [[nodiscard]] std::uint64_t size_at_most() {
        popped_seen_ = read_.load(std::memory_order_seq_cst);
        return pushed_ - popped_seen_;
    }
    /// Whether there are `most` messages in it; looks at the reader's side only if it may be. The writer's.
    [[nodiscard]] bool has(std::uint64_t most) { return pushed_ - popped_seen_ >= most && size_at_most() >= most; }

    /// The reader's.
    [[nodiscard]] bool pop(message& into) {
        if (popped_ == pushed_seen_ && empty()) return false;
        if (head_at_ == chunk_messages) drop_chunk();
        into = std::move(head_->slots[head_at_++]);
        read_.store(++popped_, std::memory_order_release);
        return true;
    }
    /// The reader's.
    [[nodiscard]] bool empty() {
        pushed_seen_ = written_.load(std::memory_order_seq_cst);
        return popped_ == pushed_seen_;
    }

private:
    struct Chunk {
        message slots[chunk_messages];
        Chunk* next = nullptr;
    };
    void add_chunk() {
        Chunk* chunk = spare_.exchange(nullptr, std::memory_order_acquire);
        if (chunk == nullptr) chunk = new Chunk;
        chunk->next = nullptr;
        tail_->next = chunk;
        tail_ = chunk;
        tail_at_ = 0;
    }
    void drop_chunk() {
        Chunk* const done = std::exchange(head_, head_->next);
        delete spare_.exchange(done, std::memory_order_release);
        head_at_ = 0;
    }

    static constexpr std::size_t line = 64;
    alignas(line) Chunk* head_;
    std::size_t head_at_ = 0;
    std::uint64_t popped_ = 0;
    std::uint64_t pushed_seen_ = 0;
    alignas(line) Chunk* tail_;
    std::size_t tail_at_ = 0;
    std::uint64_t pushed_ = 0;
    std::uint64_t popped_seen_ = 0;
    alignas(line) std::atomic<std::uint64_t> written_{0};
    alignas(line) std::atomic<std::uint64_t> read_{0};
    alignas(line) std::atomic<Chunk*> spare_{nullptr};
};

}  // namespace fantail::lib

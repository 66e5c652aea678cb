// SPDX-License-Identifier: Apache-2.0
//! The one owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace fantail::sys {

/// Owns a descriptor and closes it. Movable; may travel between threads.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = other.release();
        }
        return *this;
    }
    ~Fd() { close(); }

    /// The descriptor, still owned; -1 if there is none.
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    /// Gives the descriptor away; the caller closes it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

}  // namespace fantail::sys

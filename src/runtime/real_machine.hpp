// SPDX-License-Identifier: Apache-2.0
//! The machine that the process runs on, as one core sees it.
#pragma once

#include <memory>

#include "runtime/byte_stream.hpp"
#include "runtime/machine.hpp"
#include "sys/calculations.hpp"
#include "sys/clock.hpp"
#include "sys/fd.hpp"
#include "sys/loop.hpp"
#include "sys/real_files.hpp"

namespace fantail::runtime {

/// An event loop and the files on it.
class RealMachine final : public Machine {
public:
    RealMachine();

    [[nodiscard]] sys::Loop& loop() { return loop_; }
    /// A connected socket as a stream on this core. Errors: as sys::Socket::adopt.
    [[nodiscard]] Result<std::unique_ptr<ByteStream>> adopt(sys::Fd fd);

    // Machine
    [[nodiscard]] Now now() const override { return clock_.now(); }
    std::size_t poll() override { return loop_.poll() + poll_completions(); }
    std::size_t wait(MonoTime until) override;
    void wake() noexcept override { loop_.wake(); }
    void defer(std::move_only_function<void()> work) override { loop_.defer(std::move(work)); }
    void calculate(std::move_only_function<void()> work, std::move_only_function<void()> done) override {
        calculations_.run(std::move(work), std::move(done));
    }
    [[nodiscard]] sys::Files& files() override { return *files_; }
    [[nodiscard]] std::size_t files_under_way() const override { return files_->under_way(); }
    [[nodiscard]] unsigned processors() const override;
    [[nodiscard]] std::uint64_t random_seed() override;

private:
    std::size_t poll_completions() { return files_->poll() + calculations_.poll(); }

    sys::SystemClock clock_;
    sys::Loop loop_;
    sys::Calculations calculations_{loop_};
    std::unique_ptr<sys::RealFiles> files_;
};

}  // namespace fantail::runtime

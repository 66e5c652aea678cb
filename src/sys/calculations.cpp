// SPDX-License-Identifier: Apache-2.0
//! Calculations as jobs of a pool of one.
#include "sys/calculations.hpp"

#include <memory>

namespace fantail::sys {

class Calculations::Calculation final : public Job {
public:
    Calculation(std::move_only_function<void()> calculate, std::move_only_function<void()> finish)
        : done(std::move(finish)), work_(std::move(calculate)) {}
    void run() override { work_(); }

    std::move_only_function<void()> done;

private:
    std::move_only_function<void()> work_;
};

Calculations::~Calculations() {
    while (under_way_ > 0) {
        pool_.wait();
        pool_.collect(completed_);
        under_way_ -= completed_.size();
        for (const Job* job : completed_) delete job;
        completed_.clear();
    }
}

void Calculations::run(std::move_only_function<void()> work, std::move_only_function<void()> done) {
    auto calculation = std::make_unique<Calculation>(std::move(work), std::move(done));
    ++under_way_;
    pool_.submit(*calculation.release());
}

std::size_t Calculations::poll() {
    if (under_way_ == 0) [[likely]]
        return 0;
    pool_.collect(completed_);
    const std::size_t count = completed_.size();
    under_way_ -= count;
    for (Job* each : completed_) {
        const std::unique_ptr<Calculation> calculation(static_cast<Calculation*>(each));
        calculation->done();
    }
    completed_.clear();
    return count;
}

}  // namespace fantail::sys

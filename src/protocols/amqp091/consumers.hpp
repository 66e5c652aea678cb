// SPDX-License-Identifier: Apache-2.0
//! The consumers of one connection, by the ids that the broker knows them by.
#pragma once

#include <string>
#include <unordered_map>

#include "broker/api.hpp"

namespace fantail::amqp091 {

struct Consumer {
    ConsumerId id{};
    std::uint16_t channel = 0;
    bool no_ack = false;
    bool exclusive = false;
    std::uint32_t prefetch = 0;  ///< 0: no limit
    broker::QueueKind kind = broker::QueueKind::classic;
    QueueId queue{};
    std::string tag{};
};

/// All consumers of a connection. References stay valid until the consumer is removed.
class Consumers final {
public:
    /// Hot for the consumer asked for last.
    [[nodiscard]] Consumer* find(ConsumerId id) {
        if (last_ != nullptr && last_->id == id) return last_;
        const auto found = all_.find(id);
        if (found == all_.end()) return nullptr;
        last_ = &found->second;
        return last_;
    }
    Consumer& add(Consumer consumer) {
        const ConsumerId id = consumer.id;
        return all_.insert_or_assign(id, std::move(consumer)).first->second;
    }
    void remove(ConsumerId id) {
        last_ = nullptr;
        all_.erase(id);
    }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    template <class F>
    void for_each(F&& f) const {
        for (const auto& [id, consumer] : all_) f(consumer);
    }

private:
    std::unordered_map<ConsumerId, Consumer> all_;
    Consumer* last_ = nullptr;
};

}  // namespace fantail::amqp091

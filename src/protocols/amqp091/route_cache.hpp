// SPDX-License-Identifier: Apache-2.0
//! RouteCache: where messages of one exchange and key go, remembered as long as the topology stands still.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "protocols/amqp091/publication.hpp"

namespace fantail::amqp091 {

/// The queues of a route and what publishing to them demands.
struct PublishRoute {
    struct Queue {
        QueueId id;
        std::uint8_t priority_max = 0;
    };
    std::uint64_t version = ~std::uint64_t{0};  ///< of the catalog; the default is none
    std::string exchange;
    std::string key;
    std::vector<Queue> queues;                 ///< by ascending id, so that those of one shard are neighbours
    bool one_by_one = false;                   ///< some queue decides on each message
    bool deduplicated = false;                 ///< some queue or the exchange looks for duplicates
    std::int64_t deduplication_window_ms = 0;  ///< the exchange's; then the two below are its own too
    ExchangeId exchange_id;
    bool exchange_durable = false;
    std::vector<ExchangeId> histories;  ///< exchanges on the way that remember messages
    bool prioritized = false;           ///< some queue has levels
    // Where the last message of this route went; see Publisher.
    std::uint64_t batch = 0;
    std::size_t batch_index = 0;
    std::uint8_t batch_priority = 0;
};

/// Invariant: an entry is used only while its version is the catalog's.
class RouteCache final {
public:
    explicit RouteCache(const Link& link) : link_(link) {}
    /// The route of a message. The reference lasts until the next call. Hot when it is known already.
    /// Errors: 404 (no exchange), 403 (no permission, internal exchange).
    [[nodiscard]] Replied<PublishRoute*> find(const Publication& message, const Draft& draft);

private:
    [[nodiscard]] Replied<PublishRoute*> resolve(const Publication& message, const Draft& draft);
    [[nodiscard]] Replied<const broker::ExchangeDefinition*> find_open_exchange(std::string_view name);
    void fill(PublishRoute& route, const broker::ExchangeDefinition& exchange) const;
    [[nodiscard]] PublishRoute& slot_for(const Publication& message);

    const Link& link_;
    PublishRoute* last_ = nullptr;
    std::vector<std::unique_ptr<PublishRoute>> slots_;
    PublishRoute single_use_;
    broker::Route found_;
    broker::ExchangeDefinition default_exchange_;
};

}  // namespace fantail::amqp091

// SPDX-License-Identifier: Apache-2.0
//! One Kafka connection of a simulated client: requests in, answers out, in order.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "protocols/kafka/client_frame.hpp"
#include "sim/simulated_node.hpp"

namespace fantail::sim {

class KafkaPeer final : public std::enable_shared_from_this<KafkaPeer> {
public:
    struct Owner {
        std::function<void()> on_open;  ///< logged in
        std::function<void()> on_gone;  ///< the connection is over, and what was asked is not answered any more
    };

    KafkaPeer(World& world, SimulatedNode& node, Owner owner) : world_(world), node_(node), owner_(std::move(owner)) {}
    /// Connects and logs in. Call once. \return false: nobody listens
    [[nodiscard]] bool open(Random& random);
    [[nodiscard]] bool ready() const { return open_ && !over_; }

    /// \param wait_ns how long the broker may let it wait, beside what any answer takes
    template <class Response, class Request>
    void ask(const Request& request, std::int16_t version, std::function<void(const Response&)> answer,
             std::int64_t wait_ns = 0) {
        send(request, version);
        waiting_.push_back({correlation_, world_.time() + wait_ns,
                            [this, version, answer = std::move(answer)](ByteView payload, std::int32_t expected) {
                                const auto response = kafka::decode_response<Response>(payload, version);
                                if (!response)
                                    return world_.fail("an answer that cannot be decoded: " + response.error().message);
                                if (response->correlation_id != expected) return world_.fail("an answer out of turn");
                                answer(response->message);
                            }});
    }
    /// There will be no answer, and the broker may end the connection instead.
    template <class Request>
    void tell(const Request& request, std::int16_t version) {
        may_be_closed_ = true;
        send(request, version);
    }
    /// Ends the connection. The owner is not told.
    void drop();

    /// Something was due and has not come, though nothing hinders it.
    [[nodiscard]] bool owes() const;
    [[nodiscard]] const std::shared_ptr<Link>& link() const { return link_; }

private:
    struct Waiting {
        std::int32_t correlation;
        std::int64_t due;
        std::function<void(ByteView, std::int32_t)> answer;
    };
    template <class Request>
    void send(const Request& request, std::int16_t version) {
        Bytes out;
        kafka::append_request(out, ++correlation_, "sim", version, request);
        link_->client_send(out);
    }
    void log_in();
    void on_bytes(ByteView bytes);
    void on_end(bool broken);
    void gone();
    void watch();

    World& world_;
    SimulatedNode& node_;
    Owner owner_;
    std::shared_ptr<Link> link_;
    std::uint64_t incarnation_ = 0;
    std::int32_t correlation_ = 0;
    std::deque<Waiting> waiting_;
    Bytes in_;
    bool open_ = false;
    bool over_ = false;
    bool may_be_closed_ = false;
};

}  // namespace fantail::sim

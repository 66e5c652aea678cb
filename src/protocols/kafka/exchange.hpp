// SPDX-License-Identifier: Apache-2.0
//! An exchange: one request on its way to its response.
#pragma once

#include <memory>
#include <unordered_map>
#include <utility>

#include "protocols/kafka/frame.hpp"
#include "protocols/kafka/link.hpp"

namespace fantail::kafka {

/// Begun once; then it gets the events that answer what it sent, until it is done. It may be done before begin() returns.
class Exchange {
public:
    Exchange(Link& link, const RequestHeader& header)
        : link_(link), api_(header.api), version_(header.version), correlation_id_(header.correlation_id) {}
    virtual ~Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// \param body valid during the call. Errors: malformed: the connection is closed
    [[nodiscard]] virtual Result<void> begin(ByteView body) = 0;
    virtual void on_event(broker::Event& event) { (void)event; }
    /// deadline() is over.
    virtual void on_deadline() {}

    [[nodiscard]] MonoTime deadline() const { return deadline_; }
    [[nodiscard]] bool done() const { return done_; }
    /// Appends the response, or what of it is not sent yet. REQUIRES done().
    void write(Bytes& out) {
        append(out, response_);
        response_ = {};
    }

protected:
    /// Ends the exchange. The response goes straight to the output where no other is before it.
    template <class M>
    void respond(const M& response) {
        Bytes& out = link_.is_next(*this) ? link_.host().out() : response_;
        append_response(out, correlation_id_, version_, response);
        done_ = true;
    }
    /// Ends the exchange without a response.
    void stay_silent() { done_ = true; }
    void set_deadline(MonoTime at) { deadline_ = at; }

    [[nodiscard]] Link& link() const { return link_; }
    [[nodiscard]] std::int16_t version() const { return version_; }
    [[nodiscard]] ApiKey api() const { return api_; }

private:
    Link& link_;
    ApiKey api_;
    std::int16_t version_;
    std::int32_t correlation_id_;
    MonoTime deadline_ = MonoTime::never();
    bool done_ = false;
    Bytes response_;
};

/// An exchange that keeps its request, for requests that are small.
template <class Request>
class ExchangeOf : public Exchange {
public:
    using Exchange::Exchange;
    [[nodiscard]] Result<void> begin(ByteView body) final {
        body_ = to_bytes(body);
        FANTAIL_TRY(request_, decode<Request>(body_, version(), Behind::passed_over));
        start();
        return {};
    }

protected:
    virtual void start() = 0;
    /// Views into what the exchange keeps.
    [[nodiscard]] const Request& request() const { return request_; }

private:
    Bytes body_;
    Request request_;
};

/// What asks several questions and responds when all are answered.
template <class Request>
class GatheringExchange : public ExchangeOf<Request> {
public:
    using ExchangeOf<Request>::ExchangeOf;

protected:
    /// Asks; its answer goes to take() with `place`.
    void ask(std::size_t place, ShardId shard, broker::ShardCommand command) {
        asked_.emplace(this->link().send(*this, shard, std::move(command)), place);
    }
    void ask(std::size_t place, broker::AdminCommand command) {
        asked_.emplace(this->link().send(*this, std::move(command)), place);
    }
    /// All questions of the start are asked; more may follow from take().
    void asked_all() {
        if (asked_.empty()) finish();
    }
    virtual void take(std::size_t place, broker::Event& event) = 0;
    virtual void finish() = 0;

    void on_event(broker::Event& event) final {
        if (const auto at = asked_.find(request_of(event)); at != asked_.end()) {
            const std::size_t place = at->second;
            asked_.erase(at);
            take(place, event);
        }
        if (asked_.empty()) finish();
    }

private:
    std::unordered_map<RequestId, std::size_t> asked_;  ///< each question's place
};

/// Makes the exchange that answers a request. REQUIRES header.info. Null: the API is not served.
[[nodiscard]] std::unique_ptr<Exchange> make_exchange(Link& link, const RequestHeader& header);
/// Whether the broker serves it: what is not served is not advertised.
[[nodiscard]] bool is_served(ApiKey api);

}  // namespace fantail::kafka

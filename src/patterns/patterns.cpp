// SPDX-License-Identifier: Apache-2.0
//! From a kind to its pattern.
#include "patterns/api.hpp"
#include "patterns/broadcast.hpp"
#include "patterns/lane_receiver.hpp"
#include "patterns/lane_sender.hpp"
#include "patterns/pipeline.hpp"
#include "patterns/publish.hpp"
#include "patterns/request_reply.hpp"

namespace fantail::patterns {

Outcome Pattern::subscribe(byte_view, bool) { return Outcome::not_supported; }

Outcome Pattern::settle(const Settlement&) { return Outcome::not_supported; }

Outcome Pattern::post(message&) { return Outcome::not_supported; }

std::unique_ptr<Pattern> make_pattern(Kind kind, const Settings& settings) {
    switch (kind) {
        case Kind::pair: return std::make_unique<Pair>();
        case Kind::publisher:
        case Kind::radio:
        case Kind::xpublisher: return std::make_unique<Publisher>(kind, settings);
        case Kind::subscriber:
        case Kind::dish:
        case Kind::xsubscriber: return std::make_unique<Subscriber>(kind, settings);
        case Kind::requester: return std::make_unique<Requester>(settings);
        case Kind::replier: return std::make_unique<Replier>(true);
        case Kind::dealer: return std::make_unique<Dealer>(settings);
        case Kind::router: return std::make_unique<Router>(settings);
        case Kind::pull: return std::make_unique<Pull>();
        case Kind::push: return std::make_unique<Push>();
        case Kind::surveyor: return std::make_unique<Surveyor>(settings);
        case Kind::respondent: return std::make_unique<Replier>(false);
        case Kind::client: return std::make_unique<Dealer>(settings, false);
        case Kind::server: return std::make_unique<Router>(settings, true);
        case Kind::bus: return std::make_unique<Bus>();
        case Kind::lane_sender: return std::make_unique<LaneSender>(settings.lane);
        case Kind::lane_receiver: return std::make_unique<LaneReceiver>(settings.lane);
    }
    FANTAIL_ASSERT(!"a kind of pattern that does not exist");
    return nullptr;
}

}  // namespace fantail::patterns

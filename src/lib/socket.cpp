// SPDX-License-Identifier: Apache-2.0
//! The public sockets: an engine each.
#include "fantail/socket.hpp"

#include "lib/engine.hpp"
#include "patterns/api.hpp"

namespace fantail {

using patterns::Kind;

/// The kinds of patterns, so that the public header need not name them.
enum class socket::pattern : std::uint8_t {
    pair = static_cast<std::uint8_t>(Kind::pair),
    publisher = static_cast<std::uint8_t>(Kind::publisher),
    subscriber = static_cast<std::uint8_t>(Kind::subscriber),
    requester = static_cast<std::uint8_t>(Kind::requester),
    replier = static_cast<std::uint8_t>(Kind::replier),
    dealer = static_cast<std::uint8_t>(Kind::dealer),
    router = static_cast<std::uint8_t>(Kind::router),
    pull = static_cast<std::uint8_t>(Kind::pull),
    push = static_cast<std::uint8_t>(Kind::push),
    xpublisher = static_cast<std::uint8_t>(Kind::xpublisher),
    xsubscriber = static_cast<std::uint8_t>(Kind::xsubscriber),
    surveyor = static_cast<std::uint8_t>(Kind::surveyor),
    respondent = static_cast<std::uint8_t>(Kind::respondent),
    bus = static_cast<std::uint8_t>(Kind::bus),
    client = static_cast<std::uint8_t>(Kind::client),
    server = static_cast<std::uint8_t>(Kind::server),
    radio = static_cast<std::uint8_t>(Kind::radio),
    dish = static_cast<std::uint8_t>(Kind::dish),
};

socket::socket(pattern kind, const options& settings)
    : engine_(std::make_unique<lib::Engine>(static_cast<Kind>(kind), settings)) {}
socket::socket(socket&&) noexcept = default;
socket& socket::operator=(socket&&) noexcept = default;
socket::~socket() = default;

result<std::string> socket::bind(std::string_view address) { return engine_->bind(address); }
result<void> socket::connect(std::string_view address) { return engine_->connect(address); }
result<void> socket::unbind(std::string_view address) { return engine_->unbind(address); }
result<void> socket::disconnect(std::string_view address) { return engine_->disconnect(address); }
void socket::close() { engine_->close(); }
int socket::fd() { return engine_->fd(); }
void socket::service() { engine_->service(); }
result<event> socket::next_event(milliseconds timeout) { return engine_->next_event(timeout); }

result<void> socket::send(message&& m) { return engine_->send(m, engine_->settings().send_timeout); }
result<void> socket::send(message&& m, milliseconds timeout) { return engine_->send(m, timeout); }
result<void> socket::receive_into(message& into) { return engine_->receive(into, engine_->settings().receive_timeout); }
result<void> socket::receive_into(message& into, milliseconds timeout) { return engine_->receive(into, timeout); }
result<message> socket::receive() { return receive(engine_->settings().receive_timeout); }
result<message> socket::receive(milliseconds timeout) {
    message m;
    if (auto received = engine_->receive(m, timeout); !received) return received.error();
    return m;
}
result<void> socket::change_subscription(std::string_view prefix, bool add) {
    return engine_->change_subscription({reinterpret_cast<const std::uint8_t*>(prefix.data()), prefix.size()}, add);
}

push::push(const options& settings) : socket(pattern::push, settings) {}
pull::pull(const options& settings) : socket(pattern::pull, settings) {}
publisher::publisher(const options& settings) : socket(pattern::publisher, settings) {}
subscriber::subscriber(const options& settings) : socket(pattern::subscriber, settings) {}
xpublisher::xpublisher(const options& settings) : socket(pattern::xpublisher, settings) {}
xsubscriber::xsubscriber(const options& settings) : socket(pattern::xsubscriber, settings) {}
requester::requester(const options& settings) : socket(pattern::requester, settings) {}
replier::replier(const options& settings) : socket(pattern::replier, settings) {}
dealer::dealer(const options& settings) : socket(pattern::dealer, settings) {}
router::router(const options& settings) : socket(pattern::router, settings) {}
surveyor::surveyor(const options& settings) : socket(pattern::surveyor, settings) {}
respondent::respondent(const options& settings) : socket(pattern::respondent, settings) {}
bus::bus(const options& settings) : socket(pattern::bus, settings) {}
client::client(const options& settings) : socket(pattern::client, settings) {}
server::server(const options& settings) : socket(pattern::server, settings) {}
radio::radio(const options& settings) : socket(pattern::radio, settings) {}
dish::dish(const options& settings) : socket(pattern::dish, settings) {}
pair::pair(const options& settings) : socket(pattern::pair, settings) {}

}  // namespace fantail

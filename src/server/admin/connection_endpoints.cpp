// SPDX-License-Identifier: Apache-2.0
//! /api/connections, /api/channels, /api/consumers.
#include <boost/json.hpp>
#include <charconv>

#include "server/admin/admin_api.hpp"
#include "server/admin/json_text.hpp"
#include "server/admin/page.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

/// As RabbitMQ names connections.
std::string name_of(const ConnectionRow& row) { return row.peer + " -> " + row.local; }

struct Address {
    std::string host;
    json::value port = nullptr;
    /// \param text "127.0.0.1:43210"
    explicit Address(std::string_view text) : host(text.substr(0, text.rfind(':'))) {
        std::uint16_t number = 0;
        const std::string_view digits = text.substr(std::min(text.size(), host.size() + 1));
        if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc()) port = number;
    }
};

json::object json_of_connection(const ConnectionRow& row, std::string_view node) {
    const Address peer(row.peer);
    const Address local(row.local);
    return {// As text: JavaScript's numbers do not hold 64 bits.
            {"id", std::to_string(row.id.value)},
            {"name", name_of(row)},
            {"node", node},
            {"core", core_of(row.id).value},
            {"peer_host", peer.host},
            {"peer_port", peer.port},
            {"host", local.host},
            {"port", local.port},
            {"ssl", row.tls},
            {"protocol", row.session.protocol},
            {"user_provided_name", utf8(row.session.client_name)},
            {"user", utf8(row.session.user)},
            {"vhost", utf8(row.session.vhost)},
            {"state", row.session.state},
            {"channels", row.session.channels},
            {"consumers", row.session.consumers},
            {"recv_oct", row.bytes_in},
            {"send_oct", row.bytes_out}};
}

/// What rows of every list from connections have in common.
struct ConnectionScope {
    Page page;
    std::string vhost;  ///< only of this one; empty: all
    std::string user;   ///< only of this one; empty: all
    std::string node;
    std::vector<ConnectionRow> rows;
    Result<std::string> body;

    void narrow() {
        std::erase_if(rows, [this](const ConnectionRow& row) {
            return (!vhost.empty() && row.session.vhost != vhost) || (!user.empty() && row.session.user != user);
        });
    }
    template <class T, class Less, class NameOf, class Json>
    void finish(std::vector<T> all, Less less, NameOf name, Json json_of_one) {
        const ListCounts counts = cut_page(all, page, less, name);
        json::array items;
        for (const T& each : all) items.push_back(json_of_one(each));
        body = list_body(counts, page, std::move(items));
    }
};

struct ConnectionList : ConnectionScope {
    static constexpr bool needs_details = false;
    void write() {
        narrow();
        std::vector<std::pair<std::string, const ConnectionRow*>> all;
        for (const ConnectionRow& row : rows) all.emplace_back(name_of(row), &row);
        finish(
            std::move(all), [](const auto& a, const auto& b) { return a.second->id < b.second->id; },
            [](const auto& each) -> std::string_view { return each.first; },
            [this](const auto& each) { return json_of_connection(*each.second, node); });
    }
};

struct ChannelList : ConnectionScope {
    static constexpr bool needs_details = true;
    struct Row {
        std::string name;
        const ConnectionRow* connection = nullptr;
        protocols::ChannelInfo channel;
    };
    [[nodiscard]] json::object json_of_row(const Row& row) const {
        const Address peer(row.connection->peer);
        return {{"name", row.name},
                {"number", row.channel.number},
                {"node", node},
                {"user", utf8(row.connection->session.user)},
                {"vhost", utf8(row.connection->session.vhost)},
                {"state", row.connection->session.state},
                {"consumer_count", row.channel.consumers},
                {"messages_unacknowledged", row.channel.unsettled},
                {"prefetch_count", row.channel.prefetch},
                {"global_prefetch_count", row.channel.global_prefetch},
                {"confirm", row.channel.confirms},
                {"transactional", row.channel.transactional},
                {"connection_details",
                 {{"name", name_of(*row.connection)}, {"peer_host", peer.host}, {"peer_port", peer.port}}}};
    }
    void write() {
        narrow();
        std::vector<Row> all;
        for (const ConnectionRow& row : rows)
            for (const protocols::ChannelInfo& each : row.details.channels)
                all.push_back({name_of(row) + " (" + std::to_string(each.number) + ")", &row, each});
        finish(
            std::move(all),
            [](const Row& a, const Row& b) {
                return std::pair(a.connection->id, a.channel.number) < std::pair(b.connection->id, b.channel.number);
            },
            [](const Row& each) -> std::string_view { return each.name; },
            [this](const Row& each) { return json_of_row(each); });
    }
};

struct ConsumerList : ConnectionScope {
    static constexpr bool needs_details = true;
    struct Row {
        const ConnectionRow* connection = nullptr;
        const protocols::ConsumerInfo* consumer = nullptr;
        std::string queue;
    };
    std::unordered_map<QueueId, std::string> queue_names;  ///< made on the core: the catalog is there

    [[nodiscard]] json::object json_of_row(const Row& row) const {
        const Address peer(row.connection->peer);
        const std::string channel = name_of(*row.connection) + " (" + std::to_string(row.consumer->channel) + ")";
        return {{"consumer_tag", utf8(row.consumer->tag)},
                {"queue", {{"name", row.queue}, {"vhost", utf8(row.connection->session.vhost)}}},
                {"ack_required", row.consumer->acknowledges},
                {"exclusive", row.consumer->exclusive},
                {"prefetch_count", row.consumer->prefetch},
                {"channel_details",
                 {{"name", channel},
                  {"number", row.consumer->channel},
                  {"connection_name", name_of(*row.connection)},
                  {"node", node},
                  {"peer_host", peer.host},
                  {"peer_port", peer.port},
                  {"user", utf8(row.connection->session.user)}}}};
    }
    void write() {
        narrow();
        std::vector<Row> all;
        for (const ConnectionRow& row : rows)
            for (const protocols::ConsumerInfo& each : row.details.consumers)
                if (const auto queue = queue_names.find(each.queue); queue != queue_names.end())
                    all.push_back({&row, &each, queue->second});
        finish(
            std::move(all),
            [](const Row& a, const Row& b) {
                return std::tie(a.connection->id, a.consumer->channel, a.consumer->tag) <
                       std::tie(b.connection->id, b.consumer->channel, b.consumer->tag);
            },
            [](const Row& each) -> std::string_view { return each.consumer->tag; },
            [this](const Row& each) { return json_of_row(each); });
    }
};

void add_queue_names(ConnectionScope&, const broker::Catalog&) {}
void add_queue_names(ConsumerList& list, const broker::Catalog& catalog) {
    for (const ConnectionRow& row : list.rows)
        for (const protocols::ConsumerInfo& each : row.details.consumers)
            if (const auto* queue = catalog.queue(each.queue)) list.queue_names[each.queue] = utf8(queue->name);
}

}  // namespace

/// Whoever does not watch over the broker sees their own.
template <class List>
void AdminApi::list_from_connections(const http::Request& request) {
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    const auto wanted = wanted_vhost(request);
    if (!wanted) return refuse(wanted.error());
    auto list = std::make_shared<List>();
    list->page = *page;
    list->vhost = *wanted == nullptr ? "" : (*wanted)->name;
    list->user = caller_.monitoring ? "" : caller_.name;
    list->node = backend_.facts().name;
    backend_.gather_connections(asker(), List::needs_details, [this, list](std::vector<ConnectionRow> rows) {
        list->rows = std::move(rows);
        add_queue_names(*list, catalog());
        write_beside(list, std::move(list->rows));
    });
}

void AdminApi::list_connections(const http::Request& request) { list_from_connections<ConnectionList>(request); }
void AdminApi::list_connections_of_user(const http::Request& request) {
    const std::string& name = request.segments[3];
    if (!caller_.monitoring && caller_.name != name)
        return refuse(not_authorised("User not authorised to access object"));
    const auto page = page_of(request);
    if (!page) return refuse(page.error());
    auto list = std::make_shared<ConnectionList>();
    list->page = *page;
    list->user = name;
    list->node = backend_.facts().name;
    backend_.gather_connections(asker(), false,
                                [this, list](std::vector<ConnectionRow> rows) { write_beside(list, std::move(rows)); });
}

void AdminApi::delete_connections_of_user(const http::Request& request) {
    const std::string& name = request.segments[3];
    if (!caller_.administrator && caller_.name != name)
        return refuse(not_authorised("User not authorised to access object"));
    backend_.gather_connections(asker(), false, [this, name](const std::vector<ConnectionRow>& rows) {
        auto theirs = std::make_shared<std::vector<ConnectionId>>();
        for (const ConnectionRow& row : rows)
            if (row.session.user == name && row.id != host_.id()) theirs->push_back(row.id);
        close_all(theirs);
    });
}

/// One after another; one that has gone meanwhile is as good as closed.
void AdminApi::close_all(const std::shared_ptr<std::vector<ConnectionId>>& connections) {
    if (connections->empty()) return answer("", http::no_content);
    const ConnectionId next = connections->back();
    connections->pop_back();
    backend_.close_connection(asker(), next, "closed by an administrator",
                              [this, connections](bool) { close_all(connections); });
}

void AdminApi::list_channels(const http::Request& request) { list_from_connections<ChannelList>(request); }
void AdminApi::list_consumers(const http::Request& request) { list_from_connections<ConsumerList>(request); }

/// By id or by name; answers 404 by itself.
void AdminApi::find_connection(const std::string& name, std::function<void(const ConnectionRow&)> then) {
    backend_.gather_connections(asker(), false,
                                [this, name, then = std::move(then)](const std::vector<ConnectionRow>& rows) {
                                    for (const ConnectionRow& row : rows) {
                                        const bool is_it = std::to_string(row.id.value) == name || name_of(row) == name;
                                        if (is_it && (caller_.monitoring || row.session.user == caller_.name))
                                            return then(row);
                                    }
                                    refuse({ErrorCode::not_found, "no connection '" + name + "'"});
                                });
}

void AdminApi::get_connection(const http::Request& request) {
    find_connection(request.segments[2], [this](const ConnectionRow& row) {
        answer(json::serialize(json_of_connection(row, backend_.facts().name)));
    });
}

void AdminApi::delete_connection(const http::Request& request) {
    find_connection(request.segments[2], [this](const ConnectionRow& row) {
        if (!caller_.administrator && row.session.user != caller_.name)
            return refuse(not_authorised("User not authorised to access object"));
        backend_.close_connection(asker(), row.id, "closed by an administrator", [this](bool found) {
            if (found) answer("", http::no_content);
            else refuse({ErrorCode::not_found, "the connection is gone already"});
        });
    });
}

}  // namespace fantail::server

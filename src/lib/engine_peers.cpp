// SPDX-License-Identifier: Apache-2.0
//! Peers that a file names: they come and go with its lines.
#include <algorithm>

#include "lib/engine.hpp"
#include "lib/link.hpp"
#include "lib/peer_file.hpp"
#include "lib/translate.hpp"

namespace fantail::lib {

result<void> Engine::connect_file(const Endpoint& endpoint) {
    auto file = std::make_unique<PeerFile>(endpoint.text, endpoint.path);
    const auto first = file->look();
    if (!first) return public_error(first.error());
    for (const std::string& each : first->come) connect_named(*file, each);
    file->next_look = now_.plus_ms(PeerFile::look_interval_ms);
    note_deadline(file->next_look);
    peer_files_.push_back(std::move(file));
    settle();
    join_keeper();
    return {};
}

/// A line that is no address is told, and stands for nobody.
void Engine::connect_named(const PeerFile& file, const std::string& address) {
    auto endpoint = resolve(address, false);
    if (endpoint && endpoint->transport == Transport::file)
        endpoint = error(errc::invalid_argument, address + ": a file of peers names no other file");
    if (endpoint) return connect_to(std::move(*endpoint));
    report(
        {.what = event::type::connect_failed, .endpoint = file.text(), .peer = "", .reason = endpoint.error().text()});
}

void Engine::look_at(PeerFile& file) {
    const auto news = file.look();
    if (!news) {
        report(
            {.what = event::type::connect_failed, .endpoint = file.text(), .peer = "", .reason = news.error().message});
        return;
    }
    for (const std::string& each : news->gone) disconnect_from(each);
    for (const std::string& each : news->come) connect_named(file, each);
}

MonoTime Engine::look_at_peer_files() {
    MonoTime next = MonoTime::never();
    for (const auto& file : peer_files_) {
        if (file->next_look <= now_) {
            look_at(*file);
            file->next_look = now_.plus_ms(PeerFile::look_interval_ms);
        }
        next = std::min(next, file->next_look);
    }
    return next;
}

bool Engine::disconnect_file(std::string_view address) {
    const auto at = std::ranges::find(peer_files_, address, &PeerFile::text);
    if (at == peer_files_.end()) return false;
    for (const std::string& each : (*at)->peers()) disconnect_from(each);
    peer_files_.erase(at);
    return true;
}

bool Engine::disconnect_from(std::string_view address) {
    const auto at = std::ranges::find_if(
        links_, [address](const auto& l) { return l->is_connector() && l->endpoint() == address; });
    if (at == links_.end()) return false;
    (*at)->finish();
    tick_pattern();
    pattern_->lost(**at);
    remove_link(**at);
    if (is_timed_) flush_dirty();  // what was for it goes to others
    return true;
}

}  // namespace fantail::lib

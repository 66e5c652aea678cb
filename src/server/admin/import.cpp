// SPDX-License-Identifier: Apache-2.0
//! What may be asked for next, and which fault came first.
#include "server/admin/import.hpp"

namespace fantail::server {

namespace json = boost::json;

namespace {

std::string_view text_of(const json::object& definition, std::string_view name) {
    const json::value* value = definition.if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

/// Empty: a thing of its own.
std::string thing_of(const ImportSection& section, const json::object& definition) {
    std::string thing;
    for (const std::string_view member : section.identity) {
        const std::string_view text = text_of(definition, member);
        thing += std::to_string(text.size()) + ":";
        thing += text;
    }
    return thing;
}

/// "queue 'orders': …"
Error failure(const ImportSection& section, const json::object& definition, const Error& error) {
    const json::value* name = definition.if_contains("name");
    const std::string text = name != nullptr && name->is_string() ? " '" + std::string(name->as_string()) + "'" : "";
    return {ErrorCode::malformed, std::string(section.singular) + text + ": " + error.message};
}

}  // namespace

Import::Import(std::vector<ImportSection> sections, Send send)
    : sections_(std::move(sections)), send_(std::move(send)) {}

Import::Progress Import::go_on() {
    for (std::size_t looked_at = 0; looked_at < definitions_a_turn; ++looked_at)
        if (!begin_next()) break;
    if (!under_way_.empty()) return Progress::waits;
    return fault_ || section_ == sections_.size() ? Progress::complete : Progress::pauses;
}

/// False: nothing more can be asked for, or not before an answer has come.
bool Import::begin_next() {
    if (fault_ || under_way_.size() == under_way_max || !begin_section()) return false;
    return begin(section().definitions[next_].as_object());
}

/// Goes to the section of the next definition. False: there is none, or what came before is still under way.
bool Import::begin_section() {
    for (; section_ < sections_.size(); ++section_, next_ = 0) {
        if (next_ < section().definitions.size()) return true;
        if (!under_way_.empty()) return false;
    }
    return false;
}

bool Import::begin(const json::object& definition) {
    std::string thing = thing_of(section(), definition);
    if (busy_.contains(thing)) return false;
    auto command = section().make(definition);
    if (!command) {
        note_fault(next_, command.error());
        return false;
    }
    const std::size_t index = next_++;
    if (!*command) {
        section().definitions[index] = nullptr;
        return true;
    }
    if (!thing.empty()) busy_.insert(thing);
    under_way_.push_back({send_(std::move(**command)), index, std::move(thing)});
    return true;
}

void Import::note_fault(std::size_t definition, const Error& error) {
    if (fault_ && fault_->definition < definition) return;
    fault_ = {definition, failure(section(), section().definitions[definition].as_object(), error)};
}

bool Import::takes(const broker::Event& event) {
    const auto* reply = std::get_if<broker::AdminReply>(&event);
    if (reply == nullptr || under_way_.empty() || reply->request != under_way_.front().request) return false;
    const Change& done = under_way_.front();
    if (!reply->outcome) note_fault(done.definition, reply->outcome.error());
    section().definitions[done.definition] = nullptr;  // one by one: to free them all at once would hold up the core
    busy_.erase(done.thing);
    under_way_.pop_front();
    return true;
}

Result<void> Import::outcome() const {
    if (fault_) return std::unexpected(fault_->error);
    return {};
}

}  // namespace fantail::server

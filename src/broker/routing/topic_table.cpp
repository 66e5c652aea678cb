// SPDX-License-Identifier: Apache-2.0
//! Walks the tree of words along every way a key can match.
#include "broker/routing/topic_table.hpp"

#include <algorithm>
#include <cstring>

namespace fantail::broker {

namespace {

/// Takes the words of a key one by one.
class Words {
public:
    explicit Words(std::string_view key) : rest_(key), ended_(key.empty()) {}
    bool next(std::string_view& word) {
        if (ended_) return false;
        const void* dot = std::memchr(rest_.data(), '.', rest_.size());
        if (dot == nullptr) {
            word = rest_;
            ended_ = true;
            return true;
        }
        word = rest_.substr(0, static_cast<std::size_t>(static_cast<const char*>(dot) - rest_.data()));
        rest_.remove_prefix(word.size() + 1);  // a dot at the end leaves an empty last word
        return true;
    }

private:
    std::string_view rest_;
    bool ended_;
};

}  // namespace

std::unique_ptr<TopicTable::Node>& TopicTable::Node::child(std::string_view word) {
    if (word == "*") return star;
    if (word == "#") return hash;
    return next[std::string(word)];
}

/// By a plain word. Hot: comparing a few words is faster than hashing one.
const TopicTable::Node* TopicTable::Node::step(std::string_view word) const {
    constexpr std::size_t few = 4;
    if (next.size() > few) {
        const auto* below = find_in(next, word);
        return below == nullptr ? nullptr : below->get();
    }
    for (const auto& [name, below] : next)
        if (name == word) return below.get();
    return nullptr;
}

void TopicTable::add(const BindingDefinition& binding, Destination to) {
    Node* node = &root_;
    Words words(binding.routing_key);
    std::string_view word;
    while (words.next(word)) {
        auto& below = node->child(word);
        if (!below) {
            below = std::make_unique<Node>();
            below->is_hash = word == "#";
        }
        node = below.get();
    }
    node->here.push_back(to);
}

void TopicTable::remove(const BindingDefinition& binding, Destination to) {
    remove_below(root_, binding.routing_key, binding.routing_key.empty(), to);
}

/// \return whether the node is empty now, so that its parent can drop it. Recursion is bounded by the words of a name.
bool TopicTable::remove_below(Node& node, std::string_view pattern, bool ended, Destination to) {
    if (ended) {
        const auto at = std::find(node.here.begin(), node.here.end(), to);
        if (at != node.here.end()) node.here.erase(at);
        return node.empty();
    }
    const std::size_t dot = pattern.find('.');
    const bool last = dot == std::string_view::npos;
    const std::string_view word = pattern.substr(0, dot);
    auto& below = node.child(word);
    const bool gone = !below || remove_below(*below, last ? std::string_view() : pattern.substr(dot + 1), last, to);
    if (gone) {
        below.reset();
        if (word != "*" && word != "#") node.next.erase(node.next.find(word));
    }
    return node.empty();
}

void TopicTable::match(std::string_view key, const RoutingFacts&, std::uint64_t, Matches& out) const {
    first_step_ = ++step_;
    active_.clear();
    enter(root_, out);
    Words words(key);
    std::string_view word;
    while (!active_.empty() && words.next(word)) {
        ++step_;
        before_.swap(active_);
        active_.clear();
        for (const Node* node : before_) advance(*node, word, out);
    }
    for (const Node* node : active_) out.insert(out.end(), node->here.begin(), node->here.end());
}

/// The key is at `node`, and behind its `#`, which may take nothing.
void TopicTable::enter(const Node& node, Matches& out) const {
    const bool ends_in_hash = node.is_hash && node.is_leaf();
    if (node.seen >= (ends_in_hash ? first_step_ : step_)) return;
    node.seen = step_;
    if (ends_in_hash) {  // the usual end of a pattern: matches whatever follows, so it is done with
        out.insert(out.end(), node.here.begin(), node.here.end());
        return;
    }
    active_.push_back(&node);
    if (node.hash) enter(*node.hash, out);
}

void TopicTable::advance(const Node& node, std::string_view word, Matches& out) const {
    if (node.is_hash) enter(node, out);
    // A key's own words may be "*" or "#": those are never in `next`, and match the patterns like any other word.
    if (const Node* below = node.step(word)) enter(*below, out);
    if (node.star) enter(*node.star, out);
}

}  // namespace fantail::broker

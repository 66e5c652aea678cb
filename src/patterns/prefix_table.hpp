// SPDX-License-Identifier: Apache-2.0
//! Prefixes with values, matched against topics: a radix tree.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace fantail::patterns {

/// Maps prefixes to values. Matching a topic takes one step a node on its path, however many prefixes there are. Nodes lie in
/// one vector and nothing recurses, so that a long chain of prefixes of each other, which any peer may make, costs no stack.
/// \tparam Value default-constructible, with `empty()`: an empty one is as good as none
template <class Value>
class PrefixTable {
public:
    PrefixTable() : nodes_(1) {}

    /// The value of `prefix`, made if need be. Valid until the next change.
    Value& at(ByteView prefix) {
        std::uint32_t node = 0;
        while (!prefix.empty()) {
            std::uint32_t child = child_of(node, prefix[0]);
            if (child == none) return nodes_[add_leaf(node, prefix)].value;
            const std::size_t common = common_size(nodes_[child].label, prefix);
            if (common < nodes_[child].label.size()) child = split(node, child, common);
            prefix = prefix.subspan(common);
            node = child;
        }
        return nodes_[node].value;
    }
    /// The value of `prefix`, or null.
    Value* find(ByteView prefix) { return const_cast<Value*>(std::as_const(*this).find(prefix)); }
    const Value* find(ByteView prefix) const {
        const std::uint32_t node = locate(prefix, nullptr);
        return node == none || nodes_[node].value.empty() ? nullptr : &nodes_[node].value;
    }
    /// Gives back what is empty at and above `prefix`.
    void prune(ByteView prefix) {
        std::vector<std::uint32_t> path;
        if (locate(prefix, &path) == none) return;
        while (path.size() > 1 && nodes_[path.back()].value.empty() && nodes_[path.back()].children.empty()) {
            const std::uint32_t gone = path.back();
            path.pop_back();
            std::erase(nodes_[path.back()].children, gone);
            nodes_[gone] = {};
            free_.push_back(gone);
        }
    }
    /// Calls `visit(value)` for each prefix of `topic`, shortest first, until it returns true; returns whether one did. Hot.
    template <class Visit>
    bool match(ByteView topic, Visit visit) const {
        std::uint32_t node = 0;
        while (true) {
            if (!nodes_[node].value.empty() && visit(nodes_[node].value)) return true;
            if (topic.empty()) return false;
            node = child_of(node, topic[0]);
            if (node == none) return false;
            const std::string& label = nodes_[node].label;
            if (label.size() > topic.size() || std::memcmp(label.data(), topic.data(), label.size()) != 0) return false;
            topic = topic.subspan(label.size());
        }
    }
    /// Calls `visit(prefix, value)` for all, in no order.
    template <class Visit>
    void for_each(Visit visit) const {
        struct Step {
            std::uint32_t node;
            std::size_t prefix_size;  ///< of its parent
        };
        std::vector<Step> open{{0, 0}};
        std::string prefix;
        while (!open.empty()) {
            const Step step = open.back();
            open.pop_back();
            const Node& node = nodes_[step.node];
            prefix.resize(step.prefix_size);
            prefix += node.label;
            if (!node.value.empty()) visit(as_bytes(prefix), node.value);
            for (const std::uint32_t child : node.children) open.push_back({child, prefix.size()});
        }
    }
    /// Nodes in use, the root included; for tests of what is given back.
    [[nodiscard]] std::size_t nodes() const { return nodes_.size() - free_.size(); }

private:
    static constexpr std::uint32_t none = ~0u;
    struct Node {
        std::string label;                    ///< not empty but for the root
        std::vector<std::uint32_t> children;  ///< by first byte of their labels
        Value value;
    };

    [[nodiscard]] static std::uint8_t first_byte(const Node& node) { return static_cast<std::uint8_t>(node.label[0]); }
    [[nodiscard]] static std::size_t common_size(const std::string& label, ByteView bytes) {
        const ByteView mine = as_bytes(label);
        return static_cast<std::size_t>(std::ranges::mismatch(mine, bytes).in1 - mine.begin());
    }
    [[nodiscard]] auto place_of(std::uint32_t node, std::uint8_t byte) const {
        return std::ranges::lower_bound(nodes_[node].children, byte, {},
                                        [this](std::uint32_t child) { return first_byte(nodes_[child]); });
    }
    [[nodiscard]] std::uint32_t child_of(std::uint32_t node, std::uint8_t byte) const {
        const auto at = place_of(node, byte);
        return at != nodes_[node].children.end() && first_byte(nodes_[*at]) == byte ? *at : none;
    }
    std::uint32_t make_node(std::string label) {
        if (free_.empty()) {
            nodes_.emplace_back();
            free_.push_back(static_cast<std::uint32_t>(nodes_.size() - 1));
        }
        const std::uint32_t node = free_.back();
        free_.pop_back();
        nodes_[node].label = std::move(label);
        return node;
    }
    void add_child(std::uint32_t node, std::uint32_t child) {
        const auto at = place_of(node, first_byte(nodes_[child]));
        nodes_[node].children.insert(at, child);
    }
    std::uint32_t add_leaf(std::uint32_t node, ByteView label) {
        const std::uint32_t leaf = make_node(std::string(as_text(label)));
        add_child(node, leaf);
        return leaf;
    }
    /// Puts a node between `node` and its `child` that takes the first `size` bytes of the child's label.
    std::uint32_t split(std::uint32_t node, std::uint32_t child, std::size_t size) {
        const std::uint32_t middle = make_node(nodes_[child].label.substr(0, size));
        std::ranges::replace(nodes_[node].children, child, middle);
        nodes_[child].label.erase(0, size);
        nodes_[middle].children.push_back(child);
        return middle;
    }
    /// The node that ends exactly at `prefix`, or none; its path from the root in `path`.
    std::uint32_t locate(ByteView prefix, std::vector<std::uint32_t>* path) const {
        std::uint32_t node = 0;
        while (true) {
            if (path != nullptr) path->push_back(node);
            if (prefix.empty()) return node;
            node = child_of(node, prefix[0]);
            if (node == none) return none;
            const std::size_t size = nodes_[node].label.size();
            if (common_size(nodes_[node].label, prefix) < size) return none;
            prefix = prefix.subspan(size);
        }
    }

    std::vector<Node> nodes_;
    std::vector<std::uint32_t> free_;
};

}  // namespace fantail::patterns

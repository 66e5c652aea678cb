// SPDX-License-Identifier: Apache-2.0
//! Topic exchanges: patterns of words with `*` (one word) and `#` (any number, also none), as a tree of words.
#pragma once

#include "broker/routing/binding_table.hpp"
#include "broker/text_map.hpp"

namespace fantail::broker {

/// A word a level. A key walks the tree word by word along all ways at once and is in each node at most once a word, so that
/// no pattern, however many `#` it has, costs more than (words of the key) x (nodes of the tree).
/// An empty key has no words; "a..b" has an empty one in the middle.
class TopicTable final : public BindingTable {
public:
    TopicTable() = default;
    void add(const BindingDefinition& binding, Destination to) override;
    void remove(const BindingDefinition& binding, Destination to) override;
    void match(std::string_view key, const RoutingFacts& facts, std::uint64_t draw, Matches& out) const override;
    [[nodiscard]] MatchNature nature() const override { return {true, true}; }

private:
    struct Node {
        TextMap<std::unique_ptr<Node>> next;  ///< by plain word
        std::unique_ptr<Node> star;
        std::unique_ptr<Node> hash;
        std::vector<Destination> here;
        bool is_hash = false;            ///< stands behind a `#`: takes any word and stays
        mutable std::uint64_t seen = 0;  ///< the last step in which a key was here
        [[nodiscard]] bool is_leaf() const { return next.empty() && !star && !hash; }
        [[nodiscard]] bool empty() const { return is_leaf() && here.empty(); }
        std::unique_ptr<Node>& child(std::string_view word);
        [[nodiscard]] const Node* step(std::string_view word) const;
    };
    static bool remove_below(Node& node, std::string_view pattern, bool ended, Destination to);
    void enter(const Node& node, Matches& out) const;
    void advance(const Node& node, std::string_view word, Matches& out) const;

    Node root_;
    // Scratch of match().
    mutable std::vector<const Node*> active_;
    mutable std::vector<const Node*> before_;
    mutable std::uint64_t step_ = 0;        ///< counts words of all keys
    mutable std::uint64_t first_step_ = 0;  ///< of the present key
};

}  // namespace fantail::broker

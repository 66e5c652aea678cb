// SPDX-License-Identifier: Apache-2.0
//! A vector whose front can be dropped cheaply; holds nothing when empty.
#pragma once

#include <cstddef>
#include <vector>

namespace fantail::storage {

/// Invariant: items_[0, head_) are dropped; they are erased when they are the larger half.
template <class T>
class FrontVector {
public:
    [[nodiscard]] bool empty() const { return head_ == items_.size(); }
    [[nodiscard]] std::size_t size() const { return items_.size() - head_; }
    [[nodiscard]] T& operator[](std::size_t i) { return items_[head_ + i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const { return items_[head_ + i]; }
    [[nodiscard]] T& front() { return items_[head_]; }
    [[nodiscard]] T& back() { return items_.back(); }
    [[nodiscard]] auto begin() { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
    [[nodiscard]] auto end() { return items_.end(); }
    [[nodiscard]] auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
    [[nodiscard]] auto end() const { return items_.end(); }
    void push_back(const T& item) { items_.push_back(item); }
    void insert(std::size_t at, const T& item) { items_.insert(begin() + static_cast<std::ptrdiff_t>(at), item); }
    void erase(std::size_t at) {
        if (at == 0) return pop_front();
        items_.erase(begin() + static_cast<std::ptrdiff_t>(at));
    }
    void pop_front() {
        ++head_;
        if (head_ == items_.size()) {
            head_ = 0;
            if (items_.capacity() > 64) items_ = {};
            else items_.clear();
        } else if (head_ >= 32 && head_ * 2 >= items_.size()) {
            items_.erase(items_.begin(), begin());
            head_ = 0;
        }
    }

private:
    std::vector<T> items_;
    std::size_t head_ = 0;
};

}  // namespace fantail::storage

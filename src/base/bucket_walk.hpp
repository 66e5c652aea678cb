// SPDX-License-Identifier: Apache-2.0
//! A walk over an unordered container in pieces, between which the container may change.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fantail {

/// Where such a walk has come. An element that is there all the while is visited once; one that comes or goes meanwhile,
/// once or not at all. When the container has grown into more buckets, the walk begins anew: that happens a few times at
/// most, because each time it is twice as many.
class BucketWalk final {
public:
    enum class Progress : std::uint8_t {
        more,         ///< there are further pieces
        done,         ///< this was the last one
        begins_anew,  ///< nothing was visited, and what was visited before counts no more
    };
    /// Visits further elements, whole buckets of them, until `count` were visited or as many buckets were empty.
    template <class Container, class Visit>
    [[nodiscard]] Progress next(const Container& container, std::size_t count, Visit visit) {
        if (next_ > 0 && buckets_ != container.bucket_count()) {
            next_ = 0;
            return Progress::begins_anew;
        }
        buckets_ = container.bucket_count();
        for (std::size_t looked_at = 0; looked_at < count && next_ < buckets_; ++looked_at, ++next_) {
            for (auto each = container.begin(next_); each != container.end(next_); ++each) {
                visit(*each);
                ++looked_at;
            }
        }
        return next_ < buckets_ ? Progress::more : Progress::done;
    }

private:
    std::size_t next_ = 0;
    std::size_t buckets_ = 0;
};

}  // namespace fantail

// SPDX-License-Identifier: Apache-2.0
//! A lane's journal in files, for its sender's pattern.
#pragma once

#include <memory>
#include <string>

#include "patterns/lane_store.hpp"
#include "storage/lane/lane_log.hpp"
#include "storage/lane/posix_lane_files.hpp"

namespace fantail::lib {

/// Translates messages and states to the bytes that a LaneLog keeps. One that could not be opened is broken from the start.
class LaneDisk final : public patterns::LaneStore {
public:
    /// Blocking. \param is_cached writes are through the page cache
    LaneDisk(const std::string& directory, bool is_cached);
    /// The same over other files, which outlive it.
    LaneDisk(storage::LaneFiles& files, const std::string& directory, bool is_cached);
    ~LaneDisk() override { close(); }

    [[nodiscard]] const patterns::LaneId& id() const { return found_.state.id; }
    [[nodiscard]] bool is_unopened() const { return is_unopened_; }

    Found take_found() override { return std::move(found_); }
    Kept append(const message& m) override;
    void take_back() override { log_->take_back(); }
    Kept commit() override;
    patterns::LaneNumber durable_end() const override;
    std::size_t waiting_bytes() const override { return log_ ? log_->gathered_bytes() : 0; }
    Kept save(const patterns::LaneState& state) override;
    void forget_before(patterns::LaneNumber number) override;
    const std::string& trouble() const override { return trouble_; }
    void close() override { log_.reset(); }

private:
    void open(const std::string& directory, bool is_cached);
    Result<void> recover(const std::string& directory, bool is_cached);
    Result<void> take_state(patterns::LaneNumber first);
    [[nodiscard]] Kept failed(const Error& why);

    std::unique_ptr<storage::PosixLaneFiles> own_files_;
    storage::LaneFiles& files_;
    std::unique_ptr<storage::LaneLog> log_;
    Found found_;
    bool is_unopened_ = false;
    std::string trouble_;
};

/// A message as an entry: parts u32, then each: size u32, bytes. Big endian.
[[nodiscard]] std::size_t lane_entry_size(const message& m);
/// \param out lane_entry_size() bytes
void encode_lane_entry(const message& m, MutableBytes out);
/// Errors: malformed.
[[nodiscard]] Result<message> decode_lane_entry(ByteView bytes);

}  // namespace fantail::lib

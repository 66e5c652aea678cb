// SPDX-License-Identifier: Apache-2.0
//! A lane's journal on disk: numbered entries in journal files, and one small state beside them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/ids.hpp"
#include "storage/lane/lane_files.hpp"
#include "storage/lane/lane_slot.hpp"
#include "sys/aligned_buffer.hpp"

namespace fantail::storage {

struct LaneLogOptions {
    std::string directory;    ///< of this lane alone; made if missing
    bool is_cached = false;   ///< `files` outlive the process only: what a crash of the machine has torn is cut off
    std::uint64_t nonce = 0;  ///< by chance: seeds the checksums of new files
    std::uint64_t file_size =
        8u << 20;                ///< bytes of a journal file, a multiple of 4096; an entry that needs more gets its own
    std::size_t spares_max = 4;  ///< files without needed entries that are kept to be used again
};

/// Entries are gathered by append() and become durable together, as one frame, by commit(): one write under way at a time.
///
/// Invariants: files_ have adjacent sequences; the last one is written. released_ of them, the first ones, hold nothing that is needed.
/// After a write that failed in any way but for want of room nothing is written any more: failed().
class LaneLog final {
public:
    /// Gets each entry that is found, by number, ascending without gaps. The view lives as long as the call.
    using Replay = std::function<void(Lsn number, ByteView entry)>;
    static constexpr std::size_t entry_size_max = 1u << 30;

    /// Blocking. Errors: of `files` (unavailable: somebody else has it open), corrupt (names file and byte), unsupported (a newer
    /// version).
    [[nodiscard]] static Result<std::unique_ptr<LaneLog>> open(LaneFiles& files, LaneLogOptions options,
                                                               const Replay& replay);
    ~LaneLog();
    LaneLog(const LaneLog&) = delete;
    LaneLog& operator=(const LaneLog&) = delete;

    /// As it was saved last before open(); empty: never.
    [[nodiscard]] const Bytes& found_state() const { return found_state_; }
    /// The machine was booted anew since it was written through the page cache: the last entries may be missing.
    [[nodiscard]] bool may_have_lost() const { return may_have_lost_; }

    /// Room for the next entry's bytes, to be written before any other call. Hot. Nothing has changed after an error: too_large,
    /// those of making a file (no_space, …), those of commit().
    [[nodiscard]] Result<MutableBytes> append(std::size_t size);
    /// Forgets the last entry, which is not committed.
    void take_back();
    /// Makes what was gathered durable. Blocking. Errors: no_space (it stays gathered, and may be tried again); else it has failed().
    Result<void> commit();
    /// Replaces the state, as safely as `files` write. Blocking. \param state at most lane_state_size_max bytes. Errors: as commit().
    Result<void> save(ByteView state);
    /// Entries before `number` are not needed any more.
    void release_before(Lsn number);

    [[nodiscard]] Lsn next() const { return next_; }                  ///< what the next entry will be numbered
    [[nodiscard]] Lsn durable_end() const { return committed_end_; }  ///< behind the last one committed
    [[nodiscard]] std::size_t gathered_bytes() const;
    [[nodiscard]] std::uint64_t disk_bytes() const;
    [[nodiscard]] const std::optional<Error>& failed() const { return failed_; }

private:
    struct File {
        std::string name;
        sys::FileId id;
        std::uint64_t size = 0;
        std::uint64_t sequence = 0;
        std::uint64_t end = 0;  ///< where the next frame goes
        Lsn behind;             ///< behind its last entry
        std::uint32_t seed = 0;
        bool is_new = true;  ///< it has never had a header
    };
    friend class LaneRecovery;

    LaneLog(LaneFiles& files, LaneLogOptions options) : files_io_(files), options_(std::move(options)) {}
    [[nodiscard]] std::string path(const std::string& name) const { return options_.directory + "/" + name; }
    Result<void> open_state();
    [[nodiscard]] bool fits(std::uint64_t frame_size) const;
    Result<void> begin_file(std::uint64_t frame_size);
    Result<void> put_aside(File file, const Error& reason);
    [[nodiscard]] Result<File> next_file(std::uint64_t size_min);
    [[nodiscard]] Result<File> create_file(std::uint64_t size);
    Result<std::uint32_t> write_header(const File& file);
    void drop_front();
    void remove(const std::string& name);
    void make_room(std::size_t used);
    Result<void> judged(Result<void> done);

    LaneFiles& files_io_;
    const LaneLogOptions options_;
    std::optional<sys::FileId> lock_;
    std::optional<sys::FileId> state_file_;
    Bytes found_state_;
    std::uint64_t slot_sequence_ = 0;
    std::uint64_t found_durable_ = 0;
    MachineLife life_{};
    bool may_have_lost_ = false;

    std::deque<File> files_;
    std::size_t released_ = 0;
    std::uint64_t last_sequence_ = 0;
    std::uint64_t last_name_ = 0;
    std::uint64_t nonces_ = 0;
    std::uint32_t previous_crc_ = 0;

    Lsn next_{1};
    Lsn committed_end_{1};
    sys::AlignedBuffer gathered_;
    std::size_t used_ = 0;         ///< of gathered_, the frame's header included
    std::size_t used_before_ = 0;  ///< the last entry
    std::uint32_t entries_ = 0;
    std::optional<Error> failed_;
};

}  // namespace fantail::storage

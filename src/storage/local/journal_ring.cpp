// SPDX-License-Identifier: Apache-2.0
//! The journal's files: one is written, one is prepared, full ones wait to be flushed and are recycled.
#include "storage/local/journal_ring.hpp"

#include <algorithm>

namespace fantail::storage {

namespace {
/// The very first file is small, so that a new log can write at once.
constexpr std::uint64_t first_file_divisor = 4;
/// Files come back in bursts, when a checkpoint is stored: with fewer spares new ones would be zeroed all the time.
constexpr std::size_t spares_max = 2;
}  // namespace

std::string journal_name(std::uint64_t sequence) { return numbered_name("journal-", sequence, ".log"); }

JournalFile& JournalRing::file(std::uint64_t sequence) {
    FANTAIL_ASSERT(!files_.empty() && sequence >= files_.front().sequence && sequence <= files_.back().sequence);
    return files_[sequence - files_.front().sequence];
}

JournalFile& JournalRing::take() {
    FANTAIL_ASSERT(has_next());
    if (!files_.empty()) files_.back().full = true;
    files_.push_back({.sequence = next_sequence_++, .file = next_->file, .size = next_->size});
    next_.reset();
    return files_.back();
}

void JournalRing::prepare(bool must) {
    // A removal under way might hit the new file: it may have the same name.
    if (next_ || preparing_ || removing_ > 0 || rim_.failed()) return;
    if (!spares_.empty()) return recycle();
    // Flushed files wait for a snapshot only: one that needs a file to be stored cannot wait for them.
    const auto count = must ? std::ranges::count(files_, false, &JournalFile::flushed) : std::ssize(files_);
    if (current() != nullptr && static_cast<std::size_t>(count) + 1 >= rim_.options.journal_files_max) return;
    if (rim_.may_allocate()) create();
}

void JournalRing::recycle() {
    // A spare that already has the wanted name must be the one: renaming another over it would lose it.
    auto at = std::ranges::find(spares_, journal_name(next_sequence_), &Spare::name);
    if (at == spares_.end()) at = spares_.begin();
    Spare spare = std::move(*at);
    spares_.erase(at);
    preparing_ = true;
    write_header(std::move(spare));
}

void JournalRing::create() {
    preparing_ = true;
    const bool first = files_.empty();
    const auto size = first ? rim_.options.journal_file_size / first_file_divisor : rim_.options.journal_file_size;
    rim_.files.create_zeroed(rim_.path(journal_new_name), size,
                             rim_.counted<sys::FileId>([this, size](Result<sys::FileId> file) {
                                 if (!file) return not_ready(file.error());
                                 write_header({journal_new_name, *file, size});
                             }));
}

void JournalRing::write_header(Spare spare) {
    auto block = std::make_unique<sys::AlignedBuffer>(journal_header_size);
    encode_journal_header({.state = JournalState::prepared,
                           .shard = rim_.options.shard,
                           .sequence = next_sequence_,
                           .nonce = rim_.options.nonce},
                          block->bytes());
    const auto file = spare.file;
    const ByteView bytes = block->bytes();
    rim_.files.write(
        file, 0, bytes,
        rim_.counted<void>([this, block = std::move(block), spare = std::move(spare)](Result<void> r) mutable {
            if (!r) return not_ready(r.error());
            name_it(std::move(spare));
        }));
}

void JournalRing::name_it(Spare spare) {
    const auto wanted = journal_name(next_sequence_);
    if (spare.name == wanted) return ready(std::move(spare));
    const auto from = rim_.path(spare.name);
    spare.name = wanted;
    rim_.files.rename(from, rim_.path(wanted),
                      rim_.counted<void>([this, spare = std::move(spare)](Result<void> r) mutable {
                          if (!r) return not_ready(r.error());
                          ready(std::move(spare));
                      }));
}

void JournalRing::ready(Spare spare) {
    preparing_ = false;
    next_ = std::move(spare);
    rim_.allocation_succeeded();
}

void JournalRing::not_ready(const Error& error) {
    preparing_ = false;
    rim_.allocation_failed(error);
}

void JournalRing::retire(std::uint64_t replay_from) {
    while (!files_.empty() && files_.front().full && files_.front().flushed && files_.front().sequence < replay_from &&
           files_.front().reads == 0) {
        spares_.push_back({journal_name(files_.front().sequence), files_.front().file, files_.front().size});
        files_.pop_front();
    }
    // A small first file is not worth keeping, and a burst's extra files are given back.
    while (!spares_.empty() && (spares_.front().size < rim_.options.journal_file_size || spares_.size() > spares_max)) {
        rim_.files.close(spares_.front().file);
        ++removing_;
        rim_.files.remove(rim_.path(spares_.front().name), rim_.counted<void>([this](Result<void>) {
            --removing_;
            rim_.space_released();
        }));
        spares_.erase(spares_.begin());
    }
}

std::size_t JournalRing::unflushed() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(files_, [](const JournalFile& f) { return f.full && !f.flushed; }));
}

std::uint64_t JournalRing::disk_bytes() const {
    std::uint64_t sum = next_ ? next_->size : 0;
    for (const auto& f : files_) sum += f.size;
    for (const auto& s : spares_) sum += s.size;
    return sum;
}

void JournalRing::close_all() {
    for (auto& f : files_) rim_.files.close(f.file);
    for (auto& s : spares_) rim_.files.close(s.file);
    if (next_) rim_.files.close(next_->file);
    files_.clear();
    spares_.clear();
    next_.reset();
}

}  // namespace fantail::storage

// SPDX-License-Identifier: Apache-2.0
//! A disk in memory that completes operations in random order, crashes, tears writes and fails, all from one seed.
#include "storage/simulated/simulated_files.hpp"

#include <algorithm>

#include "sys/aligned_buffer.hpp"

namespace fantail::storage {

namespace {
constexpr std::uint64_t sector_size = 512;
}

SimulatedFiles::FilePtr SimulatedFiles::find(sys::FileId file) const {
    auto at = open_.find(file.value);
    FANTAIL_ASSERT(at != open_.end());
    return at->second;
}

sys::FileId SimulatedFiles::make_id(FilePtr file) {
    sys::FileId id(next_id_++);
    open_[id.value] = std::move(file);
    return id;
}

SimulatedFiles::FilePtr SimulatedFiles::make_file(const std::string& path) {
    auto file = std::make_shared<File>();
    file->path = path;
    paths_[path] = file;
    return file;
}

Bytes& SimulatedFiles::contents(const std::string& path) {
    FANTAIL_ASSERT(exists(path));
    return paths_[path]->data;
}

void SimulatedFiles::flip_bit(const std::string& path, std::uint64_t byte, unsigned bit) {
    contents(path).at(byte) ^= static_cast<std::uint8_t>(1u << bit);
}

std::string SimulatedFiles::rot() {
    std::vector<FilePtr> files;
    for (const auto& [path, file] : paths_)
        if (!file->data.empty()) files.push_back(file);
    if (files.empty()) return {};
    File& file = *files[below(files.size())];
    const std::uint64_t byte = below(file.data.size());
    file.data[byte] ^= static_cast<std::uint8_t>(1u << below(8));
    return file.path + ", byte " + std::to_string(byte);
}

std::uint64_t SimulatedFiles::used_space(const std::string& path) const {
    auto at = paths_.find(path);
    if (at == paths_.end()) return 0;
    return static_cast<std::uint64_t>(std::ranges::count(at->second->allocated, true)) * sys::block_size;
}

std::uint64_t SimulatedFiles::used_space() const {
    std::uint64_t sum = 0;
    for (const auto& [path, file] : paths_) sum += used_space(path);
    return sum;
}

Result<void> SimulatedFiles::make_directory(const std::string& path) {
    if (faults_.read_only) return fail(ErrorCode::unavailable, path + ": read-only file system");
    return {};
}

Result<std::vector<std::string>> SimulatedFiles::list(const std::string& path) {
    std::vector<std::string> names;
    const std::string prefix = path + "/";
    for (const auto& [name, file] : paths_)
        if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
    return names;
}

Result<Bytes> SimulatedFiles::read_whole(const std::string& path) {
    if (!exists(path)) return fail(ErrorCode::not_found, path + ": no such file");
    return paths_[path]->data;
}

Result<sys::FileId> SimulatedFiles::open(const std::string& path) {
    if (!exists(path)) return fail(ErrorCode::not_found, path + ": no such file");
    return make_id(paths_[path]);
}

Result<std::uint64_t> SimulatedFiles::size(sys::FileId file) { return find(file)->data.size(); }

Result<void> SimulatedFiles::read_at(sys::FileId file, std::uint64_t offset, MutableBytes into) {
    const auto f = find(file);
    if (offset + into.size() > f->data.size()) return fail(ErrorCode::malformed, f->path + ": read past the end");
    std::memcpy(into.data(), f->data.data() + offset, into.size());
    return {};
}

Result<sys::FileId> SimulatedFiles::lock(const std::string& path) {
    if (faults_.read_only) return fail(ErrorCode::unavailable, path + ": read-only file system");
    auto file = exists(path) ? paths_[path] : make_file(path);
    if (file->locked) return fail(ErrorCode::unavailable, path + ": locked by another process");
    file->locked = true;
    return make_id(file);
}

Result<std::uint64_t> SimulatedFiles::free_space(const std::string&) {
    if (!faults_.space_max) return std::uint64_t{1} << 40;
    return *faults_.space_max - std::min(*faults_.space_max, used_space());
}

void SimulatedFiles::close(sys::FileId file) {
    find(file)->locked = false;
    open_.erase(file.value);
}

void SimulatedFiles::defer(std::move_only_function<void()> fn) { deferred_.push_back(std::move(fn)); }

void SimulatedFiles::add(Operation op) {
    op.number = ++begun_;
    operations_.push_back(std::move(op));
    if (on_begin_) on_begin_(begun_);
}

void SimulatedFiles::open_later(const std::string& path, sys::Done<sys::FileId> done) {
    Operation op{.kind = Kind::open, .path = path};
    op.opened = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::create_zeroed(const std::string& path, std::uint64_t size, sys::Done<sys::FileId> done) {
    FANTAIL_ASSERT(size % sys::block_size == 0);
    Operation op{.kind = Kind::create, .path = path, .length = size};
    op.opened = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::create(const std::string& path, sys::Done<sys::FileId> done) {
    create_zeroed(path, 0, std::move(done));
}

void SimulatedFiles::write(sys::FileId file, std::uint64_t offset, ByteView bytes, sys::Done<> done) {
    FANTAIL_ASSERT(offset % sys::block_size == 0 && bytes.size() % sys::block_size == 0);
    FANTAIL_ASSERT(reinterpret_cast<std::uintptr_t>(bytes.data()) % sys::block_size == 0);
    auto f = find(file);
    Operation op{.kind = Kind::write, .path = f->path, .file = f, .offset = offset, .bytes = bytes};
    op.done = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::sync(sys::FileId file, sys::Done<> done) {
    auto f = find(file);
    Operation op{.kind = Kind::sync, .path = f->path, .file = f, .offset = writes_};
    op.done = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::read(sys::FileId file, std::uint64_t offset, MutableBytes into, sys::Done<> done) {
    FANTAIL_ASSERT(offset % sys::block_size == 0 && into.size() % sys::block_size == 0);
    FANTAIL_ASSERT(reinterpret_cast<std::uintptr_t>(into.data()) % sys::block_size == 0);
    auto f = find(file);
    Operation op{.kind = Kind::read, .path = f->path, .file = f, .offset = offset, .into = into};
    op.done = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::punch(sys::FileId file, std::uint64_t offset, std::uint64_t length, sys::Done<> done) {
    auto f = find(file);
    Operation op{.kind = Kind::punch, .path = f->path, .file = f, .offset = offset, .length = length};
    op.done = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::replace(const std::string& path, Bytes contents, sys::Done<> done) {
    Operation op{.kind = Kind::replace, .path = path, .contents = std::move(contents)};
    op.done = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::rename(const std::string& from, const std::string& to, sys::Done<> done) {
    Operation op{.kind = Kind::rename, .path = from, .to = to};
    op.done = std::move(done);
    add(std::move(op));
}

void SimulatedFiles::remove(const std::string& path, sys::Done<> done) {
    Operation op{.kind = Kind::remove, .path = path};
    op.done = std::move(done);
    add(std::move(op));
}

bool SimulatedFiles::held(const Operation& op) const {
    return !faults_.hold.empty() && op.path.find(faults_.hold) != std::string::npos;
}

bool SimulatedFiles::step() {
    if (!deferred_.empty()) {
        auto fn = std::move(deferred_.front());
        deferred_.erase(deferred_.begin());
        fn();
        return true;
    }
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < operations_.size(); ++i)
        if (!held(operations_[i])) ready.push_back(i);
    if (ready.empty()) return false;
    const auto chosen = static_cast<std::ptrdiff_t>(ready[below(ready.size())]);
    Operation op = std::move(operations_[static_cast<std::size_t>(chosen)]);
    operations_.erase(operations_.begin() + chosen);
    finish(std::move(op));
    return true;
}

void SimulatedFiles::complete(std::uint64_t operation) {
    const auto at = std::ranges::find(operations_, operation, &Operation::number);
    if (at == operations_.end()) return;
    Operation op = std::move(*at);
    operations_.erase(at);
    finish(std::move(op));
}

void SimulatedFiles::finish(Operation op) {
    sys::FileId id;
    auto outcome = perform(op, id);
    if (op.opened) {
        if (outcome) op.opened(id);
        else op.opened(std::unexpected(outcome.error()));
    } else {
        op.done(std::move(outcome));
    }
}

void SimulatedFiles::run() {
    while (step()) {}
}

Result<void> SimulatedFiles::grow(File& file, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t first = offset / sys::block_size,
                        last = sys::round_up_to_block(offset + length) / sys::block_size;
    if (file.allocated.size() < last) file.allocated.resize(last);
    std::uint64_t added = 0;
    for (auto b = first; b < last; ++b) added += file.allocated[b] ? 0 : sys::block_size;
    if (faults_.space_max && added > 0 && used_space() + added > *faults_.space_max)
        return fail(ErrorCode::no_space, file.path + ": no space left on device");
    for (auto b = first; b < last; ++b) file.allocated[b] = true;
    if (file.data.size() < offset + length) file.data.resize(offset + length, 0);
    return {};
}

Result<void> SimulatedFiles::perform_write(Operation& op) {
    ++writes_;
    if (faults_.fail_write > 0 && --faults_.fail_write == 0)
        return fail(ErrorCode::io, op.path + ": input/output error");
    FANTAIL_CHECK(grow(*op.file, op.offset, op.bytes.size()));
    auto* at = op.file->data.data() + op.offset;
    if (faults_.lie > 0 && chance(faults_.lie)) op.file->lies.push_back({op.offset, Bytes(at, at + op.bytes.size())});
    if (op.file->syncs_later) op.file->unsynced.push_back({op.offset, Bytes(at, at + op.bytes.size()), writes_});
    std::memcpy(at, op.bytes.data(), op.bytes.size());
    return {};
}

Result<void> SimulatedFiles::perform_create(Operation& op, sys::FileId& id) {
    auto file = make_file(op.path);
    if (op.length > 0) {
        if (auto grown = grow(*file, 0, op.length); !grown) {
            paths_.erase(op.path);
            return grown;
        }
    }
    file->syncs_later = op.length == 0;
    id = make_id(file);
    return {};
}

Result<void> SimulatedFiles::perform_sync(Operation& op) {
    if (faults_.fail_sync > 0 && --faults_.fail_sync == 0) return fail(ErrorCode::io, op.path + ": input/output error");
    // It vouches for the writes that had completed when it began, no others.
    std::erase_if(op.file->unsynced, [&](const Undo& write) { return write.completed <= op.offset; });
    return {};
}

void SimulatedFiles::punch_blocks(File& file, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t first = sys::round_up_to_block(offset) / sys::block_size;
    const std::uint64_t last = std::min<std::uint64_t>((offset + length) / sys::block_size, file.allocated.size());
    for (auto b = first; b < last; ++b) {
        file.allocated[b] = false;
        std::memset(file.data.data() + b * sys::block_size, 0,
                    std::min<std::uint64_t>(sys::block_size, file.data.size() - b * sys::block_size));
    }
}

Result<void> SimulatedFiles::perform(Operation& op, sys::FileId& id) {
    if (faults_.read_only && op.kind != Kind::open && op.kind != Kind::read)
        return fail(ErrorCode::unavailable, op.path + ": read-only file system");
    switch (op.kind) {
        case Kind::open:
            if (!exists(op.path)) return fail(ErrorCode::not_found, op.path + ": no such file");
            id = make_id(paths_[op.path]);
            return {};
        case Kind::create: return perform_create(op, id);
        case Kind::write: return perform_write(op);
        case Kind::sync: return perform_sync(op);
        case Kind::read:
            if (faults_.fail_read > 0 && --faults_.fail_read == 0)
                return fail(ErrorCode::io, op.path + ": input/output error");
            if (op.offset + op.into.size() > op.file->data.size())
                return fail(ErrorCode::malformed, op.path + ": read past the end");
            std::memcpy(op.into.data(), op.file->data.data() + op.offset, op.into.size());
            return {};
        case Kind::punch: punch_blocks(*op.file, op.offset, op.length); return {};
        case Kind::replace: {
            File fresh{.path = op.path};
            FANTAIL_CHECK(grow(fresh, 0, op.contents.size()));
            fresh.data = op.contents;
            paths_[op.path] = std::make_shared<File>(std::move(fresh));
            return {};
        }
        case Kind::rename: {
            auto from = paths_.find(op.path);
            if (from == paths_.end()) return fail(ErrorCode::not_found, op.path + ": no such file");
            auto file = from->second;
            paths_.erase(from);
            file->path = op.to;
            paths_[op.to] = file;
            return {};
        }
        case Kind::remove: paths_.erase(op.path); return {};
    }
    return {};
}

void SimulatedFiles::tear(Operation& op) {
    if (op.offset + op.bytes.size() > op.file->data.size() && !grow(*op.file, op.offset, op.bytes.size())) return;
    for (std::uint64_t at = 0; at < op.bytes.size(); at += sector_size)
        if (chance(0.5)) std::memcpy(op.file->data.data() + op.offset + at, op.bytes.data() + at, sector_size);
}

void SimulatedFiles::crash_operation(Operation& op) {
    sys::FileId id;
    const std::uint64_t fate = below(3);
    if (fate == 0 || op.kind == Kind::read || op.kind == Kind::open || faults_.read_only) return;
    if (fate == 1 && op.kind == Kind::write) return tear(op);
    if (fate == 1 && op.kind == Kind::create && op.length > 0)
        op.length = below(op.length / sys::block_size) * sys::block_size;
    (void)perform(op, id);
}

/// Open files and locks are gone, completions never come.
void SimulatedFiles::let_go() {
    operations_.clear();
    deferred_.clear();
    open_.clear();
    for (auto& [path, file] : paths_) file->locked = false;
}

void SimulatedFiles::kill() {
    sys::FileId id;
    for (auto& op : operations_)
        if (op.kind != Kind::read && op.kind != Kind::open && chance(0.5)) (void)perform(op, id);
    let_go();
}

void SimulatedFiles::crash() {
    const auto fail_write = std::exchange(faults_.fail_write, 0);
    const auto fail_sync = std::exchange(faults_.fail_sync, 0);
    std::ranges::shuffle(operations_, random_);
    for (auto& op : operations_) crash_operation(op);
    faults_.fail_write = fail_write;
    faults_.fail_sync = fail_sync;
    let_go();
    for (auto& [path, file] : paths_) {
        for (auto& lie : file->lies) std::memcpy(file->data.data() + lie.offset, lie.before.data(), lie.before.size());
        file->lies.clear();
        for (auto& write : std::exchange(file->unsynced, {}))
            if (chance(0.5)) std::memcpy(file->data.data() + write.offset, write.before.data(), write.before.size());
    }
}

}  // namespace fantail::storage

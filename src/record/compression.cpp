// SPDX-License-Identifier: Apache-2.0
//! Undoes gzip, snappy, lz4 and zstd within a limit on the result, and does them.
#include "record/compression.hpp"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>

#include "base/crc32c.hpp"

namespace fantail::record {

namespace {

constexpr std::size_t room_min = 4096;
constexpr std::array<std::uint8_t, 8> xerial_magic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t xerial_header_size = xerial_magic.size() + 8;
constexpr std::size_t xerial_block_size = 32u << 10;
constexpr std::uint32_t xerial_version = 1;

std::unexpected<Error> bad(std::string_view codec) {
    return fail(ErrorCode::malformed, "record batch: the " + std::string(codec) + " data is cut off or damaged");
}
std::unexpected<Error> too_large(std::size_t size_max) {
    return fail(ErrorCode::too_large,
                "record batch: more than " + std::to_string(size_max) + " bytes when decompressed");
}
std::unexpected<Error> no_memory(std::string_view codec) {
    return fail(ErrorCode::internal, "no memory for " + std::string(codec));
}

/// Where decompressed bytes go, behind those that `bytes` has at first.
class Output {
public:
    Output(Bytes& bytes, std::size_t size_max)
        : bytes_(bytes), start_(bytes.size()), used_(start_), size_max_(std::min(size_max, batch_size_max)) {}

    /// Exactly `n` bytes behind those used. What an earlier claim left there is gone.
    MutableBytes claim(std::size_t n) {
        bytes_.resize(used_);
        reserve_more(bytes_, n);
        bytes_.resize(used_ + n);
        return MutableBytes(bytes_).subspan(used_);
    }
    /// At least one byte behind those used, growing geometrically: one byte beyond the limit at most, which tells a result
    /// of exactly that size from a larger one. REQUIRES !over().
    MutableBytes room(std::size_t hint) {
        if (used_ < bytes_.size()) return MutableBytes(bytes_).subspan(used_);
        return claim(std::min(std::max({hint, room_min, size()}), left() + 1));
    }
    void took(std::size_t n) { used_ += n; }
    [[nodiscard]] std::size_t size() const { return used_ - start_; }
    [[nodiscard]] std::size_t size_max() const { return size_max_; }
    [[nodiscard]] std::size_t left() const { return size_max_ - size(); }
    [[nodiscard]] bool over() const { return size() > size_max_; }
    void finish() { bytes_.resize(used_); }

private:
    Bytes& bytes_;
    std::size_t start_;
    std::size_t used_;
    std::size_t size_max_;
};

/// zlib counts in 32 bits.
constexpr std::size_t zlib_size_max = std::numeric_limits<uInt>::max();
constexpr int gzip_window_bits = 15 + 16;  // 16: a gzip header, not one of zlib

struct EndInflate {
    void operator()(z_stream* stream) const { inflateEnd(stream); }
};

Result<void> gunzip(ByteView in, Output& out) {
    z_stream stream{};
    if (inflateInit2(&stream, gzip_window_bits) != Z_OK) return no_memory("gzip");
    const std::unique_ptr<z_stream, EndInflate> end(&stream);
    if (in.size() > zlib_size_max) return too_large(out.size_max());
    stream.next_in = const_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    while (true) {
        const MutableBytes room = out.room(in.size() * 4);
        stream.next_out = room.data();
        stream.avail_out = static_cast<uInt>(std::min(room.size(), zlib_size_max));
        const uInt offered = stream.avail_out;
        const int status = inflate(&stream, Z_NO_FLUSH);
        if (status == Z_MEM_ERROR) return no_memory("gzip");
        if (status != Z_OK && status != Z_STREAM_END) return bad("gzip");
        out.took(offered - stream.avail_out);
        if (out.over()) return too_large(out.size_max());
        if (status == Z_STREAM_END && stream.avail_in == 0) return {};
        if (status == Z_STREAM_END && inflateReset(&stream) != Z_OK) return bad("gzip");
        if (status == Z_OK && stream.avail_in == 0 && stream.avail_out != 0) return bad("gzip");
    }
}

Result<void> unsnap(ByteView block, Output& out) {
    const char* data = reinterpret_cast<const char*>(block.data());
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(data, block.size(), &size)) return bad("snappy");
    if (size > out.left()) return too_large(out.size_max());
    const MutableBytes room = out.claim(size);
    if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(room.data()))) return bad("snappy");
    out.took(size);
    return {};
}

Result<void> unsnap_all(ByteView in, Output& out) {
    if (in.size() < xerial_header_size || !std::ranges::equal(in.first(xerial_magic.size()), xerial_magic)) {
        return unsnap(in, out);
    }
    Reader blocks(in.subspan(xerial_header_size));
    while (!blocks.done()) {
        const ByteView block = blocks.take(blocks.u32());
        if (blocks.failed()) return bad("snappy");
        FANTAIL_CHECK(unsnap(block, out));
    }
    return {};
}

struct FreeLz4 {
    void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

Result<void> unlz4(ByteView in, Output& out) {
    LZ4F_dctx* made = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) != 0) return no_memory("lz4");
    const std::unique_ptr<LZ4F_dctx, FreeLz4> context(made);
    while (true) {
        const MutableBytes room = out.room(in.size() * 4);
        std::size_t written = room.size();
        std::size_t read = in.size();
        const std::size_t wanted = LZ4F_decompress(context.get(), room.data(), &written, in.data(), &read, nullptr);
        if (LZ4F_isError(wanted) != 0) return bad("lz4");
        in = in.subspan(read);
        out.took(written);
        if (out.over()) return too_large(out.size_max());
        if (wanted == 0 && in.empty()) return {};
        if (wanted != 0 && read == 0 && written == 0) return bad("lz4");
    }
}

/// In one go, since a stream would need memory for as large a window as the input says. The size is often not stated: then
/// it is tried with more room until it fits.
Result<void> unzstd(ByteView in, Output& out) {
    const unsigned long long stated = ZSTD_getFrameContentSize(in.data(), in.size());
    if (stated == ZSTD_CONTENTSIZE_ERROR) return bad("zstd");
    const bool known = stated != ZSTD_CONTENTSIZE_UNKNOWN;
    if (known && stated > out.left()) return too_large(out.size_max());
    std::size_t size = known ? static_cast<std::size_t>(stated) : std::max(in.size() * 8, room_min);
    for (;; size = std::max(size * 4, room_min)) {
        size = std::min(size, out.left());
        const MutableBytes room = out.claim(size);
        const std::size_t result = ZSTD_decompress(room.data(), room.size(), in.data(), in.size());
        if (ZSTD_isError(result) == 0) {
            out.took(result);
            return {};
        }
        const ZSTD_ErrorCode error = ZSTD_getErrorCode(result);
        if (error == ZSTD_error_memory_allocation) return no_memory("zstd");
        if (error != ZSTD_error_dstSize_tooSmall) return bad("zstd");
        if (size == out.left()) return too_large(out.size_max());
    }
}

/// Appends to `bytes`, which keeps what it has.
Result<void> decompress_behind(Bytes& bytes, Codec codec, ByteView in, std::size_t size_max) {
    Output out(bytes, size_max);
    const auto undo = [&]() -> Result<void> {
        switch (codec) {
            case Codec::none:
                if (in.size() > out.left()) return too_large(out.size_max());
                if (!in.empty()) std::memcpy(out.claim(in.size()).data(), in.data(), in.size());
                out.took(in.size());
                return {};
            case Codec::gzip: return gunzip(in, out);
            case Codec::snappy: return unsnap_all(in, out);
            case Codec::lz4: return unlz4(in, out);
            case Codec::zstd: return unzstd(in, out);
        }
        return fail(ErrorCode::unsupported, "record batch: there is no such compression");
    };
    Result<void> result = undo();
    out.finish();
    return result;
}

struct EndDeflate {
    void operator()(z_stream* stream) const { deflateEnd(stream); }
};

Result<Bytes> gzip(ByteView in) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return no_memory("gzip");
    }
    const std::unique_ptr<z_stream, EndDeflate> end(&stream);
    Bytes out(deflateBound(&stream, in.size()));
    stream.next_in = const_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return fail(ErrorCode::internal, "gzip did not finish");
    out.resize(stream.total_out);
    return out;
}

Result<Bytes> snap(ByteView in) {
    Bytes out;
    Writer writer(out);
    writer.raw(xerial_magic);
    writer.u32(xerial_version);
    writer.u32(xerial_version);
    while (!in.empty()) {
        const ByteView block = in.first(std::min(in.size(), xerial_block_size));
        std::string snapped;
        snappy::Compress(reinterpret_cast<const char*>(block.data()), block.size(), &snapped);
        writer.u32(static_cast<std::uint32_t>(snapped.size()));
        writer.raw(snapped);
        in = in.subspan(block.size());
    }
    return out;
}

Result<Bytes> lz4(ByteView in) {
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Java's clients read no other
    Bytes out(LZ4F_compressFrameBound(in.size(), &preferences));
    const std::size_t size = LZ4F_compressFrame(out.data(), out.size(), in.data(), in.size(), &preferences);
    if (LZ4F_isError(size) != 0) return no_memory("lz4");
    out.resize(size);
    return out;
}

Result<Bytes> zstd(ByteView in) {
    Bytes out(ZSTD_compressBound(in.size()));
    const std::size_t size = ZSTD_compress(out.data(), out.size(), in.data(), in.size(), ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(size) != 0) return no_memory("zstd");
    out.resize(size);
    return out;
}

}  // namespace

Result<Bytes> decompress(Codec codec, ByteView compressed, std::size_t size_max) {
    Bytes out;
    FANTAIL_CHECK(decompress_behind(out, codec, compressed, size_max));
    return out;
}

Result<Bytes> compress(Codec codec, ByteView bytes) {
    if (bytes.size() > batch_size_max) return fail(ErrorCode::too_large, "more bytes than a record batch may have");
    switch (codec) {
        case Codec::none: return to_bytes(bytes);
        case Codec::gzip: return gzip(bytes);
        case Codec::snappy: return snap(bytes);
        case Codec::lz4: return lz4(bytes);
        case Codec::zstd: return zstd(bytes);
    }
    return fail(ErrorCode::unsupported, "there is no such compression");
}

Result<Bytes> decompress_batch(const BatchView& batch, std::size_t records_size_max) {
    const std::size_t size_max = std::min(records_size_max, batch_size_max - batch_header_size);
    Bytes out = to_bytes(batch.bytes().first(batch_header_size));
    FANTAIL_CHECK(decompress_behind(out, static_cast<Codec>(batch.compression()),
                                    batch.bytes().subspan(batch_header_size), size_max));
    const auto attributes = static_cast<std::uint16_t>(batch.attributes() & ~batch_attribute::compression_mask);
    store_be(out.data() + batch_at::attributes, attributes);
    store_be(out.data() + batch_at::batch_length, static_cast<std::int32_t>(out.size() - batch_length_excluded));
    store_be(out.data() + batch_at::crc, crc32c(ByteView(out).subspan(batch_at::attributes)));
    FANTAIL_CHECK(BatchView::parse(out));
    return out;
}

}  // namespace fantail::record

/* Files and pipes of the core as FFmpeg's libraries read and write them. */

#include <stdio.h>

#include "core/sink/ffmpeg/ffmpeg.h"

#define BUFFER 65536

#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t written_byte;
#else
typedef uint8_t written_byte;
#endif

static int keep(zc_av_io *io, zc_status st)
{
    if (st != ZC_OK && io->st == ZC_OK)
        io->st = st;
    return st == ZC_OK ? 0 : AVERROR(EIO);
}

static int write_bytes(void *opaque, written_byte *src, int bytes)
{
    zc_av_io *io = opaque;
    const int err = keep(io, io->bytes->write(io->bytes->user, io->position, src, (size_t)bytes));

    if (err < 0)
        return err;
    io->position += (uint64_t)bytes;
    return bytes;
}

static int read_bytes(void *opaque, uint8_t *dst, int bytes)
{
    zc_av_io *io = opaque;
    size_t got = 0;
    const int err = keep(io, io->bytes->read(io->bytes->user, io->position, dst, (size_t)bytes,
                                             &got));

    if (err < 0)
        return err;
    io->position += got;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t seek(void *opaque, int64_t offset, int whence)
{
    zc_av_io *io = opaque;
    const int64_t size = (int64_t)io->bytes->size(io->bytes->user);

    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return size;
    if (whence == SEEK_CUR)
        offset += (int64_t)io->position;
    else if (whence == SEEK_END)
        offset += size;
    if (offset < 0)
        return AVERROR(EINVAL);
    io->position = (uint64_t)offset;
    return offset;
}

int zc_av_io_open(AVIOContext **pb, zc_av_io *io, const zc_bytes *bytes, int writing)
{
    uint8_t *buffer = av_malloc(BUFFER);

    *io = (zc_av_io){ .bytes = bytes };
    *pb = NULL;
    if (!buffer)
        return AVERROR(ENOMEM);
    *pb = avio_alloc_context(buffer, BUFFER, writing, io, writing ? NULL : read_bytes,
                             writing ? write_bytes : NULL, bytes->pipe ? NULL : seek);
    if (!*pb) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    return 0;
}

void zc_av_io_close(AVIOContext **pb)
{
    if (*pb)
        av_freep(&(*pb)->buffer);
    avio_context_free(pb);
}

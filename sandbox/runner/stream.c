/* The connected streams of a program: pipes, which the supervisor moves as frames. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "system.h"

enum { CHUNK = 64 << 10 };

static void close_end(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void tell_room(struct run *run, uint64_t bytes) {
    if (bytes == 0) return;
    frame_begin(&run->box->answer, FRAME_ROOM, run->request->id);
    put_u64(&run->box->answer, bytes);
    frame_send(&run->box->answer, run->box->out);
}

void stream_write(struct run *run) {
    struct stream *stream = &run->stream;
    size_t written = 0;
    while (stream->to_program >= 0 && written < stream->pending_size) {
        ssize_t part = write(stream->to_program, stream->pending + written, stream->pending_size - written);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0 && errno == EAGAIN) break;
        if (part < 0) close_end(&stream->to_program);
        else written += (size_t)part;
    }
    /* What nobody reads any more counts as taken: the other end must not wait for it. */
    if (stream->to_program < 0) written = stream->pending_size;
    if (written) memmove(stream->pending, stream->pending + written, stream->pending_size - written);
    stream->pending_size -= written;
    if (stream->closing && stream->pending_size == 0) close_end(&stream->to_program);
    tell_room(run, written);
}

void stream_take(struct run *run, const uint8_t *data, size_t size) {
    struct stream *stream = &run->stream;
    if (stream->pending_size + size > stream->pending_room) {
        stream->pending_room = stream->pending_size + size;
        stream->pending = need(realloc(stream->pending, stream->pending_room));
    }
    if (size) memcpy(stream->pending + stream->pending_size, data, size);
    stream->pending_size += size;
    stream_write(run);
}

void stream_close_input(struct run *run) {
    run->stream.closing = true;
    stream_write(run);
}

static void tell_end(struct run *run) {
    close_end(&run->stream.from_program);
    frame_begin(&run->box->answer, FRAME_EOF, run->request->id);
    frame_send(&run->box->answer, run->box->out);
}

void stream_read(struct run *run) {
    static uint8_t chunk[CHUNK];
    struct stream *stream = &run->stream;
    ssize_t size = read(stream->from_program, chunk, sizeof chunk);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) {
        tell_end(run);
        return;
    }
    uint64_t most = run->request->limits.output_bytes;
    uint64_t room = stream->received < most ? most - stream->received : 0;
    stream->received += (uint64_t)size;
    size_t passed = (uint64_t)size < room ? (size_t)size : (size_t)room;
    if (passed == 0) return;
    frame_begin(&run->box->answer, FRAME_DATA_OUT, run->request->id);
    put_raw(&run->box->answer, chunk, passed);
    frame_send(&run->box->answer, run->box->out);
}

void stream_finish(struct run *run) {
    struct stream *stream = &run->stream;
    while (stream->from_program >= 0) {
        uint64_t before = stream->received;
        stream_read(run);
        /* Every writer is dead: nothing more can come. */
        if (stream->from_program >= 0 && stream->received == before) tell_end(run);
    }
    close_end(&stream->to_program);
    stream_write(run);
    free(stream->pending);
    stream->pending = NULL;
}

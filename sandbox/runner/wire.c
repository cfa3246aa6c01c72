#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

static const uint8_t MAGIC[4] = {'S', 'L', 'V', '2'};

struct span read_span(struct reader *r, uint64_t size) {
    if (r->bad || size > (uint64_t)(r->end - r->at)) {
        r->bad = true;
        return (struct span){NULL, 0};
    }
    struct span s = {r->at, (size_t)size};
    r->at += size;
    return s;
}

static uint64_t read_number(struct reader *r, int bytes) {
    struct span s = read_span(r, (uint64_t)bytes);
    uint64_t value = 0;
    for (size_t i = s.size; i > 0; i--) value = value << 8 | s.data[i - 1];
    return value;
}

uint8_t read_u8(struct reader *r) { return (uint8_t)read_number(r, 1); }
uint32_t read_u32(struct reader *r) { return (uint32_t)read_number(r, 4); }
uint64_t read_u64(struct reader *r) { return read_number(r, 8); }
struct span read_bytes(struct reader *r) { return read_span(r, read_u32(r)); }
struct span read_blob(struct reader *r) { return read_span(r, read_u64(r)); }

char *span_text(struct span s) {
    char *text = need(malloc(s.size + 1));
    if (s.size) memcpy(text, s.data, s.size);
    text[s.size] = 0;
    return text;
}

static uint8_t *grow(struct buffer *b, size_t more) {
    if (b->size + more > b->room) {
        b->room = (b->size + more) * 3 / 2 + 256;
        b->data = need(realloc(b->data, b->room));
    }
    uint8_t *place = b->data + b->size;
    b->size += more;
    return place;
}

void put_raw(struct buffer *b, const void *data, size_t size) {
    if (size) memcpy(grow(b, size), data, size);
}

static void put_number(struct buffer *b, uint64_t value, size_t bytes) {
    uint8_t *place = grow(b, bytes);
    for (size_t i = 0; i < bytes; i++) place[i] = (uint8_t)(value >> (8 * i));
}

void put_u8(struct buffer *b, uint8_t value) { put_number(b, value, 1); }
void put_u32(struct buffer *b, uint32_t value) { put_number(b, value, 4); }
void put_i32(struct buffer *b, int32_t value) { put_number(b, (uint32_t)value, 4); }
void put_u64(struct buffer *b, uint64_t value) { put_number(b, value, 8); }

void put_bytes(struct buffer *b, const void *data, size_t size) {
    put_u32(b, (uint32_t)size);
    put_raw(b, data, size);
}

void put_file(struct buffer *b, int fd, uint64_t offset, uint64_t size) {
    if (size == 0) return;
    uint8_t *place = grow(b, size);
    uint64_t have = 0;
    while (have < size) {
        ssize_t part = pread(fd, place + have, size - have, (off_t)(offset + have));
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) break;
        have += (uint64_t)part;
    }
    /* A program may have cut its own output meanwhile; the lengths that were announced hold. */
    memset(place + have, 0, size - have);
}

void frame_begin(struct buffer *b, enum frame_type type, uint32_t id) {
    b->size = 0;
    put_raw(b, MAGIC, sizeof MAGIC);
    put_u32(b, (uint32_t)type);
    put_u32(b, id);
    put_u32(b, 0);
}

void frame_send(struct buffer *b, int fd) {
    uint32_t length = (uint32_t)(b->size - FRAME_HEADER);
    for (int i = 0; i < 4; i++) b->data[12 + i] = (uint8_t)(length >> (8 * i));
    size_t sent = 0;
    while (sent < b->size) {
        ssize_t part = write(fd, b->data + sent, b->size - sent);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0 && errno == EAGAIN) {
            struct pollfd ready = {fd, POLLOUT, 0};
            poll(&ready, 1, -1);
            continue;
        }
        if (part <= 0) _exit(0);
        sent += (size_t)part;
    }
    if (b->room > (4u << 20)) {
        free(b->data);
        *b = (struct buffer){0};
    }
}

/* Returns the bytes read, 0 if there are none now. */
static size_t take(int fd, void *place, size_t size, bool wait) {
    for (;;) {
        if (!wait) {
            struct pollfd ready = {fd, POLLIN, 0};
            if (poll(&ready, 1, 0) <= 0) return 0;
        }
        ssize_t part = read(fd, place, size);
        if (part > 0) return (size_t)part;
        if (part < 0 && (errno == EINTR || errno == EAGAIN)) {
            if (errno == EAGAIN && !wait) return 0;
            continue;
        }
        _exit(0);
    }
}

struct frame *frame_read(struct input *in, bool wait) {
    while (in->header_have < FRAME_HEADER) {
        size_t part = take(in->fd, in->header + in->header_have, FRAME_HEADER - in->header_have, wait);
        if (part == 0) return NULL;
        in->header_have += part;
    }
    if (in->partial == NULL) {
        struct reader r = {in->header + 4, in->header + FRAME_HEADER, false};
        uint8_t type = (uint8_t)read_u32(&r);
        uint32_t id = read_u32(&r), size = read_u32(&r);
        if (memcmp(in->header, MAGIC, sizeof MAGIC) != 0 || size > FRAME_MOST) _exit(3);
        in->partial = need(malloc(sizeof(struct frame) + size + 1));
        *in->partial = (struct frame){.type = type, .id = id, .size = size};
        in->have = 0;
    }
    while (in->have < in->partial->size) {
        size_t part = take(in->fd, in->partial->payload + in->have, in->partial->size - in->have, wait);
        if (part == 0) return NULL;
        in->have += part;
    }
    struct frame *whole = in->partial;
    in->partial = NULL;
    in->header_have = 0;
    return whole;
}

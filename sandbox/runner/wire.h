/* Frames between the service and the supervisor; solvent/sandbox/wire.py is the other end and has the table.
 *
 *     "SLV2" | type (1) | zero (3) | id (4) | payload length (4) | payload        all little-endian
 */
#ifndef SOLVENT_WIRE_H
#define SOLVENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER = 16, KEY_BYTES = 32 };
#define FRAME_MOST (1u << 30)

enum frame_type {
    FRAME_CONFIG = 0, FRAME_PUT = 1, FRAME_DROP = 2, FRAME_RUN = 3,
    FRAME_KILL = 4, FRAME_DATA_IN = 5, FRAME_CLOSE = 6, FRAME_SIGNAL = 7, FRAME_DIRECT = 8,
    FRAME_READY = 64, FRAME_RESULT = 65, FRAME_DATA_OUT = 66, FRAME_EOF = 67, FRAME_ROOM = 68,
    FRAME_OFFER = 69,
};

struct span { const uint8_t *data; size_t size; };

/* Reads a payload; after a read beyond its end `bad` is set and everything read is zero or empty. */
struct reader { const uint8_t *at, *end; bool bad; };

uint8_t read_u8(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
struct span read_span(struct reader *r, uint64_t size);
struct span read_bytes(struct reader *r);  /* u32 length + data */
struct span read_blob(struct reader *r);   /* u64 length + data */
char *span_text(struct span s);            /* a copy that ends with zero; exits when memory is gone */

/* A growing payload. */
struct buffer { uint8_t *data; size_t size, room; };

void put_raw(struct buffer *b, const void *data, size_t size);
void put_u8(struct buffer *b, uint8_t value);
void put_u32(struct buffer *b, uint32_t value);
void put_i32(struct buffer *b, int32_t value);
void put_u64(struct buffer *b, uint64_t value);
void put_bytes(struct buffer *b, const void *data, size_t size);
void put_file(struct buffer *b, int fd, uint64_t offset, uint64_t size);  /* content of an anonymous file, no length */

/* Begin a frame in `b` (emptied) and send it to `fd`, whole. Ends the process when nobody reads any more. */
void frame_begin(struct buffer *b, enum frame_type type, uint32_t id);
void frame_send(struct buffer *b, int fd);

struct frame {
    struct frame *next;
    uint8_t type;
    uint32_t id;
    uint32_t size;
    uint8_t payload[];
};

/* The incoming side: bytes that were read and are no whole frame yet. */
struct input { int fd; struct frame *partial; size_t have; uint8_t header[FRAME_HEADER]; size_t header_have; };

/* Read what is there (or, if `wait`, until a frame is whole). Returns a frame to be freed, or NULL if none is whole
 * yet. Ends the process at the end of the input or when it is out of step: then nobody can be answered. */
struct frame *frame_read(struct input *in, bool wait);

#endif

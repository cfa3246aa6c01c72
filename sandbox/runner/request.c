#define _GNU_SOURCE
#include "request.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

enum { FLAG_MERGE = 1, FLAG_ZYGOTE = 2, FLAG_STREAM = 4 };
enum { FROM_STORE = 0, INLINE = 1 };
enum { NAME_MOST = 512, ITEMS_MOST = 100000 };

struct stored { struct stored *next; uint8_t key[KEY_BYTES]; int fd; };

static struct stored *store;

static struct stored **find(const uint8_t *key) {
    struct stored **place = &store;
    while (*place != NULL && memcmp((*place)->key, key, KEY_BYTES) != 0) place = &(*place)->next;
    return place;
}

void store_put(const uint8_t *key, const void *content, size_t size) {
    store_drop(key);
    int fd = memory_file_with("file", content, size);
    if (fd < 0) return;
    struct stored *entry = need(malloc(sizeof *entry));
    memcpy(entry->key, key, KEY_BYTES);
    entry->fd = fd;
    entry->next = store;
    store = entry;
}

void store_drop(const uint8_t *key) {
    struct stored **place = find(key), *entry = *place;
    if (entry == NULL) return;
    *place = entry->next;
    close(entry->fd);
    free(entry);
}

/* A descriptor of our own for a content, or -1. */
static int read_content(struct reader *r) {
    uint8_t source = read_u8(r);
    if (source == INLINE) {
        struct span content = read_blob(r);
        return r->bad ? -1 : memory_file_with("file", content.data, content.size);
    }
    struct span key = read_span(r, KEY_BYTES);
    struct stored *entry = r->bad || source != FROM_STORE ? NULL : *find(key.data);
    if (entry == NULL) return -1;
    /* Opened anew: position and flags of a descriptor are shared by all its duplicates, those of earlier runs too. */
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", entry->fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* A relative path of plain names. */
static bool plain(const char *name) {
    size_t length = strlen(name), start = 0;
    if (length == 0 || length > NAME_MOST) return false;
    for (size_t i = 0; i <= length; i++) {
        if (name[i] != '/' && name[i] != 0) continue;
        size_t part = i - start;
        if (part == 0 || (part == 1 && name[start] == '.') || (part == 2 && memcmp(name + start, "..", 2) == 0))
            return false;
        start = i + 1;
    }
    return true;
}

static char **read_texts(struct reader *r, size_t spare) {
    uint32_t count = read_u32(r);
    if (count > ITEMS_MOST) r->bad = true;
    if (r->bad) count = 0;
    char **texts = need(calloc(count + spare + 1, sizeof *texts));
    for (uint32_t i = 0; i < count && !r->bad; i++) texts[i] = span_text(read_bytes(r));
    return texts;
}

static struct limits read_limits(struct reader *r) {
    struct limits limits = {0};
    limits.cpu_s = (double)read_u64(r) / 1e6;
    limits.wall_s = (double)read_u64(r) / 1e6;
    limits.memory_bytes = read_u64(r);
    limits.output_bytes = read_u64(r);
    limits.stderr_bytes = read_u64(r);
    limits.file_bytes = read_u64(r);
    limits.stack_bytes = read_u64(r);
    limits.processes = read_u32(r);
    limits.open_files = read_u32(r);
    if (limits.stack_bytes == 0) limits.stack_bytes = limits.memory_bytes;
    return limits;
}

bool read_request(const struct frame *frame, struct request *request, char *fault, size_t fault_room) {
    struct reader r = {frame->payload, frame->payload + frame->size, false};
    uint32_t flags = read_u32(&r);
    fault[0] = 0;
    *request = (struct request){
        .id = frame->id, .in = -1, .merge = flags & FLAG_MERGE, .from_zygote = flags & FLAG_ZYGOTE,
        .stream = flags & FLAG_STREAM,
    };
    request->limits = read_limits(&r);
    request->argv = read_texts(&r, 0);
    request->environment = read_texts(&r, 2);
    uint32_t files = read_u32(&r);
    if (files > ITEMS_MOST) r.bad = true;
    request->files = need(calloc(r.bad ? 1 : files + 1, sizeof *request->files));
    for (uint32_t i = 0; i < files && !r.bad; i++) {
        struct file *file = &request->files[request->file_count++];
        file->name = span_text(read_bytes(&r));
        file->mode = read_u32(&r);
        file->content = read_content(&r);
        if (!plain(file->name)) snprintf(fault, fault_room, "not a plain relative path: %.100s", file->name);
        else if (file->content < 0) snprintf(fault, fault_room, "the content of %.100s is not here", file->name);
    }
    int in = read_content(&r);
    if (request->stream) {
        if (in >= 0) close(in);
    } else {
        request->in = in;
        if (in < 0) snprintf(fault, fault_room, "the content of standard input is not here");
    }
    uint32_t keeps = read_u32(&r);
    if (keeps > ITEMS_MOST) r.bad = true;
    request->keep = need(calloc(r.bad ? 1 : keeps + 1, sizeof *request->keep));
    for (uint32_t i = 0; i < keeps && !r.bad; i++) {
        struct keep *keep = &request->keep[request->keep_count++];
        *keep = (struct keep){.name = span_text(read_bytes(&r)), .max_bytes = read_u64(&r), .target = -1};
        if (!plain(keep->name)) snprintf(fault, fault_room, "not a plain relative path: %.100s", keep->name);
    }
    if (r.bad) snprintf(fault, fault_room, "a request that cannot be read");
    else if (request->argv[0] == NULL) snprintf(fault, fault_room, "a request without a command");
    return fault[0] == 0;
}

static void free_texts(char **texts) {
    if (texts == NULL) return;
    for (char **text = texts; *text != NULL; text++) free(*text);
    free(texts);
}

void free_request(struct request *request) {
    free_texts(request->argv);
    free_texts(request->environment);
    for (size_t i = 0; i < request->file_count; i++) {
        free((void *)(uintptr_t)request->files[i].name);
        if (request->files[i].content >= 0) close(request->files[i].content);
    }
    for (size_t i = 0; i < request->keep_count; i++) free(request->keep[i].name);
    free(request->files);
    free(request->keep);
    if (request->in >= 0) close(request->in);
}

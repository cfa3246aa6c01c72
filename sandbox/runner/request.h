/* The contents that the service has sent, and the runs that it asks for. */
#ifndef SOLVENT_REQUEST_H
#define SOLVENT_REQUEST_H

#include "box.h"

void store_put(const uint8_t *key, const void *content, size_t size);
void store_drop(const uint8_t *key);

/* Read a RUN frame. Returns false, with `fault` set, if it cannot be done. Whatever it returns, free_request. */
bool read_request(const struct frame *frame, struct request *request, char *fault, size_t fault_room);
void free_request(struct request *request);

#endif

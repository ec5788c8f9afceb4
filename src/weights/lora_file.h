/* Floor 2. An adapter from a container that is already open, for tests and fuzzers. */
#ifndef I4_WEIGHTS_LORA_FILE_H
#define I4_WEIGHTS_LORA_FILE_H

#include "io/safetensors.h"
#include "weights/lora.h"

/* Takes the file, also on failure; NULL fails with *err as it is. */
bool i4_lora_from(i4_st_file *file, const i4_lora_target *targets, size_t target_count,
                  i4_lora *lora, i4_err *err);

#endif

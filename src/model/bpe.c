/* Byte-pair encoding. Symbols of a piece form a doubly linked list; candidate merges wait in a
 * binary heap ordered by (rank, place). A candidate that has gone stale is recognised when it is
 * taken out: symbols only ever grow, so a pair is intact exactly if both ids are unchanged.
 *
 * The merge table is a sorted array rather than a hash table: a hostile file cannot make its
 * look-ups slow. */
#include "model/bpe.h"
#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>

enum { NONE = -1, PIECE_BYTES_MAX = 1 << 28 /* places fit int32_t, sizes below do not overflow */ };

typedef struct i4_bpe_node {
    int32_t id; /* NONE once merged into its left neighbour */
    int32_t previous, next;
} node;

typedef struct i4_bpe_entry {
    const i4_bpe_merge *merge; /* borrowed from the table */
    int32_t place;             /* node of the left part */
} entry;

/* Bytes that are printable in Latin-1 stand for themselves. */
static bool is_own_symbol(unsigned byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* The other 68 bytes, 0-32, 127-160 and 173, follow U+0100 in this order. */
uint32_t i4_bpe_symbol(uint8_t byte) {
    if (is_own_symbol(byte)) {
        return byte;
    }
    return byte < 33 ? 0x100u + byte : byte < 161 ? 0x100u + 33 + (byte - 127u) : 0x100u + 67;
}

int i4_bpe_byte(uint32_t code_point) {
    if (code_point < 0x100) {
        return is_own_symbol(code_point) ? (int)code_point : -1;
    }
    const uint32_t k = code_point - 0x100;
    return k < 33 ? (int)k : k < 67 ? (int)(k - 33 + 127) : k == 67 ? 173 : -1;
}

static int compare_pairs(const i4_bpe_merge *a, int32_t left, int32_t right) {
    if (a->left != left) {
        return a->left < left ? -1 : 1;
    }
    return a->right < right ? -1 : a->right > right;
}

static int compare_merges(const void *a, const void *b) {
    const i4_bpe_merge *x = a, *y = b;
    const int order = compare_pairs(x, y->left, y->right);
    return order ? order : x->rank < y->rank ? -1 : x->rank > y->rank;
}

bool i4_bpe_seal(i4_bpe *bpe, uint32_t twice[2]) {
    if (bpe->merge_count == 0) {
        return true;
    }
    qsort(bpe->merge, bpe->merge_count, sizeof *bpe->merge, compare_merges);
    for (size_t i = 1; i < bpe->merge_count; i++) {
        const i4_bpe_merge *a = &bpe->merge[i - 1], *b = &bpe->merge[i];
        if (compare_pairs(a, b->left, b->right) == 0) {
            twice[0] = a->rank;
            twice[1] = b->rank;
            return false;
        }
    }
    return true;
}

void i4_bpe_free(i4_bpe *bpe) {
    i4_free(bpe->merge);
    bpe->merge = NULL;
    bpe->merge_count = 0;
}

static const i4_bpe_merge *find_merge(const i4_bpe *bpe, int32_t left, int32_t right) {
    size_t low = 0, high = bpe->merge_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_pairs(&bpe->merge[middle], left, right);
        if (order == 0) {
            return &bpe->merge[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

bool i4_ids_add(i4_ids *ids, int32_t id, i4_err *err) {
    if (ids->count == ids->capacity) {
        const size_t capacity = ids->capacity ? ids->capacity * 2 : 64;
        size_t bytes;
        int32_t *grown = NULL;
        if (i4_mul_size(capacity, sizeof *grown, &bytes)) {
            grown = i4_realloc(ids->id, bytes);
        }
        if (!grown) {
            return i4_fail_memory(err, "token ids", capacity);
        }
        ids->id = grown;
        ids->capacity = capacity;
    }
    ids->id[ids->count++] = id;
    return true;
}

/* The queue: a binary heap, the smallest (rank, place) first. */

typedef struct queue {
    entry *item;
    size_t count;
} queue;

static bool comes_before(entry a, entry b) {
    return a.merge->rank != b.merge->rank ? a.merge->rank < b.merge->rank : a.place < b.place;
}

static void push(queue *q, entry new_entry) {
    size_t i = q->count++;
    while (i > 0 && comes_before(new_entry, q->item[(i - 1) / 2])) {
        q->item[i] = q->item[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->item[i] = new_entry;
}

static entry pop(queue *q) {
    const entry first = q->item[0];
    const entry last = q->item[--q->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < q->count; i = child) {
        if (child + 1 < q->count && comes_before(q->item[child + 1], q->item[child])) {
            child++;
        }
        if (!comes_before(q->item[child], last)) {
            break;
        }
        q->item[i] = q->item[child];
    }
    q->item[i] = last;
    return first;
}

/* Each initial pair and each merge's two new neighbours make at most 3n candidates, but a merge
 * takes one out first: 2n places are enough. */
static bool scratch_reserve(i4_bpe_scratch *scratch, size_t count, i4_err *err) {
    if (count <= scratch->capacity) {
        return true;
    }
    i4_bpe_scratch_free(scratch);
    const size_t capacity = count < 64 ? 64 : count + count / 2;
    scratch->node = i4_malloc(capacity * sizeof(node));
    scratch->queue = i4_malloc(2 * capacity * sizeof(entry));
    if (!scratch->node || !scratch->queue) {
        i4_bpe_scratch_free(scratch);
        return i4_fail_memory(err, "merging symbols",
                              capacity * (sizeof(node) + 2 * sizeof(entry)));
    }
    scratch->capacity = capacity;
    return true;
}

void i4_bpe_scratch_free(i4_bpe_scratch *scratch) {
    i4_free(scratch->node);
    i4_free(scratch->queue);
    *scratch = (i4_bpe_scratch){0};
}

static void consider(const i4_bpe *bpe, const node *list, int32_t place, queue *q) {
    const int32_t next = place == NONE ? NONE : list[place].next;
    if (next == NONE) {
        return;
    }
    const i4_bpe_merge *merge = find_merge(bpe, list[place].id, list[next].id);
    if (merge) {
        push(q, (entry){merge, place});
    }
}

static bool is_intact(const node *list, entry candidate) {
    const node *left = &list[candidate.place];
    return left->id == candidate.merge->left && left->next != NONE &&
           list[left->next].id == candidate.merge->right;
}

static void apply(node *list, entry candidate) {
    node *left = &list[candidate.place];
    node *right = &list[left->next];
    left->id = candidate.merge->result;
    left->next = right->next;
    if (right->next != NONE) {
        list[right->next].previous = candidate.place;
    }
    right->id = NONE;
}

bool i4_bpe_encode(const i4_bpe *bpe, i4_str piece, i4_bpe_scratch *scratch, i4_ids *out,
                   i4_err *err) {
    if (piece.len == 0) {
        return true;
    }
    if (piece.len > PIECE_BYTES_MAX) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the text is too long to tokenise");
    }
    if (!scratch_reserve(scratch, piece.len, err)) {
        return false;
    }
    node *list = scratch->node;
    const int32_t count = (int32_t)piece.len;
    for (int32_t i = 0; i < count; i++) {
        const int32_t id = bpe->byte_id[(uint8_t)piece.ptr[i]];
        list[i] = (node){id, i - 1, i + 1 < count ? i + 1 : NONE};
    }
    queue q = {scratch->queue, 0};
    for (int32_t i = 0; i < count; i++) {
        consider(bpe, list, i, &q);
    }
    while (q.count > 0) {
        const entry candidate = pop(&q);
        if (is_intact(list, candidate)) {
            apply(list, candidate);
            consider(bpe, list, list[candidate.place].previous, &q);
            consider(bpe, list, candidate.place, &q);
        }
    }
    for (int32_t i = 0; i != NONE; i = list[i].next) {
        if (!i4_ids_add(out, list[i].id, err)) {
            return false;
        }
    }
    return true;
}

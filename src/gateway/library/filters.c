/* Filters of the library, from outside to i4_filter. */
#include "gateway/library/filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_CHARACTERS = 1000, NAME_CHARACTERS = 255, VALUE_BYTES = 64 };
static const int64_t seconds_of_day = 86400;

typedef struct reading {
    i4_check *c;
    const json_t *object; /* NULL: the query */
    i4_filter *filter;
} reading;

size_t i4_characters(const char *text) {
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static void refuse(const reading *r, const char *name, const char *reason) {
    if (!r->object) {
        i4_check_rule_query(r->c, name, reason);
        return;
    }
    char text[256];
    snprintf(text, sizeof text, "%s: %s", name, reason);
    i4_check_rule(r->c, "filter", text);
}

static char *keep(const reading *r, const char *text, size_t size) {
    char *copy = i4_req_alloc(r->c->request, size + 1);
    if (!copy) {
        r->c->out_of_memory = true;
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

/* A member of an object as the text that it would be in a query. */
static const char *member_text(const reading *r, const char *name, const json_t *value) {
    char text[VALUE_BYTES];
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "1" : "0";
    }
    if (json_is_integer(value)) {
        const int size =
            snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return keep(r, text, (size_t)size);
    }
    refuse(r, name, "must be a text or a whole number");
    return NULL;
}

/* The index-th value of a name; NULL: none. */
static const char *value_at(const reading *r, const char *name, int index) {
    if (!r->object) {
        return i4_req_query_at(r->c->request, name, index);
    }
    const json_t *value = json_object_get(r->object, name);
    if (json_is_null(value)) {
        return NULL;
    }
    if (json_is_array(value)) {
        value = json_array_get(value, (size_t)index);
    } else if (index > 0) {
        value = NULL;
    }
    return value ? member_text(r, name, value) : NULL;
}

/* NULL: absent or empty, which filters nothing; or refused. */
static const char *text_of(const reading *r, const char *name, size_t characters) {
    const char *text = value_at(r, name, 0);
    if (!text || !text[0]) {
        return NULL;
    }
    if (i4_characters(text) > characters) {
        char reason[80];
        snprintf(reason, sizeof reason, "longer than %zu characters; shorten it", characters);
        refuse(r, name, reason);
        return NULL;
    }
    return text;
}

/* --- tags ----------------------------------------------------------------------------------- */

bool i4_tag_fits(const char *name) {
    for (const char *c = name; *c; c++) {
        if (*c == ',' || (unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return name[strspn(name, " ")] && i4_characters(name) <= I4_TAG_CHARACTERS;
}

static void add_tag(const reading *r, const char *text, size_t size) {
    i4_filter *f = r->filter;
    char *name = keep(r, text, size);
    if (!name || !name[strspn(name, " ")]) {
        return;
    }
    if (!i4_tag_fits(name)) {
        refuse(r, "tag", "a tag has 1 to 64 characters and no control characters");
    } else if (f->tag_count == I4_FILTER_TAGS) {
        refuse(r, "tag", "more than 16 tags; filter by fewer of them");
    } else {
        f->tags[f->tag_count++] = name;
    }
}

static void read_tags(const reading *r) {
    const char *text;
    for (int i = 0; (text = value_at(r, "tag", i)) != NULL && i4_check_fine(r->c, "tag") &&
                    i4_check_fine(r->c, "filter");
         i++) {
        for (;;) {
            const size_t size = strcspn(text, ",");
            add_tag(r, text, size);
            if (!text[size]) {
                break;
            }
            text += size + 1;
        }
    }
}

/* --- numbers and words of a few kinds -------------------------------------------------------- */

static void read_fav(const reading *r) {
    const char *text = text_of(r, "fav", VALUE_BYTES);
    if (!text) {
        return;
    }
    if (strcmp(text, "1") != 0 && strcmp(text, "0") != 0) {
        refuse(r, "fav", "must be 1 or 0");
    } else {
        r->filter->fav = text[0] == '1';
    }
}

static void read_rating(const reading *r) {
    const char *text = text_of(r, "rating", VALUE_BYTES);
    if (!text) {
        return;
    }
    if (text[0] < '0' || text[0] > '5' || text[1]) {
        refuse(r, "rating", "must be 0 to 5 stars");
    } else {
        r->filter->rating = text[0] - '0';
    }
}

static void read_flag(const reading *r) {
    const char *text = text_of(r, "flag", VALUE_BYTES);
    if (!text) {
        return;
    }
    if (strcmp(text, "blocked") == 0) {
        r->filter->shown = I4_SHOWN_BLOCKED;
    } else if (strcmp(text, "any") == 0) {
        r->filter->shown = I4_SHOWN_ALL;
    } else {
        refuse(r, "flag", "must be blocked or any");
    }
}

static void read_prompt(const reading *r) {
    const char *text = text_of(r, "prompt_id", VALUE_BYTES);
    char *end;
    if (!text) {
        return;
    }
    if (strcmp(text, "none") == 0) {
        r->filter->unlinked = true;
        return;
    }
    if (strspn(text, "0123456789") != strlen(text)) {
        refuse(r, "prompt_id", "must be the number of a history entry or none");
        return;
    }
    r->filter->has_prompt = true;
    r->filter->prompt_id = strlen(text) > 18 ? INT64_MAX : strtoll(text, &end, 10);
}

static void read_ratio(const reading *r) {
    static const char *const kinds[] = {NULL, "square", "landscape", "portrait"};
    const char *text = text_of(r, "ratio", VALUE_BYTES);
    if (!text) {
        return;
    }
    for (int i = I4_RATIO_SQUARE; i <= I4_RATIO_PORTRAIT; i++) {
        if (strcmp(text, kinds[i]) == 0) {
            r->filter->ratio = (i4_ratio)i;
            return;
        }
    }
    const size_t first = strspn(text, "0123456789");
    const size_t second = text[first] == ':' ? strspn(text + first + 1, "0123456789") : 0;
    const double width = first > 0 && first <= 5 ? strtod(text, NULL) : 0;
    const double height = second > 0 && second <= 5 ? strtod(text + first + 1, NULL) : 0;
    if (width < 1 || height < 1 || text[first + 1 + second]) {
        refuse(r, "ratio", "must be square, landscape, portrait or two sides like 16:9");
        return;
    }
    r->filter->ratio = I4_RATIO_SIDES;
    r->filter->ratio_value = width / height;
}

/* --- dates ---------------------------------------------------------------------------------- */

static int digits(const char *text, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* Seconds since 1970 of the beginning of a date; false: there is no such date. */
static bool read_date(const char *text, int64_t *out) {
    static const char form[] = "dddd-dd-dd";
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (size_t i = 0; i < sizeof form; i++) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !is_digit : text[i] != form[i]) {
            return false;
        }
    }
    const int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] + (month == 2 && is_leap)) {
        return false;
    }
    /* days before the year, which began in March: the leap day is its last */
    const int64_t y = year - (month <= 2);
    const int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t leaps = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;
    *out = (y * 365 + leaps + in_year - 719468) * seconds_of_day;
    return true;
}

static void read_dates(const reading *r) {
    static const char reason[] = "must be a date like 2026-06-30";
    const char *from = text_of(r, "from", VALUE_BYTES), *to = text_of(r, "to", VALUE_BYTES);
    if (from && !read_date(from, &r->filter->from)) {
        refuse(r, "from", reason);
    }
    if (to && !read_date(to, &r->filter->to)) {
        refuse(r, "to", reason);
    } else if (to) {
        r->filter->to += seconds_of_day - 1;
    }
}

void i4_filters_read(i4_check *c, const json_t *object, i4_filter *filter) {
    const reading r = {c, object, filter};
    i4_filter_init(filter);
    filter->q = text_of(&r, "q", QUERY_CHARACTERS);
    filter->preset = text_of(&r, "preset", NAME_CHARACTERS);
    filter->lora = text_of(&r, "lora", NAME_CHARACTERS);
    if (filter->lora && strcmp(filter->lora, "none") == 0) {
        filter->lora = NULL;
        filter->lora_none = true;
    }
    read_tags(&r);
    read_fav(&r);
    read_rating(&r);
    read_flag(&r);
    read_prompt(&r);
    read_ratio(&r);
    read_dates(&r);
}

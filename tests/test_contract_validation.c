/* The real programs: every row of the table of validation errors (docs/http-api.md 2.4) with type,
 * loc, msg, ctx and input, on both of them, and the coercions that are no errors. */
#include "contract_routes.h"

static stack it;

/* --- rows of any JSON route ------------------------------------------------------------------ */

static const char typed_msg[] =
    "Input should be a valid dictionary or object to extract fields from";
static const char free_msg[] = "Input should be a valid dictionary";

/* The one entry of the answer about a body. */
static void assert_body_row(const known_route *r, const char *body, const char *type,
                            const char *msg, const char *input) {
    char expected[512];
    snprintf(expected, sizeof expected,
             "{'detail':[{'type':'%s','loc':['body'],'msg':'%s','input':%s}]}", type, msg, input);
    say(&it, r->where, r->method, r->path, body, 422, expected);
}

static void validation_row_a_broken_json_suppresses_everything_else(void **state) {
    static const char *const bodies[] = {"{broken", "{'caption':1", "{'width':'x',}", "nothing"};
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        for (size_t k = 0; known_routes[i].body && k < sizeof bodies / sizeof *bodies; k++) {
            say(&it, known_routes[i].where, known_routes[i].method, known_routes[i].path, bodies[k],
                422,
                "{'detail':[{'type':'json_invalid','loc':['body','<int>'],"
                "'msg':'JSON decode error','input':{},'ctx':{'error':'<text>'}}]}");
        }
    }
}

static void validation_row_a_counts_characters(void **state) {
    (void)state;
    const json_t *early =
        say(&it, GATEWAY, "POST", "/api/verify", "{'a':'\xc3\xa4\xc3\xa4' x}", 422, NULL);
    const json_t *bytes = say(&it, GATEWAY, "POST", "/api/verify", "{'a':'aa' x}", 422, NULL);
    const json_t *at[2] = {early, bytes};
    json_int_t offset[2];
    for (int i = 0; i < 2; i++) {
        const json_t *entry = json_array_get(json_object_get(at[i], "detail"), 0);
        offset[i] = json_integer_value(json_array_get(json_object_get(entry, "loc"), 1));
    }
    assert_int_equal(offset[0], offset[1]);
    assert_in_range(offset[0], 9, 12);
}

static void validation_row_b_absent_empty_and_null_bodies_are_missing(void **state) {
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        if (!r->body) {
            continue;
        }
        assert_body_row(r, NULL, "missing", "Field required", "null");
        assert_body_row(r, "", "missing", "Field required", "null");
        assert_body_row(r, "null", "missing", "Field required", "null");
        assert_body_row(r, " null ", "missing", "Field required", "null");
    }
}

static void validation_row_c_bodies_must_be_objects(void **state) {
    static const char *const inputs[] = {"[1,'a']", "7", "1.5", "'text'", "true", "[]"};
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        for (size_t k = 0; r->body && k < sizeof inputs / sizeof *inputs; k++) {
            assert_body_row(r, inputs[k], r->is_free_form ? "dict_type" : "model_attributes_type",
                            r->is_free_form ? free_msg : typed_msg, inputs[k]);
        }
    }
}

static void validation_row_c_other_content_types_are_text(void **state) {
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        char expected[512];
        if (!r->body) {
            continue;
        }
        snprintf(expected, sizeof expected,
                 "{\"detail\":[{\"type\":\"%s\",\"loc\":[\"body\"],\"msg\":\"%s\","
                 "\"input\":\"{ }\"}]}",
                 r->is_free_form ? "dict_type" : "model_attributes_type",
                 r->is_free_form ? free_msg : typed_msg);
        for (int k = 0; k < 2; k++) {
            raw_answer a = raw_ask(stack_port(&it, r->where), r->method, r->path,
                                   k ? "Content-Type: application/octet-stream\r\n" : NULL, "{ }");
            assert_int_equal(a.status, 422);
            assert_string_equal(a.body, expected);
            raw_free(&a);
        }
    }
}

/* --- rows of fields -------------------------------------------------------------------------- */

/* detail: what is between the brackets; NULL: the body is accepted (not 422). */
typedef struct field_case {
    who where;
    const char *method, *path, *body, *detail;
} field_case;

#define INT_MSG "'Input should be a valid integer'"
#define PARSING_MSG "'Input should be a valid integer, unable to parse string as an integer'"
#define FRACTION_MSG "'Input should be a valid integer, got a number with a fractional part'"
#define SIZE_MSG "'Unable to parse input string as an integer, exceeded maximum size'"
#define CTX "'ctx':{'error':{}}"
#define GEN GATEWAY, "POST", "/api/generate"
#define DRAW DAEMON, "POST", "/generate"
#define APPLY DAEMON, "POST", "/lora/apply"
#define MAGIC GATEWAY, "POST", "/api/magic-prompt"
#define ATTACH GATEWAY, "POST", "/api/images/77/attach-history"
#define PROMPT GATEWAY, "POST", "/api/prompts"
#define FORM GATEWAY, "POST", "/api/form"
#define FAVORITE GATEWAY, "POST", "/api/favorites"
#define UPSCALE GATEWAY, "POST", "/api/upscale"
#define LIST GATEWAY, "GET"

static const field_case field_cases[] = {
    /* D */
    {GEN, "{'width':256}",
     "{'type':'missing','loc':['body','caption'],'msg':'Field required','input':{'width':256}}"},
    {DRAW, "{'seed':1}",
     "{'type':'missing','loc':['body','caption'],'msg':'Field required','input':{'seed':1}}"},
    {GATEWAY, "POST", "/api/verify", "{}",
     "{'type':'missing','loc':['body','caption'],'msg':'Field required','input':{}}"},
    {GATEWAY, "PATCH", "/api/images/77", "{'x':[1]}",
     "{'type':'missing','loc':['body','prompt_id'],'msg':'Field required','input':{'x':[1]}}"},
    {ATTACH, "{'hld':'x'}",
     "{'type':'missing','loc':['body','form_json'],'msg':'Field required','input':{'hld':'x'}}"},
    {PROMPT, "{}",
     "{'type':'missing','loc':['body','form_json'],'msg':'Field required','input':{}}"},
    {FORM, "{}", "{'type':'missing','loc':['body','form_json'],'msg':'Field required','input':{}}"},
    {UPSCALE, "{'scale':2}",
     "{'type':'missing','loc':['body','image_id'],'msg':'Field required','input':{'scale':2}}"},
    /* E */
    {GEN, "{'caption':{},'width':null}",
     "{'type':'int_type','loc':['body','width'],'msg':" INT_MSG ",'input':null}"},
    {GEN, "{'caption':{},'height':[]}",
     "{'type':'int_type','loc':['body','height'],'msg':" INT_MSG ",'input':[]}"},
    {GEN, "{'caption':{},'seed':{'a':1}}",
     "{'type':'int_type','loc':['body','seed'],'msg':" INT_MSG ",'input':{'a':1}}"},
    {GEN, "{'caption':{},'prompt_id':[1]}",
     "{'type':'int_type','loc':['body','prompt_id'],'msg':" INT_MSG ",'input':[1]}"},
    {DRAW, "{'caption':'x','width':null}",
     "{'type':'int_type','loc':['body','width'],'msg':" INT_MSG ",'input':null}"},
    {DRAW, "{'caption':'x','quality':[]}",
     "{'type':'int_type','loc':['body','quality'],'msg':" INT_MSG ",'input':[]}"},
    {GATEWAY, "PATCH", "/api/images/77", "{'prompt_id':null}",
     "{'type':'int_type','loc':['body','prompt_id'],'msg':" INT_MSG ",'input':null}"},
    {UPSCALE, "{'image_id':null}",
     "{'type':'int_type','loc':['body','image_id'],'msg':" INT_MSG ",'input':null}"},
    /* F */
    {GEN, "{'caption':{},'width':'x'}",
     "{'type':'int_parsing','loc':['body','width'],'msg':" PARSING_MSG ",'input':'x'}"},
    {GEN, "{'caption':{},'seed':''}",
     "{'type':'int_parsing','loc':['body','seed'],'msg':" PARSING_MSG ",'input':''}"},
    {GEN, "{'caption':{},'seed':'1__0'}",
     "{'type':'int_parsing','loc':['body','seed'],'msg':" PARSING_MSG ",'input':'1__0'}"},
    {GEN, "{'caption':{},'seed':'1.5'}",
     "{'type':'int_parsing','loc':['body','seed'],'msg':" PARSING_MSG ",'input':'1.5'}"},
    {GEN, "{'caption':{},'seed':'0x10'}",
     "{'type':'int_parsing','loc':['body','seed'],'msg':" PARSING_MSG ",'input':'0x10'}"},
    {GEN, "{'caption':{},'seed':'1e3'}",
     "{'type':'int_parsing','loc':['body','seed'],'msg':" PARSING_MSG ",'input':'1e3'}"},
    {DRAW, "{'caption':'x','height':'y'}",
     "{'type':'int_parsing','loc':['body','height'],'msg':" PARSING_MSG ",'input':'y'}"},
    {FAVORITE, "{'image_id':'y'}",
     "{'type':'int_parsing','loc':['body','image_id'],'msg':" PARSING_MSG ",'input':'y'}"},
    /* G */
    {GEN, "{'caption':{},'width':1024.5}",
     "{'type':'int_from_float','loc':['body','width'],'msg':" FRACTION_MSG ",'input':1024.5}"},
    {DRAW, "{'caption':'x','seed':0.1}",
     "{'type':'int_from_float','loc':['body','seed'],'msg':" FRACTION_MSG ",'input':0.1}"},
    /* G2 */
    {GEN, "{'caption':{},'seed':1e30}",
     "{'type':'int_parsing_size','loc':['body','seed'],'msg':" SIZE_MSG ",'input':1e30}"},
    {DRAW, "{'caption':'x','seed':1e30}",
     "{'type':'int_parsing_size','loc':['body','seed'],'msg':" SIZE_MSG ",'input':1e30}"},
    /* H */
    {APPLY, "{'name':'x','strength':null}",
     "{'type':'float_type','loc':['body','strength'],'msg':'Input should be a valid number',"
     "'input':null}"},
    {APPLY, "{'name':'x','strength':'y'}",
     "{'type':'float_parsing','loc':['body','strength'],'msg':'Input should be a valid number, "
     "unable to parse string as a number','input':'y'}"},
    /* I */
    {GEN, "{'caption':{},'preset':7}",
     "{'type':'string_type','loc':['body','preset'],'msg':'Input should be a valid string',"
     "'input':7}"},
    {GEN, "{'caption':{},'format':null}",
     "{'type':'string_type','loc':['body','format'],'msg':'Input should be a valid string',"
     "'input':null}"},
    {DRAW, "{'caption':'x','preset':[]}",
     "{'type':'string_type','loc':['body','preset'],'msg':'Input should be a valid string',"
     "'input':[]}"},
    {APPLY, "{'name':true}",
     "{'type':'string_type','loc':['body','name'],'msg':'Input should be a valid string',"
     "'input':true}"},
    {PROMPT, "{'form_json':{'a':1}}",
     "{'type':'string_type','loc':['body','form_json'],'msg':'Input should be a valid string',"
     "'input':{'a':1}}"},
    {MAGIC, "{'prompt':null}",
     "{'type':'string_type','loc':['body','prompt'],'msg':'Input should be a valid string',"
     "'input':null}"},
    {MAGIC, "{'prompt':'x','images_b64':['',7]}",
     "{'type':'string_type','loc':['body','images_b64',1],'msg':'Input should be a valid string',"
     "'input':7}"},
    /* K */
    {DAEMON, "POST", "/lora/download", "{'preset_id':''}",
     "{'type':'string_too_short','loc':['body','preset_id'],'msg':'String should have at least 1 "
     "character','input':'','ctx':{'min_length':1}}"},
    {GATEWAY, "POST", "/api/lora/download", "{'preset_id':''}", /* relayed */
     "{'type':'string_too_short','loc':['body','preset_id'],'msg':'String should have at least 1 "
     "character','input':'','ctx':{'min_length':1}}"},
    {DAEMON, "POST", "/lora/download", "{}", NULL},
    /* L */
    {GEN, "{'caption':'a cat'}",
     "{'type':'dict_type','loc':['body','caption'],'msg':'Input should be a valid dictionary',"
     "'input':'a cat'}"},
    {GATEWAY, "POST", "/api/verify", "{'caption':null}",
     "{'type':'dict_type','loc':['body','caption'],'msg':'Input should be a valid dictionary',"
     "'input':null}"},
    {GATEWAY, "POST", "/api/verify", "{'caption':[{}]}",
     "{'type':'dict_type','loc':['body','caption'],'msg':'Input should be a valid dictionary',"
     "'input':[{}]}"},
    {APPLY, "{'loras':[{},'x',7]}",
     "{'type':'dict_type','loc':['body','loras',1],'msg':'Input should be a valid dictionary',"
     "'input':'x'},{'type':'dict_type','loc':['body','loras',2],'msg':'Input should be a valid "
     "dictionary','input':7}"},
    {DRAW, "{'caption':'x','loras':[[]]}",
     "{'type':'dict_type','loc':['body','loras',0],'msg':'Input should be a valid dictionary',"
     "'input':[]}"},
    /* M */
    {APPLY, "{'loras':{'a':1}}",
     "{'type':'list_type','loc':['body','loras'],'msg':'Input should be a valid list',"
     "'input':{'a':1}}"},
    {DRAW, "{'caption':'x','loras':'y'}",
     "{'type':'list_type','loc':['body','loras'],'msg':'Input should be a valid "
     "list','input':'y'}"},
    {MAGIC, "{'prompt':'x','images_b64':'y'}",
     "{'type':'list_type','loc':['body','images_b64'],'msg':'Input should be a valid list',"
     "'input':'y'}"},
    /* N */
    {LIST, "/api/images?linked_only=maybe", NULL,
     "{'type':'bool_parsing','loc':['query','linked_only'],'msg':'Input should be a valid boolean, "
     "unable to interpret input','input':'maybe'}"},
    {LIST, "/api/images?orphans_only=", NULL,
     "{'type':'bool_parsing','loc':['query','orphans_only'],'msg':'Input should be a valid "
     "boolean, "
     "unable to interpret input','input':''}"},
    /* O, and F in the query */
    {LIST, "/api/images?limit=-1", NULL,
     "{'type':'greater_than_equal','loc':['query','limit'],'msg':'Input should be greater than or "
     "equal to 0','input':'-1','ctx':{'ge':0}}"},
    {LIST, "/api/images?limit=", NULL,
     "{'type':'int_parsing','loc':['query','limit'],'msg':" PARSING_MSG ",'input':''}"},
    {LIST, "/api/images?prompt_id=x", NULL,
     "{'type':'int_parsing','loc':['query','prompt_id'],'msg':" PARSING_MSG ",'input':'x'}"},
    {LIST, "/api/images?limit=99999999999999999999", NULL,
     "{'type':'int_parsing_size','loc':['query','limit'],'msg':" SIZE_MSG
     ",'input':'99999999999999999999'}"},
    {LIST, "/api/images?limit=x&orphans_only=2&prompt_id=&linked_only=3", NULL,
     "{'type':'int_parsing','loc':['query','prompt_id'],'...':0},"
     "{'type':'bool_parsing','loc':['query','linked_only'],'...':0},"
     "{'type':'bool_parsing','loc':['query','orphans_only'],'...':0},"
     "{'type':'int_parsing','loc':['query','limit'],'...':0}"},
    /* P */
    {UPSCALE, "{'image_id':1,'scale':3}",
     "{'type':'literal_error','loc':['body','scale'],'msg':'Input should be 2 or 4','input':3,"
     "'ctx':{'expected':'2 or 4'}}"},
    {UPSCALE, "{'image_id':1,'preset':'x'}",
     "{'type':'literal_error','loc':['body','preset'],'msg':'Input should be "
     "\\u0027standard\\u0027 "
     "or \\u0027sharp\\u0027','input':'x','ctx':{'expected':'\\u0027standard\\u0027 or "
     "\\u0027sharp\\u0027'}}"},
    {UPSCALE, "{'image_id':1,'preset':7}",
     "{'type':'literal_error','loc':['body','preset'],'msg':'Input should be "
     "\\u0027standard\\u0027 "
     "or \\u0027sharp\\u0027','input':7,'ctx':{'expected':'\\u0027standard\\u0027 or "
     "\\u0027sharp\\u0027'}}"},
    /* Q */
    {GEN, "{'caption':{},'width':1000}",
     "{'type':'value_error','loc':['body','width'],'msg':'<has:Value error, >','input':1000," CTX
     "}"},
    {GEN, "{'caption':{},'height':240}",
     "{'type':'value_error','loc':['body','height'],'msg':'<has:Value error, >','input':240," CTX
     "}"},
    {GEN, "{'caption':{},'height':2064}",
     "{'type':'value_error','loc':['body','height'],'msg':'<has:Value error, >','input':2064," CTX
     "}"},
    {GEN, "{'caption':{},'preset':'v4_turbo_12'}",
     "{'type':'value_error','loc':['body','preset'],'msg':'<has:Value error, >',"
     "'input':'v4_turbo_12'," CTX "}"},
    {GEN, "{'caption':{},'format':'jpg'}",
     "{'type':'value_error','loc':['body','format'],'msg':'<has:Value error, >','input':'jpg'," CTX
     "}"},
    {MAGIC, "{'prompt':'x','width':100}",
     "{'type':'value_error','loc':['body','width'],'msg':'<has:Value error, >','input':100," CTX
     "}"},
    {MAGIC, "{'prompt':'x','images_b64':['AAA']}",
     "{'type':'value_error','loc':['body','images_b64'],'msg':'<has:Value error, >',"
     "'input':['AAA']," CTX "}"},
    {MAGIC, "{'prompt':'x','images_b64':['AA AA']}",
     "{'type':'value_error','loc':['body','images_b64'],'msg':'<has:Value error, >',"
     "'input':['AA AA']," CTX "}"},
    {MAGIC, "{'prompt':'x','images_b64':['_-8=']}",
     "{'type':'value_error','loc':['body','images_b64'],'msg':'<has:Value error, >',"
     "'input':['_-8=']," CTX "}"},
    {MAGIC, "{'prompt':'x','images_b64':['','','','','']}",
     "{'type':'value_error','loc':['body','images_b64'],'msg':'<has:Value error, >',"
     "'input':['','','','','']," CTX "}"},
    {FAVORITE, "{'prompt_id':null}",
     "{'type':'value_error','loc':['body','prompt_id'],'msg':'<has:Value error, "
     ">','input':null," CTX "}"},
    {FAVORITE, "{'image_id':null,'prompt_id':null}",
     "{'type':'value_error','loc':['body','prompt_id'],'msg':'<has:Value error, "
     ">','input':null," CTX "}"},
    {FAVORITE, "{}", NULL}, /* a 404 */
    /* R */
    {MAGIC, "{'width':256}",
     "{'type':'value_error','loc':['body'],'msg':'<has:Value error, >','input':{'width':256}," CTX
     "}"},
    {MAGIC, "{'prompt':' \\n','images_b64':[]}",
     "{'type':'value_error','loc':['body'],'msg':'<has:Value error, >',"
     "'input':{'prompt':' \\n','images_b64':[]}," CTX "}"},
    {MAGIC, "{'prompt':'','width':100}", /* only if no field failed */
     "{'type':'value_error','loc':['body','width'],'...':0}"},
    {MAGIC, "{'images_b64':['']}", NULL}, /* an empty one counts as an image: 400, not set up */
    /* S */
    {PROMPT, "{'form_json':'{'}",
     "{'type':'value_error','loc':['body','form_json'],'msg':'<has:Value error, >','input':'{',"
     "'ctx':{'error':{'msg':'<text>','doc':'{','pos':'<int>','lineno':'<int>','colno':'<int>'}}}"},
    {ATTACH, "{'form_json':''}",
     "{'type':'value_error','loc':['body','form_json'],'msg':'<has:Value error, >','input':'',"
     "'ctx':{'error':{'msg':'<text>','doc':'','pos':'<int>','lineno':1,'colno':'<int>'}}}"},
    {FORM, "{'form_json':'{}\\n x'}",
     "{'type':'value_error','loc':['body','form_json'],'msg':'<has:line 2 column>',"
     "'input':'{}\\n x','ctx':{'error':{'msg':'<text>','doc':'{}\\n x','pos':'<int>','lineno':2,"
     "'colno':'<int>'}}}"},
    {FORM, "{'form_json':'NaN'}",
     "{'type':'value_error','loc':['body','form_json'],'msg':'<has:Value error, >','input':'NaN',"
     "'ctx':{'error':'<obj>'}}"},
    {FORM, "{'form_json':'null'}", NULL},
    {FORM, "{'form_json':'[1,2]'}", NULL},
    /* T */
    {DRAW, "{'caption':7}",
     "{'type':'dict_type','loc':['body','caption','dict[any,any]'],'msg':'Input should be a valid "
     "dictionary','input':7},{'type':'string_type','loc':['body','caption','str'],'msg':'Input "
     "should be a valid string','input':7}"},
    {DRAW, "{'caption':null}",
     "{'type':'dict_type','loc':['body','caption','dict[any,any]'],'msg':'Input should be a valid "
     "dictionary','input':null},{'type':'string_type','loc':['body','caption','str'],'msg':'Input "
     "should be a valid string','input':null}"},
    /* all errors, in the order of declaration */
    {GEN,
     "{'format':'gif','height':'x','preset':1,'width':1000,'caption':1,'prompt_id':1.5,"
     "'seed':[]}",
     "{'type':'dict_type','loc':['body','caption'],'...':0},"
     "{'type':'value_error','loc':['body','width'],'...':0},"
     "{'type':'int_parsing','loc':['body','height'],'...':0},"
     "{'type':'string_type','loc':['body','preset'],'...':0},"
     "{'type':'int_type','loc':['body','seed'],'...':0},"
     "{'type':'value_error','loc':['body','format'],'...':0},"
     "{'type':'int_from_float','loc':['body','prompt_id'],'...':0}"},
};

static void validation_every_field_row_is_exact(void **state) {
    char expected[4096];
    (void)state;
    for (size_t i = 0; i < sizeof field_cases / sizeof *field_cases; i++) {
        const field_case *c = &field_cases[i];
        int status = 0;
        if (c->detail) {
            snprintf(expected, sizeof expected, "{'detail':[%s]}", c->detail);
            say(&it, c->where, c->method, c->path, c->body, 422, expected);
            continue;
        }
        ask(&it, c->where, c->method, c->path, c->body, &status);
        if (status == 422 || status >= 500) {
            fail_msg("%s %s: %d", c->path, c->body, status);
        }
    }
}

static void validation_example_of_the_contract_is_met(void **state) {
    (void)state;
    const json_t *answer = say(&it, GATEWAY, "POST", "/api/generate",
                               "{'caption':{},'width':1000,'height':'x'}", 422, NULL);
    char *text = json_dumps(answer, JSON_COMPACT);
    assert_string_equal(
        text, "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\",\"width\"],\"msg\":\"Value "
              "error, not a multiple of 16\",\"input\":1000,\"ctx\":{\"error\":{}}},{\"type\":"
              "\"int_parsing\",\"loc\":[\"body\",\"height\"],\"msg\":\"Input should be a valid "
              "integer, unable to parse string as an integer\",\"input\":\"x\"}]}");
    free(text);
}

/* --- lengths --------------------------------------------------------------------------------- */

/* {"<field>":"<count times `unit`>"<rest>}; one at a time */
static const char *long_body(const char *field, size_t count, const char *unit, const char *rest) {
    static char *text;
    const size_t size = strlen(unit);
    free(text);
    text = malloc(count * size + strlen(rest) + 64);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, 64, "{'%s':'", field);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + used, unit, size);
        used += size;
    }
    snprintf(text + used, strlen(rest) + 8, "'%s}", rest);
    return text;
}

static void assert_too_long(const char *path, const char *body, const char *field, int limit) {
    char expected[512];
    snprintf(expected, sizeof expected,
             "{'detail':[{'type':'string_too_long','loc':['body','%s'],'msg':'String should have "
             "at most %d characters','input':'<text>','ctx':{'max_length':%d}}]}",
             field, limit, limit);
    say(&it, GATEWAY, "POST", path, body, 422, expected);
}

static void validation_row_j_counts_code_points(void **state) {
    static const char cat[] = "\xf0\x9f\x90\x88"; /* one character of four bytes */
    (void)state;
    say(&it, GATEWAY, "POST", "/api/prompts", long_body("hld", 12000, cat, ",'form_json':'1'"), 200,
        NULL);
    assert_too_long("/api/prompts", long_body("hld", 12001, cat, ",'form_json':'1'"), "hld", 12000);
    assert_too_long("/api/images/77/attach-history",
                    long_body("hld", 12001, "x", ",'form_json':'1'"), "hld", 12000);
    assert_too_long("/api/magic-prompt", long_body("prompt", 12001, cat, ""), "prompt", 12000);
    say(&it, GATEWAY, "POST", "/api/magic-prompt", long_body("prompt", 12000, cat, ""), 400,
        "{'error':'<text>'}");
    static const char *const paths[] = {"/api/form", "/api/prompts",
                                        "/api/images/77/attach-history"};
    for (size_t i = 0; i < 3; i++) {
        assert_too_long(paths[i], long_body("form_json", 1048577, "1", ""), "form_json", 1048576);
        /* characters fit, bytes do not: Q */
        say(&it, GATEWAY, "POST", paths[i], long_body("form_json", 600000, "\xc3\xa4", ""), 422,
            "{'detail':[{'type':'value_error','loc':['body','form_json'],"
            "'msg':'<has:Value error, >','input':'<text>'," CTX "}]}");
    }
    say(&it, GATEWAY, "POST", "/api/form", long_body("form_json", 1048576, "1", ""), 422, NULL);
}

static void validation_forms_of_the_full_size_are_taken(void **state) {
    (void)state;
    /* 1 MiB of form as a JSON text: a string of blanks in quotes */
    const size_t count = 1048576 - 2;
    char *body = malloc(count + 64);
    assert_non_null(body);
    size_t used = (size_t)snprintf(body, 64, "{\"form_json\":\"\\\"");
    memset(body + used, 'x', count);
    snprintf(body + used + count, 16, "\\\"\"}");
    say(&it, GATEWAY, "POST", "/api/form", body, 200, "{'ok':true}");
    free(body);
}

static void validation_caption_is_measured_as_written_with_blanks(void **state) {
    (void)state;
    /* {"k": "xx…", "l": 1} with blanks after ',' and ':' is 262144 bytes, and one more */
    for (size_t more = 0; more < 2; more++) {
        const size_t count = 262144 - 17 + more;
        const char *text = long_body("k", count, "x", ",'l':1");
        char *whole = malloc(strlen(text) + 256);
        assert_non_null(whole);
        snprintf(whole, strlen(text) + 256, "{'width':1000,'caption':%s}", text);
        say(&it, GATEWAY, "POST", "/api/generate", whole, 422,
            more ? "{'detail':[{'type':'value_error','loc':['body','caption'],'msg':'<text>',"
                   "'input':{'k':'<text>','l':1}," CTX "},"
                   "{'type':'value_error','loc':['body','width'],'...':0}]}"
                 : "{'detail':[{'type':'value_error','loc':['body','width'],'...':0}]}");
        free(whole);
    }
}

/* --- coercion -------------------------------------------------------------------------------- */

/* Each of these numbers is taken: the only error is that of the format. */
static void validation_numbers_are_read_generously(void **state) {
    static const char *const seeds[] = {
        "7",
        "7.0",
        "true",
        "false",
        "'7'",
        "' 7 '",
        "'+7'",
        "'-7'",
        "'007'",
        "'1_000'",
        "'7.0'",
        "'7.000'",
        "-5",
        "9223372036854775807",
        "-9223372036854775808",
        "'\\t7\\n'",
    };
    static const char *const sizes[] = {"1024.0", "'1024'", "' +1_024.00 '"};
    static const char only_format[] = "{'detail':[{'type':'value_error','loc':['body','format'],"
                                      "'...':0}]}";
    char body[256];
    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        snprintf(body, sizeof body, "{'caption':{},'format':'no','seed':%s,'prompt_id':%s}",
                 seeds[i], seeds[i]);
        say(&it, GATEWAY, "POST", "/api/generate", body, 422, only_format);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(body, sizeof body, "{'caption':{},'format':'no','width':%s}", sizes[i]);
        say(&it, GATEWAY, "POST", "/api/generate", body, 422, only_format);
    }
    say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{},'format':'no','prompt_id':null}", 422,
        only_format);
    say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{},'width':1000,'format':'WebP'}", 422,
        "{'detail':[{'type':'value_error','loc':['body','width'],'...':0}]}");
}

static void validation_strengths_are_read_generously(void **state) {
    static const char *const strengths[] = {"1", "true", "'0.5'", "' 1e-1 '", "-3", "'7'", "1e5"};
    char body[256];
    (void)state;
    for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
        snprintf(body, sizeof body, "{'strength':%s}", strengths[i]);
        say(&it, DAEMON, "POST", "/lora/apply", body, 200, "{'ok':false,'msg':'<text>'}");
    }
}

static void validation_query_flags_are_read_generously(void **state) {
    static const char *const words[] = {"1", "t", "y", "on",  "yes", "true",  "TRUE", "On",
                                        "0", "f", "n", "off", "no",  "false", "No",   "OFF"};
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(path, sizeof path, "/api/images?linked_only=%s", words[i]);
        say(&it, GATEWAY, "GET", path, NULL, 200, "[]");
        snprintf(path, sizeof path, "/api/images?linked_only=1&orphans_only=%s", words[i]);
        say(&it, GATEWAY, "GET", path, NULL, i < 8 ? 400 : 200,
            i < 8 ? "{'error':'<text>'}" : "[]");
    }
    say(&it, GATEWAY, "GET", "/api/images?limit=%2B1_0.0", NULL, 200, "[]");
    say(&it, GATEWAY, "GET", "/api/images?linked_only=1&orphans_only=1&prompt_id=3", NULL, 400,
        NULL);
}

static void validation_daemon_sizes_and_formats_are_bent_not_refused(void **state) {
    static const struct {
        const char *body, *meta;
    } cases[] = {
        {"{'caption':'x','preset':'V4_TURBO_12','width':271,'height':256,'format':' PNG '}",
         "{'hld':'','width':256,'height':256,'preset':'V4_TURBO_12','format':'png','...':0}"},
        {"{'caption':'x','preset':'V4_TURBO_12','width':256,'height':'256','format':'gif',"
         "'prompt_id':5}",
         "{'format':'webp','prompt_id':5,'seed':20260608,'...':0}"},
    };
    char path[80], expected[400];
    (void)state;
    stack_load(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const json_t *answer = say(&it, DAEMON, "POST", "/generate", cases[i].body, 200, NULL);
        snprintf(path, sizeof path, "/status/%s", text_at(answer, "task_id"));
        snprintf(expected, sizeof expected, "{'state':'done','image_meta':%s,'...':0}",
                 cases[i].meta);
        await(&it, DAEMON, path, "{'state':'done','...':0}");
        say(&it, DAEMON, "GET", path, NULL, 200, expected);
    }
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_validation");
    stack_start(&it);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validation_row_a_broken_json_suppresses_everything_else),
        cmocka_unit_test(validation_row_a_counts_characters),
        cmocka_unit_test(validation_row_b_absent_empty_and_null_bodies_are_missing),
        cmocka_unit_test(validation_row_c_bodies_must_be_objects),
        cmocka_unit_test(validation_row_c_other_content_types_are_text),
        cmocka_unit_test(validation_every_field_row_is_exact),
        cmocka_unit_test(validation_example_of_the_contract_is_met),
        cmocka_unit_test(validation_row_j_counts_code_points),
        cmocka_unit_test(validation_forms_of_the_full_size_are_taken),
        cmocka_unit_test(validation_caption_is_measured_as_written_with_blanks),
        cmocka_unit_test(validation_numbers_are_read_generously),
        cmocka_unit_test(validation_strengths_are_read_generously),
        cmocka_unit_test(validation_query_flags_are_read_generously),
        cmocka_unit_test(validation_daemon_sizes_and_formats_are_bent_not_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

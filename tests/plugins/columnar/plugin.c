// A columnar plugin by hand, after wit/README.md: the WIT, clang and `wudf build`, and no SDK.
//
//   plus(a: int64, b: int64) -> int64            an overflow fails its row
//   starts_with(text: string, prefix: string) -> boolean   the prefix may be a constant

#include <stdlib.h>
#include <string.h>

#include "columnar.h"

typedef wudf_plugin_arrow_array_t array;
typedef exports_wudf_plugin_scalar_signature_t signature;
typedef exports_wudf_plugin_scalar_problem_t problem;
typedef exports_wudf_plugin_scalar_list_failure_t failures;

enum which { PLUS, STARTS_WITH };

static const struct {
    const char *name, *doc, *arguments[2], *format, *returns;
} FUNCTIONS[] = {
    [PLUS] = {"plus", "Adds two numbers; an overflow fails its row.", {"a", "b"}, "l", "l"},
    [STARTS_WITH] = {"starts_with", "Whether a text starts with another.", {"text", "prefix"}, "u", "b"},
};

struct exports_wudf_plugin_scalar_function_t {
    enum which which;
    // The constant prefix, without which `prefix` is a column.
    bool is_constant;
    columnar_string_t prefix;
};

static wudf_plugin_arrow_schema_t schema(const char *name, const char *format) {
    wudf_plugin_arrow_field_t *field = calloc(1, sizeof *field);
    columnar_string_dup(&field->name, name);
    columnar_string_dup(&field->format, format);
    field->nullable = true;
    return (wudf_plugin_arrow_schema_t){field, 1};
}

static void describe(enum which which, signature *ret) {
    memset(ret, 0, sizeof *ret);
    columnar_string_dup(&ret->name, FUNCTIONS[which].name);
    columnar_string_dup(&ret->doc, FUNCTIONS[which].doc);
    columnar_string_dup(&ret->options, "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}");
    ret->arguments.ptr = calloc(2, sizeof *ret->arguments.ptr);
    ret->arguments.len = 2;
    for (int at = 0; at < 2; at++)
        ret->arguments.ptr[at] = schema(FUNCTIONS[which].arguments[at], FUNCTIONS[which].format);
    ret->returns = schema("", FUNCTIONS[which].returns);
    ret->properties.ptr = calloc(2, sizeof *ret->properties.ptr);
    ret->properties.len = 2;
    columnar_string_dup(&ret->properties.ptr[0].f0, "volatility");
    columnar_string_dup(&ret->properties.ptr[0].f1, "immutable");
    columnar_string_dup(&ret->properties.ptr[1].f0, "nulls");
    columnar_string_dup(&ret->properties.ptr[1].f1, "skip");
}

void exports_wudf_plugin_scalar_signatures(exports_wudf_plugin_scalar_list_signature_t *ret) {
    ret->len = sizeof FUNCTIONS / sizeof *FUNCTIONS;
    ret->ptr = calloc(ret->len, sizeof *ret->ptr);
    for (size_t which = 0; which < ret->len; which++)
        describe(which, &ret->ptr[which]);
}

static bool fail(problem *err, const char *code, const char *message) {
    memset(err, 0, sizeof *err);
    columnar_string_dup(&err->code, code);
    columnar_string_dup(&err->message, message);
    return false;
}

// Buffers are lists of bytes, so nothing is aligned: values are copied out.
static int32_t offset(const columnar_list_u8_t *buffer, size_t at) {
    int32_t value;
    memcpy(&value, buffer->ptr + at * sizeof value, sizeof value);
    return value;
}

static int64_t number(const columnar_list_u8_t *buffer, size_t at) {
    int64_t value;
    memcpy(&value, buffer->ptr + at * sizeof value, sizeof value);
    return value;
}

// Validity, offsets, bytes.
static columnar_string_t text(const array *column, size_t at) {
    const columnar_list_u8_t *buffers = column->ptr[0].buffers.ptr;
    int32_t start = offset(&buffers[1], at);
    return (columnar_string_t){buffers[2].ptr + start, offset(&buffers[1], at + 1) - start};
}

// A bitmap of no bytes means that nothing is null.
static bool is_null(const array *column, size_t at) {
    const columnar_list_u8_t *bits = &column->ptr[0].buffers.ptr[0];
    return bits->len > 0 && !(bits->ptr[at / 8] >> (at % 8) & 1);
}

bool exports_wudf_plugin_scalar_static_function_open(columnar_string_t *name, columnar_string_t *options,
                                                     exports_wudf_plugin_scalar_list_argument_t *arguments,
                                                     exports_wudf_plugin_scalar_own_function_t *ret, problem *err) {
    columnar_string_free(options);
    for (size_t which = 0; which < sizeof FUNCTIONS / sizeof *FUNCTIONS; which++) {
        const char *known = FUNCTIONS[which].name;
        if (name->len != strlen(known) || memcmp(name->ptr, known, name->len) != 0)
            continue;
        columnar_string_free(name);
        exports_wudf_plugin_scalar_function_t *function = calloc(1, sizeof *function);
        function->which = which;
        if (which == STARTS_WITH && arguments->len == 2 && arguments->ptr[1].constant.is_some) {
            const array *constant = &arguments->ptr[1].constant.val;
            columnar_string_t prefix = is_null(constant, 0) ? (columnar_string_t){0} : text(constant, 0);
            function->is_constant = true;
            columnar_string_dup_n(&function->prefix, (const char *)prefix.ptr, prefix.len);
        }
        exports_wudf_plugin_scalar_list_argument_free(arguments);
        *ret = exports_wudf_plugin_scalar_function_new(function);
        return true;
    }
    columnar_string_free(name);
    exports_wudf_plugin_scalar_list_argument_free(arguments);
    return fail(err, "function", "the functions are plus and starts_with");
}

void exports_wudf_plugin_scalar_function_destructor(exports_wudf_plugin_scalar_function_t *self) {
    columnar_string_free(&self->prefix);
    free(self);
}

void exports_wudf_plugin_scalar_method_function_signature(exports_wudf_plugin_scalar_function_t *self, signature *ret) {
    describe(self->which, ret);
}

bool exports_wudf_plugin_scalar_method_function_call(exports_wudf_plugin_scalar_function_t *self, uint32_t rows,
                                                     exports_wudf_plugin_scalar_list_array_t *arguments,
                                                     exports_wudf_plugin_scalar_output_t *ret, problem *err) {
    if (arguments->len != 2) {
        exports_wudf_plugin_scalar_list_array_free(arguments);
        return fail(err, "arguments", "the functions take two arguments");
    }
    array *a = &arguments->ptr[0], *b = &arguments->ptr[1];
    // What was bound to a constant comes as one value.
    bool one_a = a->ptr[0].length == 1, one_b = b->ptr[0].length == 1;
    bool is_plus = self->which == PLUS;

    wudf_plugin_arrow_node_t *node = calloc(1, sizeof *node);
    columnar_list_u8_t *buffers = calloc(2, sizeof *buffers);
    size_t bytes = ((size_t)rows + 7) / 8;
    buffers[0] = (columnar_list_u8_t){calloc(bytes + 1, 1), bytes};
    size_t values = is_plus ? rows * sizeof(int64_t) : bytes;
    buffers[1] = (columnar_list_u8_t){calloc(values + 1, 1), values};
    failures failed = {0};

    for (size_t row = 0; row < rows; row++) {
        size_t at_a = one_a ? 0 : row, at_b = one_b ? 0 : row;
        bool valid = !is_null(a, at_a) && !is_null(b, at_b);
        if (valid && is_plus) {
            int64_t sum = 0;
            if (__builtin_add_overflow(number(&a->ptr[0].buffers.ptr[1], at_a), number(&b->ptr[0].buffers.ptr[1], at_b), &sum)) {
                valid = false;
                failed.ptr = realloc(failed.ptr, (failed.len + 1) * sizeof *failed.ptr);
                exports_wudf_plugin_scalar_failure_t *failure = &failed.ptr[failed.len++];
                failure->row = row;
                columnar_string_dup(&failure->code, "too-large");
                columnar_string_dup(&failure->message, "the sum does not fit into 64 bits");
            } else {
                memcpy(buffers[1].ptr + row * sizeof sum, &sum, sizeof sum);
            }
        } else if (valid) {
            columnar_string_t whole = text(a, at_a);
            columnar_string_t prefix = self->is_constant ? self->prefix : text(b, at_b);
            bool starts = whole.len >= prefix.len && memcmp(whole.ptr, prefix.ptr, prefix.len) == 0;
            buffers[1].ptr[row / 8] |= starts << (row % 8);
        }
        buffers[0].ptr[row / 8] |= valid << (row % 8);
        node->null_count += !valid;
    }
    node->length = rows;
    node->buffers = (columnar_list_list_u8_t){buffers, 2};
    exports_wudf_plugin_scalar_list_array_free(arguments);
    ret->values = (array){node, 1};
    ret->failures = failed;
    return true;
}

/* What callers get wrong is an error that says so, never a crash. */
#include "tests.h"

/* The spec cannot be opened, and ends here. */
#define OPEN_FAILS(spec, kind, words) open_fails((spec), (kind), (words), __LINE__)

static void open_fails(wudf_spec *spec, const char *kind, const char *words, int line) {
  wudf_function *function = (wudf_function *)&function;
  fails_(wudf_open(spec, &function), kind, -1, words, __FILE__, line);
  CHECK(function == NULL);
  wudf_spec_free(spec);
}

void test_specs(void) {
  wudf_function *function = NULL;
  wudf_spec *spec = wudf_spec_new("no-such-plugin");
  OPEN_FAILS(spec, "unknown-plugin", "neither a file nor a plugin");
  spec = wudf_spec_new(kit);
  OPEN_FAILS(spec, "unknown-function", "several functions");
  spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "nöne"));
  OPEN_FAILS(spec, "unknown-function", "nöne");
  spec = wudf_spec_new("/proc/self/exe");
  OPEN_FAILS(spec, "invalid-plugin", "not a WebAssembly file");
  spec = wudf_spec_new(NULL);
  FAILS(wudf_spec_set(spec, "function", "f"), "invalid-arguments", -1, "`reference` is NULL");
  OPEN_FAILS(spec, "invalid-arguments", "`reference` is NULL");
  spec = wudf_spec_new("\xff");
  OPEN_FAILS(spec, "invalid-arguments", "`reference` is not UTF-8");
  spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "fails"));
  OK(wudf_spec_set(spec, "max_failures", "2"));
  OPEN_FAILS(spec, "invalid-options", "raise stops at the first");
  spec = wudf_spec_new_bytes("mine", NULL, 4);
  OPEN_FAILS(spec, "invalid-arguments", "`bytes` is NULL");
  spec = wudf_spec_new_bytes("mine", "what is this?", 13);
  OPEN_FAILS(spec, "invalid-plugin", "mine");
  OPEN_FAILS(NULL, "invalid-arguments", "`spec` is NULL");

  spec = wudf_spec_new(kit);
  FAILS(wudf_open(spec, NULL), "invalid-arguments", -1, "`function` is NULL");
  FAILS(wudf_spec_set(spec, NULL, "1"), "invalid-arguments", -1, "`setting` is NULL");
  FAILS(wudf_spec_set(spec, "threads", NULL), "invalid-arguments", -1, "`value` is NULL");
  FAILS(wudf_spec_set(spec, "colour", "red"), "invalid-options", -1, "no setting `colour`");
  FAILS(wudf_spec_set(spec, "threads", "0"), "invalid-options", -1, "a number of threads");
  FAILS(wudf_spec_set(spec, "memory", "1 GB"), "invalid-options", -1, "a number of bytes");
  FAILS(wudf_spec_set(spec, "time_limit", "-1"), "invalid-options", -1, "seconds");
  FAILS(wudf_spec_set(spec, "time_limit", "inf"), "invalid-options", -1, "seconds");
  FAILS(wudf_spec_set(spec, "max_failures", "few"), "invalid-options", -1, "as 100 or 2.5%");
  FAILS(wudf_spec_set(spec, "on_error", "ignore"), "invalid-options", -1, "raise, null or record");
  FAILS(wudf_spec_set(spec, "options", "{\"a\": "), "invalid-options", -1, "no JSON");
  FAILS(wudf_spec_set(spec, "options", "[1]"), "invalid-options", -1, "a JSON object");
  FAILS(wudf_spec_model(spec, "m", NULL), "invalid-arguments", -1, "`source` is NULL");
  FAILS(wudf_spec_asset(NULL, "a", "b"), "invalid-arguments", -1, "`spec` is NULL");

  /* The spec is none the worse for it. */
  OK(wudf_spec_set(spec, "function", "add_one"));
  OK(wudf_open(spec, &function));
  wudf_function_free(function);
  wudf_spec_free(spec);
}

void test_options(void) {
  wudf_spec *spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "options_echo"));
  OK(wudf_spec_set(spec, "options", "{\"count\": \"many\"}"));
  OPEN_FAILS(spec, "invalid-options", "count");

  spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "add_one"));
  OK(wudf_spec_set(spec, "digest", "sha256:00"));
  OPEN_FAILS(spec, "refused", "sha256:");

  spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "asset_word"));
  OPEN_FAILS(spec, "asset", "words");
  spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "asset_word"));
  OK(wudf_spec_asset(spec, "words", "/no/such/file"));
  OPEN_FAILS(spec, "asset", "/no/such/file");
}

void test_models(void) {
  wudf_spec *spec = wudf_spec_new("image-features:image_features");
  OPEN_FAILS(spec, "model", "resnet50");
  spec = wudf_spec_new("image-features:image_features");
  OK(wudf_spec_model(spec, "resnet50", "/no/such/model.onnx"));
  OPEN_FAILS(spec, "model", "/no/such/model.onnx");
  spec = wudf_spec_new("image-features:image_features");
  OK(wudf_spec_model(spec, "resnet50", "seeded:tiny"));
  OK(wudf_spec_set(spec, "backend", "abacus"));
  OPEN_FAILS(spec, "model", "there is no backend abacus");
}

void test_null_pointers(void) {
  struct ArrowArray out;
  struct ArrowSchema type;
  struct column column;
  struct ArrowSchema *schemas[1] = {NULL};
  struct ArrowArray *arrays[1] = {NULL};
  const int64_t values[] = {1};
  wudf_failures *failures;
  wudf_function *add_one = open_kit("add_one", NULL);
  column_i64(&column, 1, values, NULL);
  const char *kind = "invalid-arguments";
  FAILS(wudf_call(NULL, 1, 1, schemas, arrays, &out, &type), kind, -1, "`function` is NULL");
  CHECK(out.release == NULL && type.release == NULL);
  FAILS(wudf_call(add_one, 1, 1, schemas, arrays, NULL, &type), kind, -1, "`values` is NULL");
  FAILS(wudf_call(add_one, 1, 1, NULL, arrays, &out, NULL), kind, -1, "`schemas` is NULL");
  FAILS(wudf_call(add_one, 1, 1, schemas, NULL, &out, NULL), kind, -1, "`arrays` is NULL");
  FAILS(wudf_call(add_one, 1, 1, schemas, arrays, &out, NULL), kind, -1, "its schema is NULL");
  schemas[0] = &column.schema;
  FAILS(wudf_call(add_one, 1, 1, schemas, arrays, &out, NULL), kind, -1, "its array is NULL");
  arrays[0] = &column.array;
  FAILS(wudf_call(add_one, 1, 0, schemas, arrays, &out, NULL), kind, -1, "takes 1 arguments, not 0");
  FAILS(wudf_call(add_one, 1, 99, schemas, arrays, &out, NULL), kind, -1, "takes 1 arguments, not 99");
  FAILS(wudf_evaluate(add_one, 1, 1, schemas, arrays, &out, NULL, NULL), kind, -1,
        "`failures` is NULL");
  FAILS(wudf_evaluate(NULL, 1, 1, schemas, arrays, &out, NULL, &failures), kind, -1,
        "`function` is NULL");
  CHECK(failures == NULL);
  FAILS(wudf_function_returns(add_one, NULL), kind, -1, "`schema` is NULL");
  FAILS(wudf_function_arguments(NULL, &type), kind, -1, "`function` is NULL");
  CHECK(type.release == NULL);

  CHECK(wudf_function_describe(NULL) == NULL && wudf_function_arity(NULL) == 0);
  CHECK(wudf_error_kind(NULL) == NULL && wudf_error_message(NULL) == NULL);
  CHECK(wudf_error_row(NULL) == -1);
  CHECK(wudf_failures_count(NULL) == 0 && wudf_failures_message(NULL, 0) == NULL);
  wudf_spec_free(NULL);
  wudf_function_free(NULL);
  wudf_failures_free(NULL);
  wudf_error_free(NULL);
  column_free(&column);
  wudf_function_free(add_one);
}

/* Arrays that are not what they say. */
void test_broken_arrays(void) {
  const char *kind = "invalid-arguments";
  const char *words[] = {"one", "two", "three"};
  struct column column, dictionary;
  struct ArrowArray out;
  wudf_function *upper = open_kit("upper", NULL);

#define BROKEN(format, change, says)                \
  do {                                              \
    column_text(&column, format, 3, words, NULL);   \
    change;                                         \
    FAILS(call_rows(upper, 3, &column, &out), kind, -1, says); \
    CHECK(out.release == NULL);                     \
    column.array.n_buffers = format[0] == 'v' ? 4 : 3; \
    column.array.buffers = column.buffers;          \
    column.array.n_children = 0;                    \
    column_free(&column);                           \
  } while (0)

  BROKEN("u", column.schema.format = "no format", "schema");
  BROKEN("u", column.schema.format = NULL, "no format");
  BROKEN("u", column.schema.format = "\xff", "format is not UTF-8");
  BROKEN("u", column.schema.name = "\xff", "name in its schema is not UTF-8");
  BROKEN("u", column.schema.format = "+l", "cannot have 0 children");
  BROKEN("u", column.schema.n_children = -1, "cannot have -1 children");
  BROKEN("u", column.schema.release = NULL, "schema was released");
  BROKEN("u", column.schema.format = "l", "argument `s`");
  BROKEN("u", column.array.release = NULL; for (int i = 1; i < 3; i++) free((void *)column.buffers[i]),
         "array was released");
  BROKEN("u", column.array.length = -1, "length -1");
  BROKEN("u", column.array.offset = INT64_MAX, "offset 9223372036854775807");
  BROKEN("u", column.array.null_count = 7, "7 nulls in 3 elements");
  BROKEN("u", column.array.null_count = 1, "nulls and no validity");
  BROKEN("u", column.array.n_buffers = 2, "2 buffers where there are 3");
  BROKEN("vu", column.array.n_buffers = 2, "2 buffers where there are 3");
  BROKEN("u", column.array.buffers = NULL, "buffers");
  BROKEN("u", column.array.n_children = 1, "1 children where there are 0");
  BROKEN("u", ((int32_t *)column.buffers[1])[3] = -1, "offsets from 0 to -1");
  BROKEN("u", ((int32_t *)column.buffers[1])[1] = 9, "offset");
  BROKEN("U", ((int64_t *)column.buffers[1])[2] = INT64_MIN, "offset");
  BROKEN("u", ((char *)column.buffers[2])[4] = (char)0xff, "UTF");
  BROKEN("vu", ((int32_t *)column.buffers[1])[0] = 1000, "broken");
  BROKEN("vu", ((int64_t *)column.buffers[3])[0] = -5, "a buffer of -5 bytes");
#undef BROKEN

  const int32_t keys[] = {0, 1, 3};
  column_text(&dictionary, "u", 3, words, NULL);
  column_new(&column, "i", 3);
  column_buffer(&column, NULL, 0);
  column_buffer(&column, keys, sizeof keys);
  column.schema.dictionary = &dictionary.schema;
  FAILS(call_one(upper, &column, &out), kind, -1, "no dictionary");
  column.array.dictionary = &dictionary.array;
  FAILS(call_one(upper, &column, &out), kind, -1, "3");
  column_free(&column);
  column_free(&dictionary);

  /* Nested without end: a list that is its own item. */
  column_text(&column, "u", 3, words, NULL);
  column.schema.format = "+l";
  column.schema.n_children = 1;
  column.schema_children[0] = &column.schema;
  FAILS(call_one(upper, &column, &out), kind, -1, "nested deeper than 64");
  column_free(&column);
  wudf_function_free(upper);
}

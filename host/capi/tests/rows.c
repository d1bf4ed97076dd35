/* Rows that fail, under each policy. */
#include "tests.h"

static const int64_t unlucky[] = {11, 12, 13, 14};

void test_raise(void) {
  struct column column;
  struct ArrowArray out;
  wudf_function *fails = open_kit("fails", NULL);
  column_i64(&column, 4, unlucky, NULL);
  FAILS(call_one(fails, &column, &out), "row", 2, "kit:fails: row 2: 13 is unlucky");
  CHECK(out.release == NULL);
  column.array.length = 2;
  OK(call_one(fails, &column, &out));
  CHECK(out.length == 2 && i64_at(&out, 1) == 12);
  out.release(&out);
  column_free(&column);
  wudf_function_free(fails);
}

void test_null(void) {
  struct column column;
  struct ArrowArray out;
  wudf_function *fails = open_kit("fails", "null");
  column_i64(&column, 4, unlucky, NULL);
  OK(call_one(fails, &column, &out));
  CHECK(out.length == 4 && out.null_count == 1 && !is_valid(&out, 2) && i64_at(&out, 3) == 14);
  out.release(&out);
  column_free(&column);
  wudf_function_free(fails);
}

void test_record(void) {
  struct column column;
  struct ArrowArray out;
  struct ArrowSchema type;
  wudf_function *fails = open_kit("fails", "record");
  column_i64(&column, 4, unlucky, "\1\0\1\1");
  OK(call_one(fails, &column, &out));
  OK(wudf_function_returns(fails, &type));
  CHECK(strcmp(type.format, "+s") == 0 && type.n_children == 2);
  CHECK(strcmp(type.children[0]->name, "value") == 0);
  CHECK(strcmp(type.children[1]->name, "error") == 0);
  CHECK(out.length == 4 && out.null_count == 0 && out.n_children == 2 && out.offset == 0);
  /* A null that the plugin was given is no failure. */
  CHECK(!is_valid(out.children[0], 1) && !is_valid(out.children[1], 1));
  CHECK(!is_valid(out.children[0], 2) && text_is(out.children[1], 2, "13 is unlucky"));
  CHECK(i64_at(out.children[0], 3) == 14 && !is_valid(out.children[1], 3));
  out.release(&out);
  type.release(&type);
  column_free(&column);
  wudf_function_free(fails);
}

static void evaluate(const char *name, const char *kind, const char *words) {
  struct column column;
  struct ArrowArray out;
  struct ArrowSchema type;
  struct ArrowSchema *schemas[1];
  struct ArrowArray *arrays[1];
  wudf_failures *failures = NULL;
  /* Half a second is small where a plugin spins, and long enough for a row that does not. */
  wudf_function *function = open_kit_with(name, "time_limit",
                                          strcmp(kind, "timeout") == 0 ? "0.5" : "60");
  column_i64(&column, 4, unlucky, NULL);
  schemas[0] = &column.schema;
  arrays[0] = &column.array;
  OK(wudf_evaluate(function, 4, 1, schemas, arrays, &out, &type, &failures));
  CHECK(strcmp(type.format, "l") == 0);
  CHECK(out.length == 4 && out.null_count == 1 && !is_valid(&out, 2) && i64_at(&out, 3) == 14);
  CHECK(wudf_failures_count(failures) == 1 && wudf_failures_row(failures, 0) == 2);
  CHECK(strcmp(wudf_failures_kind(failures, 0), kind) == 0);
  CHECK(strstr(wudf_failures_message(failures, 0), words) != NULL);
  CHECK(wudf_failures_row(failures, 1) == -1);
  CHECK(wudf_failures_kind(failures, 1) == NULL && wudf_failures_message(failures, 1) == NULL);
  wudf_failures_free(failures);
  out.release(&out);
  type.release(&type);

  /* Without a failure there are none, and something to free. */
  column.array.length = 2;
  OK(wudf_evaluate(function, 2, 1, schemas, arrays, &out, NULL, &failures));
  CHECK(failures != NULL && wudf_failures_count(failures) == 0);
  wudf_failures_free(failures);
  out.release(&out);

  /* And under the policy, the error says the same. */
  column.array.length = 4;
  FAILS(call_one(function, &column, &out), kind, 2, words);
  column_free(&column);
  wudf_function_free(function);
}

void test_failures(void) { evaluate("fails", "row", "13 is unlucky"); }

void test_trap(void) {
  evaluate("panics", "trap", "row with 13 in it");
  evaluate("recurses", "trap", "stack overflow");
}

void test_time_limit(void) { evaluate("spins", "timeout", "500ms"); }

/* `fails` that gives nulls, with one more setting. */
static wudf_spec *fails_with(const char *setting, const char *value) {
  wudf_spec *spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", "fails"));
  OK(wudf_spec_set(spec, "on_error", "null"));
  OK(wudf_spec_set(spec, setting, value));
  return spec;
}

void test_max_failures(void) {
  struct column column;
  struct ArrowArray out;
  wudf_function *fails = NULL;
  wudf_spec *spec = fails_with("max_failures", "1");
  OK(wudf_open(spec, &fails));
  column_i64(&column, 4, unlucky, NULL);
  /* One row may fail, and does; a second may not, nor is there a call after it. */
  OK(call_one(fails, &column, &out));
  out.release(&out);
  FAILS(call_one(fails, &column, &out), "too-many-failures", -1, "rows failed, more than max_failures=1 allows: 13 is unlucky");
  column.array.length = 2;
  FAILS(call_one(fails, &column, &out), "too-many-failures", -1, "13 is unlucky");
  wudf_function_free(fails);
  /* Whoever opens it anew counts anew. */
  OK(wudf_open(spec, &fails));
  OK(call_one(fails, &column, &out));
  out.release(&out);
  column_free(&column);
  wudf_function_free(fails);
  wudf_spec_free(spec);
}

void test_stats(void) {
  struct column column;
  struct ArrowArray out;
  wudf_stats *before, *after;
  /* A setting of its own: nobody else has counted for this spec. */
  wudf_function *fails = NULL;
  wudf_spec *spec = fails_with("time_limit", "59");
  OK(wudf_open(spec, &fails));
  wudf_spec_free(spec);
  before = wudf_function_stats(fails);
  CHECK(strstr(wudf_stats_json(before), "\"rows\":0") != NULL);
  column_i64(&column, 4, unlucky, NULL);
  OK(call_one(fails, &column, &out));
  out.release(&out);
  after = wudf_function_stats(fails);
  CHECK(strstr(wudf_stats_json(after), "\"rows\":4") != NULL);
  CHECK(strstr(wudf_stats_json(after), "\"failures\":1") != NULL);
  CHECK(strstr(wudf_stats_json(after), "\"bytes_in\":32") != NULL);
  /* A snapshot stays what it was. */
  CHECK(strstr(wudf_stats_json(before), "\"rows\":0") != NULL);
  column_free(&column);
  wudf_function_free(fails);
  wudf_stats_free(before);
  wudf_stats_free(after);
  CHECK(wudf_function_stats(NULL) == NULL && wudf_stats_json(NULL) == NULL);
  wudf_stats_free(NULL);
}

/* Columns of every kind: nulls, none at all, slices, views, large offsets. */
#include "tests.h"

void test_nulls(void) {
  const int64_t values[] = {1, 2, 3, 4};
  struct column column;
  struct ArrowArray out;
  struct ArrowSchema type;
  struct ArrowSchema *schemas[1];
  struct ArrowArray *arrays[1];
  wudf_function *add_one = open_kit("add_one", NULL);
  column_i64(&column, 4, values, "\1\0\1\0");
  schemas[0] = &column.schema;
  arrays[0] = &column.array;
  OK(wudf_call(add_one, 4, 1, schemas, arrays, &out, &type));
  CHECK(strcmp(type.format, "l") == 0 && strcmp(type.name, "add_one") == 0);
  CHECK(type.flags & ARROW_FLAG_NULLABLE);
  CHECK(out.length == 4 && out.null_count == 2);
  CHECK(is_valid(&out, 0) && i64_at(&out, 0) == 2);
  CHECK(!is_valid(&out, 1) && !is_valid(&out, 3));
  CHECK(is_valid(&out, 2) && i64_at(&out, 2) == 4);
  out.release(&out);
  type.release(&type);

  /* That nobody has counted the nulls is no matter. */
  column.array.null_count = -1;
  OK(call_one(add_one, &column, &out));
  CHECK(out.null_count == 2);
  out.release(&out);
  column_free(&column);
  wudf_function_free(add_one);
}

void test_empty(void) {
  const char *none[1] = {""};
  struct column column;
  struct ArrowArray out;
  wudf_function *domain = open_kit("domain", NULL);
  wudf_function *answer = open_kit("answer", NULL);
  const char *formats[] = {"u", "U", "vu"};
  for (int i = 0; i < 3; i++) {
    column_text(&column, formats[i], 0, none, NULL);
    OK(call_one(domain, &column, &out));
    CHECK(out.length == 0);
    out.release(&out);
    column_free(&column);
  }
  /* A column without rows need not have buffers. */
  column_new(&column, "u", 0);
  column_buffer(&column, NULL, 0);
  column_buffer(&column, NULL, 0);
  column_buffer(&column, NULL, 0);
  OK(call_one(domain, &column, &out));
  CHECK(out.length == 0);
  out.release(&out);
  column_free(&column);

  /* A function without arguments has the rows that it is told. */
  OK(wudf_call(answer, 0, 0, NULL, NULL, &out, NULL));
  CHECK(out.length == 0);
  out.release(&out);
  OK(wudf_call(answer, 3, 0, NULL, NULL, &out, NULL));
  CHECK(out.length == 3 && i64_at(&out, 2) == 42);
  out.release(&out);
  wudf_function_free(domain);
  wudf_function_free(answer);
}

void test_slices(void) {
  const char *words[] = {"zero", "one", "two", "three is a longer word", "four",
                         "five", "six is a longer word", "seven", "eight", "nine"};
  const int64_t values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const char *formats[] = {"u", "U", "vu", "z", "Z", "vz"};
  struct column column;
  struct ArrowArray out;
  wudf_function *echo = open_kit("echo_bytes", NULL);
  wudf_function *add_one = open_kit("add_one", NULL);
  for (int i = 0; i < 6; i++) {
    column_text(&column, formats[i], 10, words, "\1\1\1\1\1\0\1\1\1\1");
    column.array.offset = 3;
    column.array.length = 5;
    OK(call_one(echo, &column, &out));
    CHECK(out.length == 5 && out.null_count == 1);
    CHECK(text_is(&out, 0, "three is a longer word"));
    CHECK(text_is(&out, 1, "four"));
    CHECK(!is_valid(&out, 2));
    CHECK(text_is(&out, 3, "six is a longer word"));
    CHECK(text_is(&out, 4, "seven"));
    out.release(&out);
    column_free(&column);
  }
  column_i64(&column, 10, values, "\1\1\1\1\1\0\1\1\1\1");
  column.array.offset = 4;
  column.array.length = 3;
  OK(call_one(add_one, &column, &out));
  CHECK(out.length == 3 && i64_at(&out, 0) == 5 && !is_valid(&out, 1) && i64_at(&out, 2) == 7);
  out.release(&out);
  column_free(&column);
  wudf_function_free(echo);
  wudf_function_free(add_one);
}

void test_views_and_large(void) {
  const char *urls[] = {"https://example.org/a/long/path", "a://b", "none", "http://c.d:80/"};
  const char *formats[] = {"u", "U", "vu"};
  struct column column;
  struct ArrowArray out;
  wudf_function *domain = open_kit("domain", NULL);
  for (int i = 0; i < 3; i++) {
    column_text(&column, formats[i], 4, urls, NULL);
    OK(call_one(domain, &column, &out));
    CHECK(out.length == 4 && out.null_count == 1);
    CHECK(text_is(&out, 0, "example.org") && text_is(&out, 1, "b"));
    CHECK(!is_valid(&out, 2) && text_is(&out, 3, "c.d"));
    out.release(&out);
    column_free(&column);
  }
  wudf_function_free(domain);
}

void test_dictionaries(void) {
  const char *values[] = {"a", "b", "c"};
  const int32_t keys[] = {2, 0, 1, 2};
  struct column column, dictionary;
  struct ArrowArray out;
  wudf_function *upper = open_kit("upper", NULL);
  column_text(&dictionary, "u", 3, values, NULL);
  column_new(&column, "i", 4);
  column_buffer(&column, NULL, 0);
  column_buffer(&column, keys, sizeof keys);
  column.schema.dictionary = &dictionary.schema;
  column.array.dictionary = &dictionary.array;
  OK(call_one(upper, &column, &out));
  CHECK(text_is(&out, 0, "C") && text_is(&out, 1, "A") && text_is(&out, 3, "C"));
  out.release(&out);
  column_free(&column);
  column_free(&dictionary);
  wudf_function_free(upper);
}

void test_lists(void) {
  const float floats[] = {0, 1, 2, 3, 4, 5};
  const int64_t wide[] = {0, 2, 2, 6};
  struct column list, items;
  struct ArrowArray out;
  wudf_function *echo = open_kit("echo_list", NULL);
  /* A large list for a list, and its slice. */
  column_new(&items, "f", 6);
  column_buffer(&items, NULL, 0);
  column_buffer(&items, floats, sizeof floats);
  items.schema.name = "item";
  column_new(&list, "+L", 3);
  column_buffer(&list, NULL, 0);
  column_buffer(&list, wide, sizeof wide);
  list.schema.n_children = list.array.n_children = 1;
  list.schema_children[0] = &items.schema;
  list.array_children[0] = &items.array;
  for (int64_t from = 0; from < 3; from++) {
    list.array.offset = from;
    list.array.length = 3 - from;
    OK(call_one(echo, &list, &out));
    CHECK(out.length == 3 - from && out.n_children == 1);
    const int32_t *offsets = (const int32_t *)out.buffers[1] + out.offset;
    const struct ArrowArray *child = out.children[0];
    CHECK(offsets[out.length] - offsets[out.length - 1] == 4);
    CHECK(((const float *)child->buffers[1])[child->offset + offsets[out.length] - 1] == 5);
    out.release(&out);
  }
  column_free(&list);
  column_free(&items);
  wudf_function_free(echo);
}

void test_two_arguments(void) {
  const char *words[] = {"1", "2", "3"};
  const int8_t counts[] = {1, 2, 3};
  const double halves[] = {0.5, 1.5, 2.5};
  struct column count, weight, wrong;
  struct ArrowArray out;
  wudf_function *weigh = open_kit("weigh", NULL);
  /* A smaller number for the first. */
  column_new(&count, "c", 3);
  column_buffer(&count, NULL, 0);
  column_buffer(&count, counts, sizeof counts);
  column_new(&weight, "g", 3);
  column_buffer(&weight, NULL, 0);
  column_buffer(&weight, halves, sizeof halves);
  column_text(&wrong, "u", 3, words, NULL);

  struct ArrowSchema *schemas[] = {&count.schema, &weight.schema};
  struct ArrowArray *arrays[] = {&count.array, &weight.array};
  OK(wudf_call(weigh, 3, 2, schemas, arrays, &out, NULL));
  CHECK(((const double *)out.buffers[1])[out.offset + 2] == 7.5);
  out.release(&out);

  /* Lengths that differ, from each other or from what is said. */
  weight.array.length = 2;
  FAILS(wudf_call(weigh, 3, 2, schemas, arrays, &out, NULL), "invalid-arguments", -1,
        "kit:weigh: argument `weight`: its array has 2 elements, not 3");
  weight.array.length = 3;
  FAILS(wudf_call(weigh, 2, 2, schemas, arrays, &out, NULL), "invalid-arguments", -1,
        "argument `count`: its array has 3 elements, not 2");
  FAILS(wudf_call(weigh, -3, 2, schemas, arrays, &out, NULL), "invalid-arguments", -1,
        "-3 rows");
  /* A type that is not cast. */
  schemas[1] = &wrong.schema;
  arrays[1] = &wrong.array;
  FAILS(wudf_call(weigh, 3, 2, schemas, arrays, &out, NULL), "invalid-arguments", -1,
        "argument `weight`");
  CHECK(out.release == NULL);
  column_free(&count);
  column_free(&weight);
  column_free(&wrong);
  wudf_function_free(weigh);
}

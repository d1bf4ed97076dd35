/* Who owns what, for how long, on which thread, in which process. */
#define _GNU_SOURCE
#include "tests.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

void test_describe(void) {
  struct ArrowSchema schema;
  const char *text;
  wudf_spec *spec = wudf_spec_new("image-features:image_features");
  wudf_function *features = NULL;
  wudf_function *weigh = open_kit("weigh", "record");
  CHECK(strcmp(wudf_version(), "0.1.0") == 0);

  CHECK(wudf_function_arity(weigh) == 2);
  OK(wudf_function_arguments(weigh, &schema));
  CHECK(strcmp(schema.format, "+s") == 0 && schema.n_children == 2);
  CHECK(strcmp(schema.children[0]->name, "count") == 0);
  CHECK(strcmp(schema.children[0]->format, "i") == 0);
  CHECK(strcmp(schema.children[1]->format, "g") == 0);
  schema.release(&schema);
  CHECK(schema.release == NULL);
  text = wudf_function_describe(weigh);
  CHECK(text[0] == '{' && strstr(text, "\"weigh(count: int32, weight: ") != NULL);
  CHECK(strstr(text, "\"on_error\":\"record\"") != NULL);
  CHECK(strstr(text, "\"digest\":\"sha256:") != NULL);
  CHECK(strstr(text, "\"plugin\":\"kit\"") != NULL);

  OK(wudf_spec_model(spec, "resnet50", "seeded:tiny"));
  OK(wudf_spec_set(spec, "backend", "rten"));
  OK(wudf_spec_set(spec, "options", "{\"layer\": \"features\"}"));
  OK(wudf_open(spec, &features));
  /* A schema outlives the function that gave it. */
  OK(wudf_function_returns(features, &schema));
  wudf_function_free(features);
  CHECK(strncmp(schema.format, "+", 1) == 0 && schema.n_children == 1);
  CHECK(strcmp(schema.children[0]->format, "f") == 0);
  schema.release(&schema);
  wudf_spec_free(spec);
  wudf_function_free(weigh);
}

/* Columns that go in are never released for the caller; those that come out once,
 * also when their function is gone. */
void test_ownership(void) {
  const int64_t values[] = {1, 13};
  struct column column;
  struct ArrowArray out, moved;
  wudf_function *fails = open_kit("fails", "null");
  column_i64(&column, 2, values, NULL);
  OK(call_one(fails, &column, &out));
  wudf_function_free(fails);
  CHECK(column.array_released == 0 && column.schema_released == 0);
  CHECK(column.array.release != NULL && column.schema.release != NULL);
  /* Not after an error either. */
  fails = open_kit("fails", NULL);
  FAILS(call_one(fails, &column, &moved), "row", 1, "13 is unlucky");
  CHECK(moved.release == NULL);
  wudf_function_free(fails);
  CHECK(column.array_released == 0 && column.schema_released == 0);
  column_free(&column);
  CHECK(column.array_released == 1 && column.schema_released == 1);

  memcpy(&moved, &out, sizeof out);
  out.release = NULL;
  CHECK(i64_at(&moved, 0) == 1);
  moved.release(&moved);
  CHECK(moved.release == NULL);
}

void test_leak(void) {
  const int64_t values[] = {1, 2, 3};
  struct column column;
  struct ArrowArray out;
  wudf_function *add_one = open_kit("add_one", NULL);
  column_i64(&column, 3, values, NULL);
  OK(call_one(add_one, &column, &out));
  memset(&out, 0, sizeof out);
  column_free(&column);
  wudf_function_free(add_one);
}

/* Nothing reads a column after its call has returned: here its memory is gone by then.
 * More threads than cores, so that some come late. */
void test_borrowed_memory(void) {
  enum { ROWS = 20000, ROUNDS = 100 };
  char *memories[ROUNDS];
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = (ROWS * sizeof(int32_t) / page + 1) * page;
  const char *texts[] = {"one", "two", "three"};
  const int32_t offsets[] = {0, 3, 6, 11};
  wudf_function *upper = open_kit_with("upper", "threads", "16");
  for (int round = 0; round < ROUNDS; round++) {
    struct column column, dictionary;
    struct ArrowArray out;
    char *memory = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    int32_t *keys = (int32_t *)memory;
    for (int at = 0; at < ROWS; at++) keys[at] = at % 3;
    memcpy(memory + size, offsets, sizeof offsets);
    for (int at = 0; at < 3; at++) {
      memcpy(memory + size + 64 + offsets[at], texts[at], strlen(texts[at]));
    }
    column_new(&dictionary, "u", 3);
    dictionary.array.n_buffers = 3;
    dictionary.buffers[1] = memory + size;
    dictionary.buffers[2] = memory + size + 64;
    column_new(&column, "i", ROWS);
    column.array.n_buffers = 2;
    column.buffers[1] = keys;
    column.schema.dictionary = &dictionary.schema;
    column.array.dictionary = &dictionary.array;
    OK(call_one(upper, &column, &out));
    /* Not unmapped: others would soon have something else there. */
    CHECK(mprotect(memory, size + page, PROT_NONE) == 0);
    memories[round] = memory;
    CHECK(text_is(&out, ROWS - 1, "TWO"));
    out.release(&out);
  }
  wudf_function_free(upper);
  usleep(100000);
  for (int round = 0; round < ROUNDS; round++) CHECK(munmap(memories[round], size + page) == 0);
}

/* Opens, frees and calls, and keeps no memory. */
/* On the caller's thread alone: a second thread that helps with some round brings an
 * instance and its memory with it, in whichever round that is. */
static wudf_function *open_alone(const char *function, const char *options) {
  wudf_function *opened = NULL;
  wudf_spec *spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", function));
  OK(wudf_spec_set(spec, "threads", "1"));
  OK(wudf_spec_set(spec, "options", options));
  OK(wudf_open(spec, &opened));
  wudf_spec_free(spec);
  return opened;
}

void test_no_growth(void) {
  const int64_t values[512] = {0};
  struct column column;
  struct ArrowArray out;
  size_t before = 0;
  column_i64(&column, 512, values, NULL);
  for (int round = 0; round < 2200; round++) {
    if (round == 200) before = resident();
    wudf_function *add_one = open_alone("add_one", "{}");
    OK(call_one(add_one, &column, &out));
    out.release(&out);
    wudf_function_free(add_one);
  }
  CHECK(resident() < before + (4u << 20));

  /* Functions that are all different are let go of, too. */
  for (int round = 0; round < 160; round++) {
    char options[32];
    if (round == 80) before = resident();
    snprintf(options, sizeof options, "{\"count\": %d}", round);
    wudf_function *echo = open_alone("options_echo", options);
    OK(call_one(echo, &column, &out));
    out.release(&out);
    wudf_function_free(echo);
  }
  CHECK(resident() < before + (16u << 20));
  column_free(&column);
}

static const wudf_function *shared;

static void *caller(void *argument) {
  int64_t base = 1000 * (1 + (int64_t)(intptr_t)argument);
  int64_t values[64];
  struct column column;
  struct ArrowSchema *schemas[1];
  struct ArrowArray *arrays[1];
  for (int at = 0; at < 64; at++) values[at] = base + at;
  values[40] = 13;
  column_i64(&column, 64, values, NULL);
  schemas[0] = &column.schema;
  arrays[0] = &column.array;
  for (int round = 0; round < 50; round++) {
    struct ArrowArray out;
    wudf_failures *failures;
    OK(wudf_evaluate(shared, 64, 1, schemas, arrays, &out, NULL, &failures));
    CHECK(out.length == 64 && out.null_count == 1 && !is_valid(&out, 40));
    for (int at = 0; at < 64; at++) CHECK(at == 40 || i64_at(&out, at) == base + at);
    CHECK(wudf_failures_count(failures) == 1 && wudf_failures_row(failures, 0) == 40);
    wudf_failures_free(failures);
    out.release(&out);
  }
  column_free(&column);
  return NULL;
}

void test_threads(void) {
  const char *functions[] = {"fails", "panics"};
  for (int which = 0; which < 2; which++) {
    pthread_t threads[8];
    wudf_function *function = open_kit_with(functions[which], "threads", "2");
    shared = function;
    for (intptr_t at = 0; at < 8; at++) {
      CHECK(pthread_create(&threads[at], NULL, caller, (void *)at) == 0);
    }
    for (int at = 0; at < 8; at++) CHECK(pthread_join(threads[at], NULL) == 0);
    wudf_function_free(function);
  }
}

static void *opener(void *argument) {
  (void)argument;
  return open_kit("substr", NULL);
}

/* Functions and results may end on another thread than they began. */
void test_threads_that_open(void) {
  pthread_t threads[8];
  void *functions[8];
  for (int at = 0; at < 8; at++) CHECK(pthread_create(&threads[at], NULL, opener, NULL) == 0);
  for (int at = 0; at < 8; at++) CHECK(pthread_join(threads[at], &functions[at]) == 0);
  for (int at = 0; at < 8; at++) {
    CHECK(functions[at] != NULL && wudf_function_arity(functions[at]) == 3);
    wudf_function_free(functions[at]);
  }
}

static void *spinner(void *argument) {
  const int64_t values[] = {13};
  struct column column;
  struct ArrowArray out;
  column_i64(&column, 1, values, NULL);
  FAILS(call_one(argument, &column, &out), "cancelled", -1, "cancelled");
  CHECK(out.release == NULL);
  column_free(&column);
  return NULL;
}

/* A plugin that never comes back ends at once, and the next call is made. */
void test_cancel(void) {
  const int64_t values[] = {1};
  struct timespec begin, end;
  struct column column;
  struct ArrowArray out;
  pthread_t threads[2];
  wudf_function *spins = open_kit_with("spins", "threads", "2");
  for (int at = 0; at < 2; at++) CHECK(pthread_create(&threads[at], NULL, spinner, spins) == 0);
  usleep(300000);
  clock_gettime(CLOCK_MONOTONIC, &begin);
  wudf_cancel(spins);
  for (int at = 0; at < 2; at++) CHECK(pthread_join(threads[at], NULL) == 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  /* The time limit is a minute. */
  CHECK(end.tv_sec - begin.tv_sec < 10);
  printf("cancelled: two calls ended after %ld ms\n",
         (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
  column_i64(&column, 1, values, NULL);
  OK(call_one(spins, &column, &out));
  out.release(&out);
  column_free(&column);
  wudf_function_free(spins);
  wudf_cancel(NULL);
}

void test_fork(void) {
  const int64_t values[] = {1};
  struct column column;
  struct ArrowArray out;
  int status = -1;
  pid_t child;
  wudf_function *add_one = open_kit("add_one", NULL);
  column_i64(&column, 1, values, NULL);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    FAILS(call_one(add_one, &column, &out), "sandbox", -1, "forked");
    wudf_function_free(add_one);
    add_one = open_kit("add_one", NULL);
    OK(call_one(add_one, &column, &out));
    CHECK(i64_at(&out, 0) == 2);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(call_one(add_one, &column, &out));
  out.release(&out);
  column_free(&column);
  wudf_function_free(add_one);
}

/* What the tests of the C interface share: checks, and columns to call with.
 *
 * Buffers are malloc's and of the exact length, so that checkers of memory see
 * who reads beyond them, and who forgets them. */
#ifndef TEST_H
#define TEST_H

#include "wudf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The test plugin's path. */
extern const char *kit;

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                \
    }                                                                         \
  } while (0)

/* The call must go well. */
#define OK(call)                                                            \
  do {                                                                      \
    wudf_error *error_ = (call);                                            \
    if (error_ != NULL) {                                                   \
      fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call,     \
              wudf_error_kind(error_), wudf_error_message(error_));         \
      abort();                                                              \
    }                                                                       \
  } while (0)

/* The call must fail with this kind, in this row (or -1), with these words. */
#define FAILS(call, kind, row, words) \
  fails_((call), (kind), (row), (words), __FILE__, __LINE__)
void fails_(wudf_error *error, const char *kind, int64_t row, const char *words,
            const char *file, int line);

/* A column, whose memory is its own, and how often it was released. */
struct column {
  struct ArrowSchema schema;
  struct ArrowArray array;
  const void *buffers[5];
  struct ArrowSchema *schema_children[1];
  struct ArrowArray *array_children[1];
  int schema_released;
  int array_released;
};

/* A column of a format and a length without buffers. */
void column_new(struct column *column, const char *format, int64_t length);
/* Adds a buffer, copied; NULL adds a NULL one. */
void column_buffer(struct column *column, const void *bytes, size_t size);
/* Releases what the column still has. */
void column_free(struct column *column);

/* Columns of numbers, and of text or bytes ("u", "z", "U", "Z", "vu", "vz");
 * NULL where `valid` has a 0, unless it is NULL itself. */
void column_i64(struct column *column, int64_t length, const int64_t *values,
                const char *valid);
void column_text(struct column *column, const char *format, int64_t length,
                 const char *const *values, const char *valid);

/* Opens a function of the test plugin; `on_error` may be NULL. */
wudf_function *open_kit(const char *function, const char *on_error);
/* As that, with one more setting. */
wudf_function *open_kit_with(const char *function, const char *setting,
                             const char *value);

/* Calls with one column: for the rows that it has, or for so many. */
wudf_error *call_one(const wudf_function *function, struct column *column,
                     struct ArrowArray *values);
wudf_error *call_rows(const wudf_function *function, int64_t rows, struct column *column,
                      struct ArrowArray *values);

/* What an array has at an index of its own. */
int is_valid(const struct ArrowArray *array, int64_t at);
int64_t i64_at(const struct ArrowArray *array, int64_t at);
int text_is(const struct ArrowArray *array, int64_t at, const char *text);

/* Resident memory in bytes. */
size_t resident(void);

#endif

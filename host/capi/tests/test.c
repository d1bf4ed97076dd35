#include "test.h"

#include <unistd.h>

void fails_(wudf_error *error, const char *kind, int64_t row, const char *words,
            const char *file, int line) {
  if (error == NULL) {
    fprintf(stderr, "%s:%d: went well, and should not\n", file, line);
    abort();
  }
  if (strcmp(wudf_error_kind(error), kind) != 0 || wudf_error_row(error) != row ||
      strstr(wudf_error_message(error), words) == NULL) {
    fprintf(stderr, "%s:%d: %s, row %lld: %s\n", file, line, wudf_error_kind(error),
            (long long)wudf_error_row(error), wudf_error_message(error));
    abort();
  }
  wudf_error_free(error);
}

static void release_schema(struct ArrowSchema *schema) {
  struct column *column = schema->private_data;
  column->schema_released++;
  schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
  struct column *column = array->private_data;
  for (int64_t at = 0; at < array->n_buffers; at++) free((void *)column->buffers[at]);
  column->array_released++;
  array->release = NULL;
}

void column_new(struct column *column, const char *format, int64_t length) {
  memset(column, 0, sizeof *column);
  column->schema.format = format;
  column->schema.name = "";
  column->schema.flags = ARROW_FLAG_NULLABLE;
  column->schema.children = column->schema_children;
  column->schema.release = release_schema;
  column->schema.private_data = column;
  column->array.length = length;
  column->array.buffers = column->buffers;
  column->array.children = column->array_children;
  column->array.release = release_array;
  column->array.private_data = column;
}

void column_buffer(struct column *column, const void *bytes, size_t size) {
  void *copy = NULL;
  if (bytes != NULL) {
    copy = malloc(size);
    CHECK(copy != NULL || size == 0);
    if (size > 0) memcpy(copy, bytes, size);
  }
  column->buffers[column->array.n_buffers++] = copy;
}

void column_free(struct column *column) {
  if (column->schema.release != NULL) column->schema.release(&column->schema);
  if (column->array.release != NULL) column->array.release(&column->array);
}

static void column_validity(struct column *column, int64_t length, const char *valid) {
  uint8_t bits[512] = {0};
  if (valid == NULL) {
    column_buffer(column, NULL, 0);
    return;
  }
  CHECK(length <= (int64_t)sizeof bits * 8);
  for (int64_t at = 0; at < length; at++) {
    if (valid[at]) bits[at / 8] |= (uint8_t)(1u << at % 8);
    if (!valid[at]) column->array.null_count++;
  }
  column_buffer(column, bits, (size_t)(length + 7) / 8);
}

void column_i64(struct column *column, int64_t length, const int64_t *values,
                const char *valid) {
  column_new(column, "l", length);
  column_validity(column, length, valid);
  column_buffer(column, values, (size_t)length * sizeof *values);
}

void column_text(struct column *column, const char *format, int64_t length,
                 const char *const *values, const char *valid) {
  size_t size = 0, at;
  char *bytes;
  column_new(column, format, length);
  column_validity(column, length, valid);
  for (at = 0; at < (size_t)length; at++) size += strlen(values[at]);
  bytes = malloc(size + 1);
  CHECK(bytes != NULL);
  size = 0;
  if (format[0] == 'v') {
    /* Short values lie in their view, long ones in a buffer. */
    uint8_t *views = calloc((size_t)length + 1, 16);
    int64_t lengths[1];
    CHECK(views != NULL);
    for (at = 0; at < (size_t)length; at++) {
      int32_t bytes_here = (int32_t)strlen(values[at]);
      uint8_t *view = views + 16 * at;
      memcpy(view, &bytes_here, 4);
      if (bytes_here <= 12) {
        memcpy(view + 4, values[at], (size_t)bytes_here);
      } else {
        int32_t offset = (int32_t)size;
        memcpy(view + 4, values[at], 4);
        memcpy(view + 12, &offset, 4);
        memcpy(bytes + size, values[at], (size_t)bytes_here);
        size += (size_t)bytes_here;
      }
    }
    lengths[0] = (int64_t)size;
    column_buffer(column, views, (size_t)length * 16);
    column_buffer(column, bytes, size);
    column_buffer(column, lengths, sizeof lengths);
    free(views);
  } else if (format[0] == 'U' || format[0] == 'Z') {
    int64_t *offsets = calloc((size_t)length + 1, sizeof *offsets);
    CHECK(offsets != NULL);
    for (at = 0; at < (size_t)length; at++) {
      memcpy(bytes + size, values[at], strlen(values[at]));
      size += strlen(values[at]);
      offsets[at + 1] = (int64_t)size;
    }
    column_buffer(column, offsets, ((size_t)length + 1) * sizeof *offsets);
    column_buffer(column, bytes, size);
    free(offsets);
  } else {
    int32_t *offsets = calloc((size_t)length + 1, sizeof *offsets);
    CHECK(offsets != NULL);
    for (at = 0; at < (size_t)length; at++) {
      memcpy(bytes + size, values[at], strlen(values[at]));
      size += strlen(values[at]);
      offsets[at + 1] = (int32_t)size;
    }
    column_buffer(column, offsets, ((size_t)length + 1) * sizeof *offsets);
    column_buffer(column, bytes, size);
    free(offsets);
  }
  free(bytes);
}

wudf_function *open_kit_with(const char *function, const char *setting, const char *value) {
  wudf_function *opened = NULL;
  wudf_spec *spec = wudf_spec_new(kit);
  OK(wudf_spec_set(spec, "function", function));
  if (setting != NULL) OK(wudf_spec_set(spec, setting, value));
  OK(wudf_open(spec, &opened));
  CHECK(opened != NULL);
  wudf_spec_free(spec);
  return opened;
}

wudf_function *open_kit(const char *function, const char *on_error) {
  return open_kit_with(function, on_error == NULL ? NULL : "on_error", on_error);
}

wudf_error *call_one(const wudf_function *function, struct column *column,
                     struct ArrowArray *values) {
  return call_rows(function, column->array.length, column, values);
}

wudf_error *call_rows(const wudf_function *function, int64_t rows, struct column *column,
                      struct ArrowArray *values) {
  struct ArrowSchema *schemas[1];
  struct ArrowArray *arrays[1];
  schemas[0] = &column->schema;
  arrays[0] = &column->array;
  return wudf_call(function, rows, 1, schemas, arrays, values, NULL);
}

int is_valid(const struct ArrowArray *array, int64_t at) {
  const uint8_t *bits = array->buffers[0];
  at += array->offset;
  return bits == NULL || (bits[at / 8] >> at % 8 & 1) != 0;
}

int64_t i64_at(const struct ArrowArray *array, int64_t at) {
  return ((const int64_t *)array->buffers[1])[array->offset + at];
}

int text_is(const struct ArrowArray *array, int64_t at, const char *text) {
  const int32_t *offsets = (const int32_t *)array->buffers[1] + array->offset + at;
  size_t size = (size_t)(offsets[1] - offsets[0]);
  const char *bytes = array->buffers[2];
  return size == strlen(text) && (size == 0 || memcmp(bytes + offsets[0], text, size) == 0);
}

size_t resident(void) {
  long whole = 0, pages = 0, of_files = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld %ld", &whole, &pages, &of_files) == 3);
  fclose(file);
  /* Libraries' code comes and goes as the kernel likes, and is nobody's leak. */
  return (size_t)(pages - of_files) * (size_t)sysconf(_SC_PAGESIZE);
}

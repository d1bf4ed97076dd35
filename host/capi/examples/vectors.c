/* Files to vectors: a function of one column of bytes over files, from C.
 *
 *     cc -std=c11 vectors.c -lwudf -o vectors
 *     ./vectors image-features:image_features out.f32 -m resnet50 resnet50.onnx -- *.jpg
 *
 * What comes out is, for each file, a count (int32) and as many float32; the count is
 * -1 where a file has no vector, and stderr says why. stdout has what the function says
 * of itself.
 */
#include "wudf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(wudf_error *error) {
  if (error == NULL) return;
  fprintf(stderr, "error: %s\n", wudf_error_message(error));
  wudf_error_free(error);
  exit(3);
}

static void *need(void *memory) {
  if (memory == NULL) {
    fprintf(stderr, "error: no memory\n");
    exit(3);
  }
  return memory;
}

/* Nothing to do: the memory is main's. */
static void release_array(struct ArrowArray *array) { array->release = NULL; }
static void release_schema(struct ArrowSchema *schema) { schema->release = NULL; }

/* Adds a file to the bytes that there are, and says where it ends. */
static int64_t append(char **bytes, int64_t size, const char *path) {
  FILE *file = fopen(path, "rb");
  size_t got;
  if (file == NULL) {
    perror(path);
    exit(3);
  }
  do {
    *bytes = need(realloc(*bytes, (size_t)size + 65536));
    got = fread(*bytes + size, 1, 65536, file);
    size += (int64_t)got;
  } while (got > 0);
  fclose(file);
  return size;
}

int main(int count, char **words) {
  wudf_spec *spec;
  wudf_function *function;
  wudf_failures *failures;
  int word = 3;

  if (count < 3) {
    fprintf(stderr, "usage: %s PLUGIN:FUNCTION OUT [-m NAME SOURCE]... [-b BACKEND] -- FILE...\n", words[0]);
    return 2;
  }
  spec = wudf_spec_new(words[1]);
  for (; word < count && strcmp(words[word], "--") != 0; word++) {
    if (strcmp(words[word], "-m") == 0 && word + 2 < count) {
      stop(wudf_spec_model(spec, words[word + 1], words[word + 2]));
      word += 2;
    } else if (strcmp(words[word], "-b") == 0 && word + 1 < count) {
      stop(wudf_spec_set(spec, "backend", words[++word]));
    } else {
      fprintf(stderr, "error: what is %s?\n", words[word]);
      return 2;
    }
  }
  stop(wudf_open(spec, &function));
  wudf_spec_free(spec);
  puts(wudf_function_describe(function));

  /* A column of large binary, a row for each file. */
  char **files = words + word + 1;
  int64_t rows = word < count ? count - word - 1 : 0;
  int64_t *offsets = need(calloc((size_t)rows + 1, sizeof *offsets));
  char *bytes = need(malloc(1));
  for (int64_t row = 0; row < rows; row++) offsets[row + 1] = append(&bytes, offsets[row], files[row]);
  const void *buffers[] = {NULL, offsets, bytes};
  struct ArrowSchema schema = {.format = "Z", .name = "content", .release = release_schema};
  struct ArrowArray array = {
      .length = rows, .n_buffers = 3, .buffers = buffers, .release = release_array};
  struct ArrowSchema *schemas[] = {&schema};
  struct ArrowArray *arrays[] = {&array};

  struct ArrowArray values;
  struct ArrowSchema type;
  stop(wudf_evaluate(function, rows, 1, schemas, arrays, &values, &type, &failures));
  for (size_t at = 0; at < wudf_failures_count(failures); at++) {
    fprintf(stderr, "%s: %s\n", files[wudf_failures_row(failures, at)],
            wudf_failures_message(failures, at));
  }

  /* Lists of a fixed size ("+w:2048"), or of any ("+l"). */
  int64_t fixed = strncmp(type.format, "+w:", 3) == 0 ? atoll(type.format + 3) : -1;
  if (type.n_children != 1 || strcmp(type.children[0]->format, "f") != 0) {
    fprintf(stderr, "error: the function gives no vectors of float32\n");
    return 3;
  }
  FILE *out = fopen(words[2], "wb");
  if (out == NULL) {
    perror(words[2]);
    return 3;
  }
  const uint8_t *valid = values.buffers[0];
  const struct ArrowArray *child = values.children[0];
  const float *floats = (const float *)child->buffers[1] + child->offset;
  for (int64_t row = 0; row < rows; row++) {
    int64_t at = values.offset + row, from = at * fixed, to = from + fixed;
    int32_t length;
    if (fixed < 0) {
      const int32_t *ends = values.buffers[1];
      from = ends[at];
      to = ends[at + 1];
    }
    length = valid == NULL || (valid[at / 8] >> at % 8 & 1) ? (int32_t)(to - from) : -1;
    fwrite(&length, sizeof length, 1, out);
    if (length > 0) fwrite(floats + from, sizeof *floats, (size_t)length, out);
  }
  if (fclose(out) != 0) {
    perror(words[2]);
    return 3;
  }

  values.release(&values);
  type.release(&type);
  wudf_failures_free(failures);
  wudf_function_free(function);
  free(offsets);
  free(bytes);
  return 0;
}

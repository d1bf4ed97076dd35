/* Runs the tests that are named, or all but `leak`: ./capi kit.wasm [test]... */
#include "tests.h"

const char *kit;

int main(int count, char **words) {
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
#define NAME(name) {#name, test_##name},
      TESTS(NAME) NAME(leak)
#undef NAME
  };
  const size_t all = sizeof tests / sizeof *tests - 1;
  if (count < 2) {
    fprintf(stderr, "usage: %s kit.wasm [test]...\n", words[0]);
    return 2;
  }
  kit = words[1];
  for (size_t at = 0; at <= all; at++) {
    int wanted = count == 2 && at < all;
    for (int word = 2; word < count; word++) {
      wanted = wanted || strcmp(words[word], tests[at].name) == 0;
    }
    if (!wanted) continue;
    tests[at].run();
    printf("ok %s\n", tests[at].name);
    fflush(stdout);
  }
  return 0;
}

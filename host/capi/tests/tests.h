/* The tests, each of which aborts when something is not so. */
#ifndef TESTS_H
#define TESTS_H

#include "test.h"

#define TESTS(X)                                                             \
  X(nulls) X(empty) X(slices) X(views_and_large) X(dictionaries) X(lists)     \
  X(two_arguments)                                                           \
  X(raise) X(null) X(record) X(failures) X(trap) X(time_limit)               \
  X(max_failures) X(stats)                                                   \
  X(specs) X(options) X(models) X(null_pointers) X(broken_arrays)            \
  X(describe) X(ownership) X(borrowed_memory) X(no_growth) X(threads)         \
  X(threads_that_open) X(cancel) X(fork)

#define DECLARE(name) void test_##name(void);
TESTS(DECLARE)
#undef DECLARE

/* Forgets what it was given. Only run when it is named, to see that a checker of
 * leaks would see it. */
void test_leak(void);

#endif

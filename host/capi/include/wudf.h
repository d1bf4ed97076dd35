/* wudf.h - WebAssembly UDFs behind a C interface.
 *
 * Columns go in and out as the Arrow C Data Interface has them
 * (https://arrow.apache.org/docs/format/CDataInterface.html).
 *
 *     wudf_spec *spec = wudf_spec_new("image-features:image_features");
 *     wudf_function *embed = NULL;
 *     wudf_error *error = wudf_spec_model(spec, "resnet50", "resnet50.onnx");
 *     if (error == NULL) error = wudf_spec_set(spec, "on_error", "null");
 *     if (error == NULL) error = wudf_open(spec, &embed);
 *     wudf_spec_free(spec);
 *
 *     struct ArrowArray values;
 *     if (error == NULL) error = wudf_call(embed, rows, 1, &schema, &array, &values, NULL);
 *     if (error != NULL) {
 *         fprintf(stderr, "%s: %s\n", wudf_error_kind(error), wudf_error_message(error));
 *         wudf_error_free(error);
 *     } else {
 *         ... values ...
 *         values.release(&values);
 *     }
 *     wudf_function_free(embed);
 *
 * ERRORS. What can fail returns a `wudf_error *`: NULL when all went well,
 * otherwise the caller's to read and to free with wudf_error_free(). After an
 * error nothing was made: pointers that would have been given are NULL, and
 * Arrow structures that would have been filled have a NULL `release`.
 *
 * OWNERSHIP. What wudf is given stays the caller's: strings, bytes, schemas and
 * arrays are read or copied during the call, no `release` of theirs is ever
 * called, and nothing of theirs is touched once the call has returned. What
 * wudf gives is the caller's: handles end with the `_free` function of their
 * type, which takes NULL too; Arrow structures with their own `release`, once,
 * on any thread, also after the function that made them was freed. Strings that
 * a `const` accessor returns belong to the handle and live as long as it.
 *
 * THREADS. A `wudf_function` may be used from any number of threads at once,
 * and freed on any; free it when no call is running. A `wudf_spec` is one
 * thread's at a time. Errors, failures and stats may be read from any thread.
 *
 * PROCESSES. Open functions after fork(), in the process that calls them: a
 * call with a function of the parent process is an error of the kind
 * "sandbox", as threads and clocks do not survive a fork.
 *
 * SIGNALS. Traps in the sandbox reach wudf through handlers for SIGSEGV, SIGBUS,
 * SIGILL and SIGFPE that are set up when the first function is opened. They run
 * on the alternative stack, and leave signals that are none of theirs to the
 * handlers that were there before.
 *
 * TRUST. Plugins are not trusted: what they do costs an error, never the process.
 * The caller is: pointers must be those of live Arrow structures, and buffers
 * as long as the structures say. All that can be checked is checked on every
 * call, before anything is computed (formats, lengths, offsets, UTF-8,
 * views, dictionary keys), and is an error of the kind "invalid-arguments"
 * when it is wrong.
 *
 * Functions may be added in later versions. Those that are here keep their
 * form within a major version; no structure but Arrow's is part of the
 * interface.
 */
#ifndef WUDF_H
#define WUDF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define WUDF_MUST_USE __attribute__((warn_unused_result))
#else
#define WUDF_MUST_USE
#endif

/* The structures of the Arrow C Data Interface, as its specification has them. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

/* Which function, and how it is to run. */
typedef struct wudf_spec wudf_spec;
/* An opened function. */
typedef struct wudf_function wudf_function;
/* The rows of a call that have no value. */
typedef struct wudf_failures wudf_failures;
/* What has been done with a function so far. */
typedef struct wudf_stats wudf_stats;
/* Why something failed. */
typedef struct wudf_error wudf_error;

/* The version of the library, "0.1.0". A string that is always there. */
const char *wudf_version(void);

/* --- Errors --------------------------------------------------------------- */

/* The kind of error, for programs:
 *
 *   "invalid-options"    a setting or an option of the function does not fit
 *   "invalid-arguments"  a NULL pointer, or columns that do not fit
 *   "unknown-plugin"     neither a file nor a plugin that wudf brings
 *   "unknown-function"   the plugin has no such function
 *   "invalid-plugin"     the bytes are no plugin
 *   "unsupported"        the plugin asks for what this version does not have
 *   "refused"            the plugin may not run here: its digest is not the one that was
 *                        set, the lock file does not pin it, or the policy wants a
 *                        signature that it has not
 *   "registry"           a registry could not be asked, or gave what is no plugin
 *   "model"              a model is missing, or could not be loaded or run
 *   "asset"              an asset is missing or could not be read
 *   "io"                 a file could not be read
 *   "row"                the function gave no value for a row, and said why
 *   "trap"               the plugin crashed
 *   "timeout"            the plugin took longer than it may
 *   "cancelled"          wudf_cancel() ended the call
 *   "too-many-failures"  more rows failed than the setting "max_failures" allows
 *   "not-tried"          the batch had lost too much time to rows before this one
 *   "memory"             the plugin wanted more memory than it may have, or returned
 *                        more than it may
 *   "invalid-output"     what the plugin returned breaks its contract
 *   "sandbox"            the machine does not let us have a sandbox
 *   "internal"           a mistake in wudf: please report it
 *
 * There may be more in later versions. */
const char *wudf_error_kind(const wudf_error *error);

/* What went wrong and where, for people: UTF-8, "kit:fails: row 3: 13 is unlucky". */
const char *wudf_error_message(const wudf_error *error);

/* The row that it went wrong in, counted from 0 in the columns of the call; -1
 * when it was no single row. */
int64_t wudf_error_row(const wudf_error *error);

void wudf_error_free(wudf_error *error);

/* --- Specs ---------------------------------------------------------------- */

/* A spec of a function: `reference` is PLUGIN or PLUGIN:FUNCTION, where PLUGIN is
 * a path, the name of a plugin that wudf brings ("image-features"), or one in a
 * registry ("oci://HOST/NAME:TAG"). Nothing is looked for before wudf_open(). Never NULL; a reference that is NULL or no UTF-8
 * is an error of wudf_open(). */
wudf_spec *wudf_spec_new(const char *reference);

/* A spec of a function in a plugin that is in memory: its bytes are copied, `name`
 * is what errors call it. */
wudf_spec *wudf_spec_new_bytes(const char *name, const void *bytes, size_t size);

/* Makes a setting; a later one replaces an earlier one.
 *
 *   "function"     the function; none is needed where there is only one, or one that
 *                  is named like the plugin
 *   "options"      the function's options, a JSON object: "{\"layer\": \"logits\"}"
 *   "on_error"     what a row that fails does in wudf_call():
 *                    "raise"   it fails the call (the default)
 *                    "null"    its value is null
 *                    "record"  values become structs of `value` and `error`
 *   "digest"       the plugin's digest, "sha256:HEX"; another plugin is refused
 *   "backend"      what runs the models that name no backend: "rten", "onnxruntime",
 *                  "openvino"
 *   "onnxruntime"  the path of ONNX Runtime's library, which is searched otherwise
 *   "openvino"     the path of OpenVINO's, libopenvino_c, likewise
 *   "threads"      threads that work on one call, the caller's included; one a core
 *                  otherwise. Engines that call from many threads want "1"
 *   "memory"       bytes that one instance of the plugin may have: "268435456"
 *   "time_limit"   seconds that one call into the plugin may take: "2.5"
 *   "max_failures" how many rows may fail from when the function is opened, in all of its
 *                  calls: "100", or a percentage, which is judged from 1,000 rows on: "2%".
 *                  Then the call, and all later ones, are errors of the kind
 *                  "too-many-failures". Only with "on_error" "null" or "record"
 *   "policy"       the file that says whose signatures count; without it the one that
 *                  WUDF_POLICY names, else the user's or the machine's
 *   "lock"         the lock file that pins references, as `wudf update` writes it
 *   "locked"       "true": what the lock file does not pin is refused
 *   "offline"      "true": registries are left alone, the local store is all there is
 *   "plain_http"   "true": registries on other machines are spoken to without TLS
 *   "signatures"   of a plugin in memory: the lines of its .sig file
 */
WUDF_MUST_USE
wudf_error *wudf_spec_set(wudf_spec *spec, const char *setting, const char *value);

/* Names a model that the plugin may ask for: a path, "https://...#sha256=HEX",
 * "oci://HOST/NAME:TAG" or "seeded:resnet50", with settings behind commas as
 * `wudf run --model` has them. */
WUDF_MUST_USE
wudf_error *wudf_spec_model(wudf_spec *spec, const char *name, const char *source);

/* Names a file that the plugin may read as an asset. */
WUDF_MUST_USE
wudf_error *wudf_spec_asset(wudf_spec *spec, const char *name, const char *path);

void wudf_spec_free(wudf_spec *spec);

/* --- Functions ------------------------------------------------------------ */

/* Opens a function: finds and compiles the plugin, binds options, loads models.
 * A function that this process has opened before with the same spec is not opened
 * again: plugins and models are in memory once. The spec may be freed, or changed
 * and used again. */
WUDF_MUST_USE
wudf_error *wudf_open(const wudf_spec *spec, wudf_function **function);

void wudf_function_free(wudf_function *function);

/* What the function is, as a JSON object: "name", "doc", "signature" (one line),
 * "arguments" and "returns" (with "name", "type", "nullable"), "volatility", "models",
 * "assets", "options" (a JSON Schema), and "plugin", "digest", "on_error". NULL for
 * a NULL function. */
const char *wudf_function_describe(const wudf_function *function);

/* How many arguments it takes. */
size_t wudf_function_arity(const wudf_function *function);

/* The arguments that it takes, as the schema of a struct with a child for each. */
WUDF_MUST_USE
wudf_error *wudf_function_arguments(const wudf_function *function,
                                    struct ArrowSchema *schema);

/* The column that wudf_call() gives, under the function's options and policy. */
WUDF_MUST_USE
wudf_error *wudf_function_returns(const wudf_function *function,
                                  struct ArrowSchema *schema);

/* Computes a value for each of `rows` rows.
 *
 * `arrays` and `schemas` point to `count` pointers, one for each argument in
 * order: those of a record batch's `children` will do. Each array has `rows` elements;
 * its type is the declared one, or one that is cast to it without loss: views,
 * large offsets, dictionaries, smaller numbers, text for bytes. A function without
 * arguments takes 0 and NULL. See OWNERSHIP above: the arrays stay the caller's.
 *
 * `values` receives the column, `type` its schema; `type` may be NULL, as it is
 * always that of wudf_function_returns(). */
WUDF_MUST_USE
wudf_error *wudf_call(const wudf_function *function, int64_t rows, size_t count,
                      struct ArrowSchema *const *schemas,
                      struct ArrowArray *const *arrays,
                      struct ArrowArray *values, struct ArrowSchema *type);

/* As wudf_call(), whatever "on_error" says: rows that fail are null, and `failures`
 * receives which they are and why, also when there are none. The column is of the
 * function's own type. */
WUDF_MUST_USE
wudf_error *wudf_evaluate(const wudf_function *function, int64_t rows,
                          size_t count, struct ArrowSchema *const *schemas,
                          struct ArrowArray *const *arrays,
                          struct ArrowArray *values, struct ArrowSchema *type,
                          wudf_failures **failures);

/* Ends the calls of a function that are running, on any thread: a running plugin or a
 * wait for a model within some 20 ms, a running model where its backend can be stopped.
 * They give an error of the kind "cancelled" and no values. Calls that begin later are
 * not affected. Returns at once; from any thread, but not from a signal handler. */
void wudf_cancel(const wudf_function *function);

/* What has been done so far, by all functions of this process that were opened with the
 * same spec; NULL for a NULL function. Costs some microseconds, never waits for a call. */
wudf_stats *wudf_function_stats(const wudf_function *function);

/* A snapshot as a JSON object. Counts: "rows", "failures", "failures_by_code" (an object),
 * "bytes_in" and "bytes_out" (of values), "calls" into the sandbox, "instances_created",
 * "instances_reused", "instances_evicted", "batch_runs" of models that join rows and
 * "batch_rows" in them. Seconds: in the "plugin", in "model" runs, of these in "queue_wait"
 * for other runs, and at the "boundary". There may be more in later versions. */
const char *wudf_stats_json(const wudf_stats *stats);

void wudf_stats_free(wudf_stats *stats);

/* --- Failures ------------------------------------------------------------- */

/* How many rows failed. */
size_t wudf_failures_count(const wudf_failures *failures);

/* The row, the kind of error (as wudf_error_kind()) and the reason of failure number
 * `index`; rows ascend. -1 and NULL where there is no such failure. */
int64_t wudf_failures_row(const wudf_failures *failures, size_t index);
const char *wudf_failures_kind(const wudf_failures *failures, size_t index);
const char *wudf_failures_message(const wudf_failures *failures, size_t index);

void wudf_failures_free(wudf_failures *failures);

#ifdef __cplusplus
}
#endif

#endif /* WUDF_H */

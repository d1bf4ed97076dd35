// The header in C++, beside another one that has Arrow's structures already.
#include "wudf.h"
#include "wudf.h"

#include <cstdio>
#include <type_traits>

static_assert(std::is_standard_layout<ArrowArray>::value, "a structure of C");
static_assert(sizeof(ArrowArray) == 80 && sizeof(ArrowSchema) == 72, "those of the C Data Interface");

int main() {
  wudf_spec *spec = wudf_spec_new("no-such-plugin");
  wudf_function *function = nullptr;
  wudf_error *error = wudf_open(spec, &function);
  wudf_spec_free(spec);
  std::printf("%s %s\n", wudf_version(), error ? wudf_error_kind(error) : "opened");
  wudf_error_free(error);
  return 0;
}

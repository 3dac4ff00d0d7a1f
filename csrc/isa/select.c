#include <stdlib.h>
#include <string.h>

#include "isa/isa.h"

static const lmn_isa *const ladder[] = {
#if defined(__x86_64__)
    &lmn_avx512,
    &lmn_avx2,
#elif defined(__aarch64__)
    &lmn_neon,
#endif
    &lmn_reference,
};

const lmn_isa *lmn_isa_available(size_t index) {
  for (size_t i = 0; i < sizeof ladder / sizeof *ladder; i++)
    if (ladder[i]->supported() && index-- == 0) return ladder[i];
  return NULL;
}

const lmn_isa *lmn_isa_named(const char *name) {
  const lmn_isa *isa;
  for (size_t i = 0; (isa = lmn_isa_available(i)); i++)
    if (strcmp(isa->name, name) == 0) return isa;
  return NULL;
}

const lmn_isa *lmn_isa_selected(void) {
  const char *name = getenv("LMN_ISA");
  return name && *name ? lmn_isa_named(name) : lmn_isa_available(0);
}

const char *lmn_isa_name(const lmn_isa *isa) { return isa->name; }

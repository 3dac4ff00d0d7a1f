#include "CKernelTable.h"

#include "isa/isa.h"

enum {
#define LMN_KERNEL(name) index_of_##name,
#include "kernels/list.h"
#undef LMN_KERNEL
  kernel_count
};

static const char *const names[] = {
#define LMN_KERNEL(name) #name,
#include "kernels/list.h"
#undef LMN_KERNEL
};

size_t lmn_kernel_count(void) { return kernel_count; }

const char *lmn_kernel_name(size_t index) { return names[index]; }

static _Thread_local struct {
  const lmn_isa *isa;
  lmn_isa table;
  lmn_kernel_hook *hook;
  void *state;
} hooked;

#define LMN_KERNEL(name)                                                            \
  static void hooked_##name(const void *args, size_t begin, size_t end) {           \
    hooked.hook(hooked.state, index_of_##name, hooked.isa->name, args, begin, end); \
  }
#include "kernels/list.h"
#undef LMN_KERNEL

const lmn_isa *lmn_isa_hooked(const lmn_isa *isa, lmn_kernel_hook *hook, void *state) {
  hooked.isa = isa;
  hooked.hook = hook;
  hooked.state = state;
  hooked.table = *isa;
#define LMN_KERNEL(name) hooked.table.name = hooked_##name;
#include "kernels/list.h"
#undef LMN_KERNEL
  return &hooked.table;
}

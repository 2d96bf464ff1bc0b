#pragma once

#include <atomic>

#ifndef __GNUC__
#error "attnscope's kernels are written in the vector language of GCC and clang"
#endif

/// Kernels are compiled for several instruction sets, and the machine's best one is chosen when the program
/// runs: a user who compiles with plain -O2 gets its speed. Defining ATTNSCOPE_PORTABLE leaves the others
/// out.
#if (defined(__x86_64__) || defined(__i386__)) && !defined(ATTNSCOPE_PORTABLE)
#define ATTNSCOPE_DISPATCHES 1
#else
#define ATTNSCOPE_DISPATCHES 0
#endif

/// A function that exists only inside kernels.
#define ATTNSCOPE_KERNEL_PART __attribute__((always_inline)) inline

namespace attnscope {

/// What kernels are compiled for; later ones are faster.
enum class InstructionSet {
  portable,  ///< any machine
  avx2,      ///< x86-64-v3: AVX2, FMA, F16C
  avx512,    ///< x86-64-v4: AVX-512 F, BW, DQ, VL
};

namespace simd {

inline InstructionSet best_instruction_set() {
#if ATTNSCOPE_DISPATCHES
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return InstructionSet::avx512;
  if (avx2) return InstructionSet::avx2;
#endif
  return InstructionSet::portable;
}

inline std::atomic<InstructionSet>& chosen() {
  static std::atomic<InstructionSet> set{best_instruction_set()};
  return set;
}

}  // namespace simd

/// Which instructions the kernels use.
inline InstructionSet instruction_set() { return simd::chosen().load(std::memory_order_relaxed); }

/// Uses no newer instructions than these, so that results are the same bits on every machine that has them;
/// returns what is used now: never more than the machine has. Not while a sweep runs.
inline InstructionSet use_instruction_set(InstructionSet most) {
  const InstructionSet best = simd::best_instruction_set();
  simd::chosen() = most < best ? most : best;
  return instruction_set();
}

}  // namespace attnscope

/// The kernel of attnscope::simd that runs on this machine. Its three versions have one type.
#if ATTNSCOPE_DISPATCHES
#define ATTNSCOPE_BEST(kernel)                                           \
  (::attnscope::instruction_set() == ::attnscope::InstructionSet::avx512 \
       ? &::attnscope::simd::avx512::kernel                              \
   : ::attnscope::instruction_set() == ::attnscope::InstructionSet::avx2 \
       ? &::attnscope::simd::avx2::kernel                                \
       : &::attnscope::simd::portable::kernel)
#else
#define ATTNSCOPE_BEST(kernel) (&::attnscope::simd::portable::kernel)
#endif

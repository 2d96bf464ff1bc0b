#pragma once
// ATTNSCOPE_ADDRESS_SANITIZER where the tests are compiled with it: g++ and clang++ say so in different ways.
#if defined(__SANITIZE_ADDRESS__)
#define ATTNSCOPE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ATTNSCOPE_ADDRESS_SANITIZER
#endif
#endif

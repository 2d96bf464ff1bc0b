// Units that were compiled with unlike flags give the same numbers, whichever copy of what they share is
// linked.
#include <cmath>
#include <cstdio>
#include <vector>

std::vector<double> numbers_plain();
std::vector<double> numbers_native();
std::vector<double> numbers_portable();

namespace {
bool equal(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::fmax(worst, std::abs(a[i] - b[i]) / (1 + std::abs(a[i])));
  std::printf("%zu numbers differ by %g\n", a.size(), worst);
  return worst < 1e-6;
}
}  // namespace

int main() {
  const std::vector<double> plain = numbers_plain();
  const bool native = equal(plain, numbers_native()), portable = equal(plain, numbers_portable());
  return native && portable && !plain.empty() ? 0 : 1;
}

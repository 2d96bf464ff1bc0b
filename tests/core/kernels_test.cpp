#include <attnscope/core/vector_math.hpp>

#include <numeric>
#include <random>

#include "support/catch.hpp"
#include "support/instruction_sets.hpp"

using namespace attnscope;

namespace {

/// Weights of one row or more, some of them 0.
std::vector<float> weights(Index count) {
  std::mt19937 generator(static_cast<unsigned>(count));
  std::normal_distribution<float> normal(-3, 2);
  std::vector<float> row(static_cast<std::size_t>(count));
  for (float& p : row) p = std::exp(normal(generator)) / 50;
  for (std::size_t j = 0; j < row.size(); j += 7) row[j] = 0;
  return row;
}

}  // namespace

TEST_CASE("each instruction set summarises a row as double precision does") {
  with_each_set([] {
    for (const Index size : {1, 3, 4, 15, 16, 17, 100, 511, 512, 513, 1025, 5000}) {
      const std::vector<float> row = weights(size);
      const std::vector<double> same(row.begin(), row.end());
      const RowSummary fast = vector_math::summary(std::span<const float>(row), size / 3, {});
      const RowSummary exact = vector_math::summary(std::span<const double>(same), size / 3, {});
      CHECK(fast.sum == Approx(exact.sum).epsilon(1e-6));
      CHECK(fast.entropy == Approx(exact.entropy).epsilon(1e-6));
      CHECK(fast.distance == Approx(exact.distance).epsilon(1e-6));
      CHECK(fast.smallest == exact.smallest);
      CHECK(fast.largest == exact.largest);
    }
  });
}

TEST_CASE("rows in turn with their column sums, on each instruction set") {
  with_each_set([] {
    for (const Index size : {1, 3, 4, 15, 16, 17, 100, 513}) {
      const Index rows = 5, stride = size + 2;
      const std::vector<float> all = weights(rows * stride);
      std::vector<RowSummary> summaries(static_cast<std::size_t>(rows)), alone = summaries;
      std::vector<float> columns(vector_math::column_room(size), .25F), expected = columns;
      std::vector<float> copy(static_cast<std::size_t>(rows * size + 1), 7.F);
      const simd::StoredRows<float> stored{all.data(), stride, rows, size, size / 3, all.data() + 2 * stride,
                                           2};
      vector_math::summarise(stored, {}, summaries.data(), columns.data(), copy.data());
      vector_math::summarise(stored, {}, alone.data());
      for (Index r = 0; r < rows; ++r) {
        const auto of = static_cast<std::size_t>(r);
        const std::span<const float> row(all.data() + r * stride, static_cast<std::size_t>(size));
        const RowSummary one = vector_math::summary(row, size / 3 + r, {});
        for (const RowSummary& same : {summaries[of], alone[of]}) {
          CHECK(same.entropy == one.entropy);
          CHECK(same.distance == one.distance);
        }
        for (std::size_t j = 0; j < row.size(); ++j) expected[j] += row[j];
        CHECK(std::equal(row.begin(), row.end(), copy.begin() + r * size));
      }
      CHECK(std::equal(columns.begin(), columns.begin() + size, expected.begin()));
      CHECK(copy.back() == 7);  // nothing is written behind the last one
    }
  });
}

TEST_CASE("a number that is not one stays in every sum, on each instruction set") {
  with_each_set([] {
    for (const std::size_t place : {0U, 16U, 98U}) {
      std::vector<float> row = weights(99);
      row[place] = std::numeric_limits<float>::quiet_NaN();
      CHECK(std::isnan(vector_math::sum(std::span<const float>(row))));
    }
  });
}

TEST_CASE("column sums, means and dot products between heads, on each instruction set") {
  with_each_set([] {
    const Index rows = 5, keys = 1037;
    for (const Index heads : {1, 6, 12, 13, 29})
      for (const Index stride : {keys, keys + 3}) {  // rows in one run; rows apart
        const std::vector<float> all = weights(heads * rows * stride);
        const Layout layout({1, heads, rows, keys});
        const Block<float> block(all.data(), rows * stride, stride, 0, {0, rows}, keys, layout);
        Eigen::MatrixXd gram = Eigen::MatrixXd::Ones(heads, heads), expected = gram;
        vector_math::add_gram(block, gram);
        for (Index r = 0; r < rows; ++r) {
          const Eigen::MatrixXd row = block.across_heads(r).cast<double>();
          expected += row * row.transpose();
        }
        for (Index g = 0; g < heads; ++g)
          for (Index h = 0; h <= g; ++h)
            if (gram(g, h) != Approx(expected(g, h)).epsilon(1e-6)) FAIL(heads << " " << g << " " << h);
      }

    const std::vector<float> all = weights(rows * keys);
    const Eigen::Map<const RowMatrix<float>> matrix(all.data(), rows, keys);
    const std::vector<float> factors{1, .5F, 2, 0, -1};
    Eigen::RowVectorXd sums = Eigen::RowVectorXd::Ones(keys);
    const Eigen::Map<const Eigen::RowVectorXf> by(factors.data(), rows);
    const Eigen::RowVectorXd exact = sums + by.cast<double>() * matrix.cast<double>();
    vector_math::add_columns(all.data(), keys, rows, factors.data(), sums);
    CHECK((sums - exact).cwiseAbs().maxCoeff() < 1e-6);

    Eigen::RowVectorXf mean(keys);
    vector_math::mean_of_rows(all.data(), keys, rows, keys, mean.data());
    CHECK((mean.cast<double>() - matrix.cast<double>().colwise().mean()).cwiseAbs().maxCoeff() < 1e-7);
  });
}

TEST_CASE("what columns hold, p ln p with its digits however small p is, on each instruction set") {
  const Index rows = 5, columns = 37, stride = 40;
  std::vector<float> all = weights(rows * stride);
  const std::vector<float> small{0, 1, .5F, 1e-44F, 3e-39F, 1e-30F, 1e-3F};
  for (Index r = 0; r < rows; ++r) std::copy(small.begin(), small.end(), all.data() + r * stride + 30);
  for (Index r = 0; r < rows; ++r) all[static_cast<std::size_t>(r * stride + 4)] = 0;
  const std::vector<float> factors{1, .5F, 1, 0, .25F};
  with_each_set([&] {
    std::vector<double> sums(columns, 1), logs(columns, 2), largest(columns);
    std::vector<int> where(columns, -1);
    vector_math::add_column_facts(all.data(), stride, 2, columns, factors.data(),
                                  {sums.data(), logs.data(), largest.data(), where.data()});
    vector_math::add_column_facts(all.data() + 2 * stride, stride, rows - 2, columns, factors.data() + 2,
                                  {sums.data(), logs.data(), largest.data(), where.data(), 2});
    const std::vector<double> same(all.begin(), all.end()), by(factors.begin(), factors.end());
    std::vector<double> exact_sums(columns, 1), exact_logs(columns, 2), exact_largest(columns);
    std::vector<int> exact_where(columns, -1);
    vector_math::add_column_facts(
        same.data(), stride, rows, columns, by.data(),
        {exact_sums.data(), exact_logs.data(), exact_largest.data(), exact_where.data()});
    CHECK(where == exact_where);
    CHECK(where[4] == -1);
    CHECK(*std::max_element(where.begin(), where.end()) > 1);
    CHECK(largest == exact_largest);
    for (std::size_t j = 0; j < sums.size(); ++j) {
      CAPTURE(j);
      CHECK(std::abs(sums[j] - exact_sums[j]) <= 2e-7 * (exact_sums[j] - 1));
      CHECK(std::abs(logs[j] - exact_logs[j]) <= 2e-7 * (exact_sums[j] - 1) + 1e-15);
    }
  });
}

TEST_CASE("a column's tiny weights keep the digits of p ln p, on each instruction set") {
  with_each_set([] {
    for (const float p : {1e-44F, 3e-39F, 1e-30F, 1e-3F, .3F}) {
      double sum = 0, log = 0, largest = 0;
      int where = -1;
      const float factor = 1;
      vector_math::add_column_facts(&p, 1, 1, 1, &factor, {&sum, &log, &largest, &where});
      const auto exact = static_cast<double>(p);
      CHECK(std::abs(log - exact * std::log(exact)) <= 2e-7 * exact);
    }
  });
}

TEST_CASE("the first of the largest weights, on each instruction set") {
  with_each_set([] {
    for (const Index size : {1, 7, 8, 33, 100}) {
      std::vector<float> row(static_cast<std::size_t>(size), .25F);
      CHECK(vector_math::first_largest(std::span<const float>(row)) == 0);
      for (const Index place : {size - 1, size / 2}) {
        row[static_cast<std::size_t>(place)] = .5F;
        CHECK(vector_math::first_largest(std::span<const float>(row)) == place);
      }
      std::fill(row.begin(), row.end(), 0.F);
      CHECK(vector_math::first_largest(std::span<const float>(row)) == -1);
    }
  });
}

TEST_CASE("all 16-bit numbers become the same floats, on each instruction set") {
  constexpr Index count = 65536, size = count + 3;  // no multiple of any vector
  std::vector<Eigen::half> halves;
  std::vector<Eigen::bfloat16> brains;
  for (Index i = 0; i < size; ++i) {
    halves.push_back(Eigen::numext::bit_cast<Eigen::half>(static_cast<std::uint16_t>(i % count)));
    brains.push_back(Eigen::numext::bit_cast<Eigen::bfloat16>(static_cast<std::uint16_t>(i % count)));
  }
  const auto check = [](const auto& numbers) {
    std::vector<float> wide(numbers.size() + 1, 7.f);
    vector_math::widen(numbers.data(), numbers.data(), 1, size, wide.data());
    Index wrong = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto expected = static_cast<float>(numbers[i]);
      wrong += std::isnan(expected) ? !std::isnan(wide[i])
                                    : wide[i] != expected || std::signbit(wide[i]) != std::signbit(expected);
    }
    CHECK(wrong == 0);
    CHECK(wide.back() == 7);  // nothing is written behind the last one
  };
  with_each_set([&] {
    check(halves);
    check(brains);
  });
}

TEMPLATE_TEST_CASE("16-bit rows are summarised while they are converted, on each instruction set", "",
                   Eigen::half, Eigen::bfloat16) {
  with_each_set([] {
    for (const Index size : {1, 3, 15, 16, 17, 100, 513}) {
      const auto count = static_cast<std::size_t>(size);
      const std::vector<float> exact = weights(size);
      std::vector<TestType> row;
      for (const float p : exact) row.push_back(static_cast<TestType>(p));
      std::vector<float> wide(count), to(count + 1, 7.F), columns(vector_math::column_room(size), .25F);
      vector_math::widen(row.data(), row.data(), 1, size, wide.data());
      const RowSummary one = vector_math::widen_and_summarise(row.data(), row.data(), size, size / 3, {},
                                                              to.data(), columns.data());
      const RowSummary same = vector_math::summary(std::span<const float>(wide), size / 3, {});
      CHECK(one.sum == same.sum);
      CHECK(one.entropy == same.entropy);
      CHECK(one.distance == same.distance);
      CHECK(one.smallest == same.smallest);
      CHECK(one.largest == same.largest);
      CHECK(to[count] == 7);
      for (std::size_t j = 0; j < count; ++j) {
        CHECK(to[j] == wide[j]);
        CHECK(columns[j] == .25F + wide[j]);
      }
    }
    CHECK(vector_math::widen_and_summarise<TestType>(nullptr, nullptr, 0, 0, {}, nullptr, nullptr).sum == 0);
  });
}

TEST_CASE("a row is all zero when nothing else stands in it") {
  with_each_set([] {
    std::vector<float> row(37, 0.f);
    CHECK(vector_math::all_zero(std::span<const float>(row)));
    CHECK(vector_math::all_zero(std::span<const float>()));
    for (const float other : {1e-45f, -1e-45f, std::numeric_limits<float>::quiet_NaN()})
      for (const std::size_t place : {0U, 33U, 36U}) {
        row[place] = other;
        CHECK_FALSE(vector_math::all_zero(std::span<const float>(row)));
        row[place] = 0;
      }
  });
}

TEST_CASE("sums of products, where terms of either sign cancel, on each instruction set") {
  with_each_set([] {
    for (const Index size : {0, 1, 7, 16, 333}) {
      std::vector<float> a = weights(size), b = weights(size + 1);
      b.pop_back();
      for (std::size_t j = 0; j < b.size(); j += 2) b[j] = -b[j] * 1e6f;
      if (size > 0) a.back() = -.25F;
      double sum = 0, magnitude = 0;
      for (std::size_t j = 0; j < a.size(); ++j) {
        sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
        magnitude += std::abs(static_cast<double>(a[j]) * static_cast<double>(b[j]));
      }
      const auto near = [&](double expected) {
        return Approx(expected).epsilon(0).margin(1e-14 * magnitude);
      };
      const auto products = [](const auto& x, const auto& y) {
        const auto rows = [](const auto& numbers) {
          const auto count = static_cast<long>(numbers.size());
          return simd::StoredRows<std::decay_t<decltype(numbers[0])>>{numbers.data(), count, 1, count};
        };
        simd::ProductSums sums{};
        vector_math::products(rows(x), rows(y), &sums);
        return sums;
      };
      const std::vector<double> same(a.begin(), a.end());
      for (const simd::ProductSums& sums : {products(a, b), products(same, b)}) {
        CHECK(sums.sum == near(sum));
        CHECK(sums.magnitude == near(magnitude));
        CHECK(sums.first_sum == Approx(std::accumulate(a.begin(), a.end(), 0.)).margin(1e-12));
        CHECK(sums.other_sum == Approx(std::accumulate(b.begin(), b.end(), 0.)).margin(1e-9));
        CHECK(sums.smallest == (size > 0 ? -.25 : 0));
      }
    }
  });
}

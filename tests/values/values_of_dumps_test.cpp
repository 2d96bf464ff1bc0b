#include <attnscope/io/dump_values.hpp>
#include <attnscope/values/contributions.hpp>
#include <attnscope/values/effective_attention.hpp>
#include <attnscope/values/mixing.hpp>
#include <attnscope/values/norm_maps.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// The numbers of make_values.py, a layer of `self` a row: mixing; norm map at (1, 3), (2, 2), its sum;
/// contributions at (1, 3), (2, 2), the sum of their diagonal; the effective attention of head 1 at (3, 2),
/// the sum of the absolute values of all heads; that of the outputs.
void check_against_numpy(const std::string& path, const std::vector<std::array<double, 10>>& expected) {
  const Dump dump = read_dump(path);
  const DumpStack& stack = dump.stacks.at(0);
  REQUIRE(stack.layers.size() == expected.size());
  for (std::size_t l = 0; l < expected.size(); ++l) {
    const DumpLayer& layer = stack.layers[l];
    const auto& attention = std::get<AnyAttention<float>>(layer.attention);
    const auto loaded = layer_values(dump, stack, layer);
    const auto& values = std::get<LayerValues<float>>(loaded.value());
    const Eigen::MatrixXd norms = norm_maps(attention, values)[0];
    const Eigen::MatrixXd near = contributions(attention, values).maps[0];
    const auto effective = effective_attention(attention, values).maps[0];
    double effects = 0;
    for (const Eigen::MatrixXd& head : effective) effects += head.cwiseAbs().sum();
    const std::array<double, 10> found{mixing(attention, values).mixing_ratio,
                                       norms(1, 3),
                                       norms(2, 2),
                                       norms.sum(),
                                       near(1, 3),
                                       near(2, 2),
                                       near.trace(),
                                       effective[1](3, 2),
                                       effects,
                                       block_outputs(attention, values)[0].cwiseAbs().sum()};
    for (std::size_t n = 0; n < found.size(); ++n) {
      CAPTURE(l, n);
      CHECK(found[n] == Approx(expected[l][n]).epsilon(n == 7 || n == 8 ? 2e-5 : 1e-6).margin(1e-7));
    }
  }
}
}  // namespace

TEST_CASE("values of a published encoder with residual and norm, against numpy") {
  check_against_numpy(ATTNSCOPE_EXAMPLE_DATA "/minilm_pair.safetensors",
                      {{0.263118034892, 0.317369836235, 11.3007560217, 744.578032739, 0.00348721926382,
                        0.937187074632, 28.2246514068, 0.0280492186131, 432.640879879, 5977.99706057},
                       {0.232502604242, 0.920823749677, 12.2587562459, 782.409793481, 0.0269197394083,
                        0.939089866709, 28.7187218601, 0.0158349384912, 514.964240692, 5970.36975946},
                       {0.241888510731, 0.201039724497, 13.0005509749, 812.127227901, 0.00221044083984,
                        0.894162809254, 27.4722304913, 0.068889931264, 501.546807103, 6039.51070729},
                       {0.204821771861, 0.408839095477, 13.1854934496, 808.920417315, 0.00459950034111,
                        0.970525684317, 27.8378982216, 0.0159376680231, 493.796395853, 5839.20007834},
                       {0.209972322728, 0.599007325251, 12.0305492231, 677.85788122, 0.0144534489653,
                        0.931379821113, 27.590590196, 0.0208117952192, 454.483469707, 5177.32719572},
                       {0.317591153408, 0.888807987911, 11.6988615152, 742.242319224, 0.00277083962745,
                        0.9779325517, 20.77549867, 0.618021668133, 452.638258895, 5194.61943078}});
}

TEST_CASE("values of an encoder with a projection alone, against numpy") {
  check_against_numpy(ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors",
                      {{0.502845754391, 0.941016003312, 34.2230456792, 768.755649132, 0.00103834843106,
                        0.857705019064, 6.35366279831, 0.176950231194, 51.9999998192, 7175.85642332},
                       {0.704202140384, 2.84218295456, 6.94289582438, 970.648936938, 0, 0.24106950811,
                        2.62050374869, 0.237341955304, 51.9999999312, 6082.32840023}});
}

#include <attnscope/layers/comparison.hpp>

#include "layers/made_layers.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Indices = std::vector<Index>;

TEST_CASE("four layers spread over the depth, each once") {
  CHECK(default_layers(0).empty());
  CHECK(default_layers(1) == Indices{0});
  CHECK(default_layers(2) == Indices{0, 1});
  CHECK(default_layers(3) == Indices{0, 1, 2});
  CHECK(default_layers(4) == Indices{0, 1, 2, 3});
  CHECK(default_layers(6) == Indices{0, 2, 4, 5});
  CHECK(default_layers(12) == Indices{0, 4, 8, 11});
}

TEST_CASE("layers side by side, against numpy") {
  const auto tensors = test::made_tensors();
  const LayerComparison all =
      compare_layers(test::views(tensors), {.layers = {0, 1, 2, 3}, .numbers = {.window = 1}});
  const auto check = [&](const char* name, const std::vector<double>& heads, const std::vector<double>& mean,
                         const std::vector<double>& deviation) {
    const ComparedNumber& number = all.number(name);
    for (Index l = 0; l < 4; ++l) {
      for (Index h = 0; h < 3; ++h)
        CHECK(number.heads[static_cast<std::size_t>(l)](h) ==
              Approx(heads[static_cast<std::size_t>(3 * l + h)]).epsilon(1e-11));
      CHECK(number.spread.mean(l) == Approx(mean[static_cast<std::size_t>(l)]).epsilon(1e-11));
      CHECK(number.spread.deviation(l) == Approx(deviation[static_cast<std::size_t>(l)]).epsilon(1e-9));
      CHECK(number.spread.min(l) == number.heads[static_cast<std::size_t>(l)].minCoeff());
      CHECK(number.spread.max(l) == number.heads[static_cast<std::size_t>(l)].maxCoeff());
      for (Index k = 0; k < 4; ++k)
        CHECK(number.difference(l, k) == number.spread.mean(k) - number.spread.mean(l));
    }
  };
  check("entropies",
        {1.00201686737, 0.958325281645, 0.983995971912, 1.04266783313, 1.03159476683, 1.005331069,
         0.984681960338, 1.00317249728, 1.00207353868, 0.982162838767, 1.03030609875, 1.02578271777},
        {0.981446040309, 1.02653122299, 0.996642665433, 1.01275055176},
        {0.0179279163909, 0.0156575454874, 0.00846938711924, 0.0217074700448});
  check("normalized_entropies",
        {0.907134485394, 0.851648849426, 0.882954392692, 0.94960784242, 0.945652579626, 0.900091006997,
         0.902026201423, 0.92801297559, 0.926570004421, 0.873418716975, 0.928860649711, 0.90196227817},
        {0.880579242504, 0.931783809681, 0.918869727145, 0.901413881619},
        {0.0227140918594, 0.022468293696, 0.0119247308984, 0.0226373957641});
  check("confidence",
        {0.535961910502, 0.554563184159, 0.547793258688, 0.483399795103, 0.486159844055, 0.503884887017,
         0.527554859111, 0.500041291769, 0.500718169573, 0.541658858571, 0.507078215902, 0.515699168202},
        {0.546106117783, 0.491148175391, 0.509438106818, 0.521478747558},
        {0.00768707481135, 0.0090764286229, 0.012813458449, 0.0146971168374});
  check("locality",
        {0.681135296485, 0.638059132963, 0.668573076775, 0.649440424318, 0.622122541201, 0.629492731979,
         0.628516934638, 0.614062190533, 0.683900728221, 0.657720175612, 0.648468198468, 0.655830579618},
        {0.662589168741, 0.6336852325, 0.642159951131, 0.6540063179},
        {0.018087644631, 0.0115397712268, 0.0300993273554, 0.0039913004048});
  check("mean_distance",
        {1.17435908658, 1.27886294508, 1.27004267198, 1.26119297256, 1.26022505759, 1.2946785766,
         1.2836340943, 1.33519738704, 1.18665197498, 1.18694257812, 1.27311495694, 1.16602579185},
        {1.24108823455, 1.27203220225, 1.26849448544, 1.2086944423},
        {0.0473218321386, 0.0160182795212, 0.0615810613655, 0.046345657951});
  check("sink_mass",
        {0.388208163024, 0.440898012505, 0.403646251004, 0.431126802573, 0.428136629452, 0.398611272738,
         0.450498738952, 0.399676474125, 0.403369227266, 0.381401051744, 0.414684498508, 0.391116742639},
        {0.410917475511, 0.419291568254, 0.417848146781, 0.39573409763},
        {0.0221164808677, 0.0146740417249, 0.023136622964, 0.0139746659461});
  check("diversity",
        {0.113492265847, 0.222988799295, 0.124004255297, 0.0782642898477, 0.0877038632369, 0.108121808835,
         0.111704655794, 0.0847940428252, 0.106695909931, 0.145941475877, 0.108606876127, 0.161739449496},
        {0.153495106813, 0.09136332064, 0.101064869517, 0.1387626005},
        {0.0493265003265, 0.0124609143963, 0.0116855105351, 0.022277339413});
  CHECK(all.layers == Indices{0, 1, 2, 3});
  CHECK(all.numbers.size() == head_number_list.size());
  CHECK(all.uniform_locality(2) == locality(test::views(tensors)[2], {.window = 1}).uniform_locality);
}

TEST_CASE("without a choice the default layers are compared, and no other is read") {
  std::vector<AttentionTensor<double>> layers(6, test::pattern(Layout({1, 2, 4, 4})));
  layers[1].setConstant(-1);  // a sweep would refuse it
  CHECK(compare_layers(layers).layers == Indices{0, 2, 4, 5});
  CHECK(compare_layers(layers, {.layers = {5, 0}}).layers == Indices{5, 0});
  CHECK(compare_layers(std::vector<AttentionTensor<double>>{}).number("entropies").spread.mean.size() == 0);
}

TEST_CASE("undefined heads are passed over, layers of unlike heads compared") {
  const SpreadByLayer spread =
      spread_by_layer({Eigen::Vector3d(1, undefined, 3), Eigen::VectorXd::Constant(1, 5), Eigen::VectorXd(),
                       Eigen::Vector2d(undefined, undefined)});
  CHECK(spread.mean(0) == 2);
  CHECK(spread.deviation(0) == 1);
  CHECK(spread.min(0) == 1);
  CHECK(spread.max(0) == 3);
  CHECK(spread.mean(1) == 5);
  CHECK(spread.deviation(1) == 0);
  CHECK(std::isnan(spread.mean(2)));
  CHECK(std::isnan(spread.max(3)));
}

TEST_CASE("one layer, one head") {
  const std::vector<Eigen::MatrixXd> one{Eigen::MatrixXd::Identity(3, 3)};
  const LayerComparison alone = compare_layers(one);
  CHECK(alone.number("entropies").difference == Eigen::MatrixXd::Zero(1, 1));
  CHECK(std::isnan(alone.number("diversity").spread.mean(0)));
}

TEST_CASE("what is not there") {
  const LayerComparison none = compare_layers(std::vector<HeadNumbers>{}, {});
  CHECK(message_of<ValueError>([&] { none.number("entropy"); }) == "no number of heads is named entropy");
  CHECK(message_of<ShapeError>([] { compare_layers(std::vector<HeadNumbers>(2), {0}); }) ==
        "2 layers with 1 indices");
}

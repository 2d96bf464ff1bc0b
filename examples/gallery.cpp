// gallery [FOLDER]: every kind of figure, of the dumps that ship with attnscope; docs/gallery.md shows them.
#include <attnscope/attnscope.hpp>
#include <attnscope/report/analysis_figures.hpp>

#include "analysis.hpp"
#include "gallery_views.hpp"
#include "support/long_figure.hpp"
#include "support/made_heads.hpp"
#include "support/program.hpp"

namespace {

using namespace attnscope;

struct Picture {
  std::string name;  ///< it is written as <name>.svg
  std::string svg;
};

/// A shipped dump, and what analyze says of it.
struct Example {
  Dump dump;
  Analysis analysis;

  Example(const char* path, const AnalyzeOptions& options)
      : dump(read_dump(path)), analysis(analysis_of(dump, options)) {}

  const StackAnalysis& numbers(const std::string& stack) const {
    return *std::ranges::find(analysis.stacks, stack, &StackAnalysis::name);
  }
};

using Maps = std::vector<Eigen::MatrixXd>;

Maps maps_of(const LoadedAttention& attention, Index element = 0) {
  return std::visit([&](const auto& weights) { return head_maps(weights, element); }, attention);
}

Eigen::MatrixXd mean_of(const Maps& maps) {
  Eigen::MatrixXd mean = maps.front();
  for (std::size_t i = 1; i < maps.size(); ++i) mean += maps[i];
  return mean / static_cast<double>(maps.size());
}

std::vector<Maps> all_maps(const DumpStack& stack) {
  std::vector<Maps> maps;
  for (const DumpLayer& layer : stack.layers) maps.push_back(maps_of(layer.attention));
  return maps;
}

// ---- maps

std::vector<Picture> maps_of_sentences(const Example& minilm) {
  const DumpStack& self = stack_of(minilm.dump, "self");
  const std::vector<Maps> maps = all_maps(self);
  const std::vector<std::string>& tokens = self.keys.tokens[0];
  Maps means;
  for (const Maps& heads : maps) means.push_back(mean_of(heads));
  const MapOptions labelled{.row_labels = tokens, .column_labels = tokens};
  const auto with = [&](const std::string& title, const auto& change) {
    MapOptions options = labelled;
    options.title = title;
    change(options);
    return options;
  };
  return {{"heatmap", heatmap(maps[2][4], with("Layer 2, head 4", [](MapOptions&) {}))},
          {"heatmap_dark", heatmap(maps[2][4], with("Layer 2, head 4, without the first token",
                                                    [](MapOptions& o) {
                                                      o.columns = all_but_first;
                                                      o.theme = Theme::dark;
                                                    }))},
          {"heads", head_grid(maps[2], with("self layer 2: 12 heads", [](MapOptions&) {}))},
          {"heatmap_log", heatmap(means[5], with("Layer 5, mean over 12 heads, logarithmic",
                                                 [](MapOptions& o) {
                                                   o.scale = Scale::logarithmic;
                                                   o.palette = Palette::cividis;
                                                 }))},
          {"heatmap_signed", heatmap(mean_of(maps_of(*self.layers[5].gradient)),
                                     with("Layer 5: gradient of the similarity to a third sentence",
                                          [](MapOptions& o) { o.palette = diverging_palette(o.theme); }))},
          {"layers", layer_grid(means, with("Mean over heads of every layer",
                                            [](MapOptions& o) { o.scale = Scale::square_root; }))},
          {"model_view", model_view(maps, {.title = "all-MiniLM-L6-v2", .scale = Scale::square_root})}};
}

std::vector<Picture> translation(const Example& cipher) {
  const DumpStack& cross = stack_of(cipher.dump, "cross");
  const Maps heads = maps_of(cross.layers[1].attention, 2);
  const MapOptions options{.title = "Cross-attention of layer 1",
                           .row_labels = cross.queries.tokens[2],
                           .column_labels = cross.keys.tokens[2]};
  return {{"cross_attention", cross_attention(heads, options)}};
}

/// No shipped dump is of images: a query that looks at two places, by a formula.
Picture image_patches() {
  Eigen::RowVectorXd weights = Eigen::RowVectorXd::Zero(1 + 14 * 14);
  for (Index i = 0; i < 14 * 14; ++i) {
    const double x = static_cast<double>(i % 14), y = static_cast<double>(i / 14);
    const auto near = [&](double at_x, double at_y, double width) {
      return std::exp(-((x - at_x) * (x - at_x) + (y - at_y) * (y - at_y)) / (2 * width * width));
    };
    weights(1 + i) = near(4, 5, 1.5) + 0.6 * near(10, 9, 2.5);
  }
  weights(0) = 0.1 * weights.sum();
  weights /= weights.sum();
  return {"patches", heatmap(patch_grid(weights, {.rows = 14, .columns = 14}),
                             {.title = "What [CLS] gives to 14 x 14 patches",
                              .row_title = "patch row",
                              .column_title = "patch column",
                              .palette = Palette::viridis})};
}

/// No shipped dump is long: heads that are made.
Picture long_text() {
  constexpr Index tokens = 2048, heads = 8, dim = 64;
  const MadeHeads made(tokens, heads, heads, dim, 1);
  const Layout layout({1, heads, tokens, tokens}, {.causal = true});
  const QueryKeyAttention<float> attention(made.queries().data(), made.keys().data(), layout, heads, dim);
  std::vector<std::string> names;
  for (Index head = 0; head < heads; ++head) names.emplace_back(MadeHeads::name(head));
  return {"long_context", long_figure(pooled_maps(attention, long_figure_cells).examples[0], layout, 0,
                                      fmt::format("made with seed 1, {} keys", tokens), names)};
}

std::vector<Picture> pictures() {
  const Example minilm(ATTNSCOPE_SHIPPED_DUMP, {});
  const Example cipher(ATTNSCOPE_SHIPPED_TRANSLATION, {});
  std::vector<Picture> all = maps_of_sentences(minilm);
  const auto add = [&](std::vector<Picture> more) { std::ranges::move(more, std::back_inserter(all)); };
  add({image_patches(), long_text()});
  add(translation(cipher));
  for (Figure& view : gallery_views(minilm.dump, cipher.dump))
    all.push_back({std::move(view.name), std::move(view.svg)});
  for (Figure& figure : figures(minilm.analysis).drawn) {
    if (figure.name == "self.locality") all.push_back({"depth_curve", std::move(figure.svg)});
    if (figure.name == "self.roles") all.push_back({"metric_map", std::move(figure.svg)});
    if (figure.name == "self.head_map") all.push_back({"head_scatter", std::move(figure.svg)});
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes one figure of every kind, of the dumps that ship with attnscope.");
  std::string folder = "gallery";
  app.name("gallery");
  app.add_option("FOLDER", folder, "Where to write them; it is made where it is not there")
      ->capture_default_str();
  return run_program(app, argc, argv, [&] {
    std::filesystem::create_directories(folder);
    for (const Picture& picture : pictures())
      write_svg(std::filesystem::path(folder) / (picture.name + ".svg"), picture.svg);
  });
}

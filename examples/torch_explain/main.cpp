// torch_explain: a small transformer in libtorch whose attention and gradients are looked at while it runs:
// which heads it needs, what it decides by, and whether its attention explains that. The truth is known, for
// the task is generated.
#include "dump.hpp"
#include "sections.hpp"

#include "../support/program.hpp"

#include <ATen/Parallel.h>

namespace {

using namespace reviews;

struct Options {
  std::string weights = ATTNSCOPE_SHIPPED_REVIEW_MODELS, train, dump, dump_model = "first";
  std::uint64_t seed = 2024;
  std::size_t reviews = 24, accuracy_reviews = 500, review = 0;
  TrainingOptions training;
  std::vector<std::string> only;
};

void train(const Options& options) {
  int done = 0;
  const Zoo zoo = train_zoo(options.training, [&](const std::string& what) {
    fmt::print(stderr, "{}. training {}\n", ++done, what);
  });
  save(zoo, options.train);
  const Material material(options.seed, options.accuracy_reviews, options.reviews);
  print_models(zoo, material);
  fmt::print("{}\n", options.train);
}

/// The report, in its order; --only picks from it.
using Section = void (*)(const Zoo&, const Material&, const Options&);
const std::vector<std::pair<std::string, Section>> sections{
    {"models", [](const Zoo& zoo, const Material& material, const Options&) { print_models(zoo, material); }},
    {"review", [](const Zoo& zoo, const Material& material,
                  const Options& options) { print_one_review(zoo.first, material, options.review); }},
    {"heads",
     [](const Zoo& zoo, const Material& material, const Options&) { print_heads(zoo.first, material); }},
    {"methods",
     [](const Zoo& zoo, const Material& material, const Options&) {
       print_methods(zoo.first, "[CLS]", material);
       print_methods(zoo.mean, "the mean", material);
     }},
    {"agreement",
     [](const Zoo& zoo, const Material& material, const Options&) { print_agreement(zoo, material); }},
    {"counterfactuals",
     [](const Zoo& zoo, const Material& material, const Options&) { print_counterfactuals(zoo, material); }},
    {"adversaries",
     [](const Zoo& zoo, const Material& material, const Options&) { print_adversaries(zoo, material, {}); }},
    {"frozen",
     [](const Zoo& zoo, const Material& material, const Options&) { print_frozen(zoo, material); }}};

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const auto& [name, print] : sections) names.push_back(name);
  return names;
}

void run(const Options& options) {
  if (!options.train.empty()) return train(options);
  const Zoo zoo = load(options.weights);
  const Material material(options.seed, options.accuracy_reviews, options.reviews);
  attnscope::require<attnscope::ValueError>(options.review < material.few.size(), "review {} of {}",
                                            options.review, material.few.size());
  if (!options.dump.empty()) {
    write_dump(options.dump_model == "first" ? zoo.first : zoo.mean, options.dump_model, material.few,
               options.dump);
    fmt::print("{}\n", options.dump);
    return;
  }
  for (const auto& [name, print] : sections)
    if (options.only.empty() || std::ranges::count(options.only, name) > 0) print(zoo, material, options);
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);  // small tensors; and the same sums in the same order
  CLI::App app(
      "What a small transformer decides by, and whether its attention explains it: a live model in "
      "libtorch.");
  Options options;
  app.name("torch_explain");
  app.add_option("--weights", options.weights, "Trained models; by default those that ship with attnscope");
  app.add_option("--reviews", options.reviews, "How many reviews are explained one by one")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--accuracy-reviews", options.accuracy_reviews,
                 "How many reviews accuracies are measured on, those among them")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--review", options.review, "The review that is shown token by token, from 0")
      ->capture_default_str();
  app.add_option("--only", options.only, "Parts of the report, with commas between them")
      ->delimiter(',')
      ->check(CLI::IsMember(section_names()));
  app.add_option("--seed", options.seed, "Of the reviews")->capture_default_str();
  app.add_option("--dump", options.dump,
                 "Write the live tensors of the explained reviews as a dump for analyze, and end");
  app.add_option("--dump-model", options.dump_model,
                 "first: the model that reads [CLS]; mean: the one that reads the mean")
      ->check(CLI::IsMember({"first", "mean"}))
      ->capture_default_str();
  app.add_option("--train", options.train,
                 "Train all models anew (minutes), write them to this file, and end");
  app.add_option("--steps", options.training.steps, "Of training each model")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--training-seed", options.training.seed, "Of weights and reviews in training")
      ->capture_default_str();
  app.footer(
      "The reviews are generated, so the words that decide are known, and explanations can be right or "
      "wrong.\n"
      "Examples:\n"
      "  torch_explain                                         the report, on the models that ship with "
      "attnscope\n"
      "  torch_explain --dump live.safetensors                 then: analyze live.safetensors --out report\n"
      "  torch_explain --train my.safetensors --training-seed 7\n"
      "  torch_explain --weights my.safetensors\n");
  return run_program(app, argc, argv, [&] { run(options); });
}

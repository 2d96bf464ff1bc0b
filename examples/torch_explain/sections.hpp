#pragma once
// The report: every section measures and says in plain words what was found.
#include "methods.hpp"
#include "zoo.hpp"

#include <attnscope/attribution/agreement.hpp>
#include <attnscope/attribution/attention_permutation.hpp>
#include <attnscope/attribution/attention_variation.hpp>
#include <attnscope/attribution/method_agreement.hpp>
#include <attnscope/attribution/verdict.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/heads/pruning.hpp>
#include <attnscope/heads/removal.hpp>

namespace reviews {

/// The reviews that the report is about: none was trained on but by chance.
struct Material {
  std::vector<Review> many, few;  ///< for accuracies; for tests of single reviews, the first of `many`
  Batch many_batch, few_batch;

  Material(std::uint64_t seed, std::size_t test_reviews, std::size_t explained)
      : many(Writer(seed).reviews(test_reviews)) {
    few.assign(many.begin(), many.begin() + static_cast<std::ptrdiff_t>(std::min(explained, many.size())));
    many_batch = batch_of(many);
    few_batch = batch_of(few);
  }
};

inline void heading(const std::string& text) {
  fmt::print("\n{}\n{}\n", text, std::string(text.size(), '-'));
}
/// The median of one number a review.
inline double median_of(const std::vector<double>& numbers) {
  return attnscope::detail::median_of(
      Eigen::Map<const Eigen::VectorXd>(numbers.data(), static_cast<Index>(numbers.size())));
}

inline void print_models(const Zoo& zoo, const Material& material) {
  heading("The models");
  fmt::print("Two transformers of {} layers with {} heads, width {}, read reviews such as\n  {}\n", layers,
             heads, width, material.few.front().text());
  fmt::print("and say whether the film is praised. Accuracy on {} new reviews:\n", material.many.size());
  fmt::print("  {:<34} {:.3f}\n", "reads its first token, [CLS]", accuracy(zoo.first, material.many_batch));
  fmt::print("  {:<34} {:.3f}\n", "reads the mean of its tokens", accuracy(zoo.mean, material.many_batch));
}

/// [layer] of [head]: how much the loss hangs on each head, from attention and gradients of one backward
/// pass.
inline attnscope::HeadScores head_importance(const Model& model, const Batch& batch) {
  const LiveRun run(model, batch, Output::loss);
  attnscope::HeadScores scores;
  for (const auto& layer : run.with_gradients())
    scores.push_back(attnscope::importance(layer).mean.per_example);
  return scores;
}

/// [removed] accuracies as heads go in this order.
inline std::vector<double> accuracy_curve(attnscope::MaskedScore& score,
                                          const std::vector<attnscope::HeadId>& order) {
  attnscope::HeadMask kept = score.all();
  std::vector<double> curve{score(kept)};
  for (const attnscope::HeadId& head : order)
    curve.push_back(score(kept = attnscope::without(std::move(kept), {head})));
  return curve;
}

inline void print_heads(const Model& model, const Material& material) {
  heading("Which heads matter (the model that reads [CLS])");
  attnscope::MaskedScore score(
      std::vector<Index>(static_cast<std::size_t>(layers), heads),
      [&](const attnscope::HeadMask& kept) { return accuracy(model, material.many_batch, {.kept = kept}); });
  const attnscope::HeadScores importance = head_importance(model, material.many_batch);
  const attnscope::HeadRemovalResult removal = attnscope::remove_each_head(score);
  fmt::print("layer head  importance (nats)  accuracy without it\n");
  for (const attnscope::HeadId& id : attnscope::heads_in(score.all()))
    fmt::print("{:>5} {:>4}  {:>17.2e}  {:>19.3f}\n", id.layer, id.head, attnscope::score_of(importance, id),
               attnscope::score_of(removal.scores, id));

  const auto plan = attnscope::plan_pruning(importance, {.fraction = 1, .keep_per_layer = 0});
  std::vector<attnscope::HeadId> reversed(plan.order.rbegin(), plan.order.rend());
  const std::vector<double> least_first = accuracy_curve(score, plan.order),
                            most_first = accuracy_curve(score, reversed);
  fmt::print("\nAccuracy as heads are pruned\n{:>7}  {:>21}  {:>15}  {:>20}\n", "removed",
             "least important first", "that was", "most important first");
  for (std::size_t removed = 0; removed < least_first.size(); ++removed) {
    const std::string head =
        removed == 0 ? "-"
                     : fmt::format("{}.{}", plan.order[removed - 1].layer, plan.order[removed - 1].head);
    fmt::print("{:>7}  {:>21.3f}  {:>15}  {:>20.3f}\n", removed, least_first[removed], head,
               most_first[removed]);
  }
  const auto free =
      std::ranges::find_if(least_first, [&](double one) { return one < least_first.front() - .01; }) -
      least_first.begin() - 1;
  fmt::print(
      "=> {} of {} heads can go before accuracy falls by more than .01; the most important one alone costs "
      "{:.3f}.\n",
      free, plan.order.size(), least_first.front() - most_first[1]);
}

inline void print_one_review(const Model& model, const Material& material, std::size_t which) {
  const Review& review = material.few[which];
  heading("One review, token by token");
  const std::vector<Review> alone{review};
  const LiveRun run(model, batch_of(alone), Output::chosen);
  const std::vector<Counterfactual> each = each_review(model, alone);
  std::vector<attnscope::MaskedTokens> masked{{each[0].tokens(), each[0].masked()}};
  const Eigen::VectorXd output = each[0].output();
  fmt::print(
      "{}\nP(praise) = {:.3f}; the label is {}. Deciding words are starred; columns are in per cent of their "
      "sum.\n",
      review.text(), output(1), review.label == 1 ? "praise" : "blame");
  const std::vector<TokenScores> methods = all_methods(model, run, each, masked);
  const std::vector<std::pair<std::string, std::string>> shown{{"top attention (first query)", "attention"},
                                                               {"relevance (first query)", "relevance"},
                                                               {"input gradient", "gradient"},
                                                               {"integrated gradients", "integrated"},
                                                               {"leave one out", "left out"}};
  fmt::print("{:<14}", "");
  for (const auto& [method, title] : shown) fmt::print(" {:>11}", title);
  for (std::size_t token = 0; token < review.tokens.size(); ++token) {
    const bool decides = std::ranges::count(review.deciding, token) > 0;
    fmt::print("\n{:<14}", review.tokens[token] + (decides ? " *" : ""));
    for (const auto& [method, title] : shown) {
      const Eigen::VectorXd& scores = std::ranges::find(methods, method, &TokenScores::method)->scores[0];
      fmt::print(" {:>11.0f}", 100 * scores(static_cast<Index>(token)) / scores.sum());
    }
  }
  fmt::print("\n");
}

/// How the methods agree with one another, special tokens aside.
inline void print_method_agreement(const std::vector<TokenScores>& methods) {
  std::vector<TokenScores> of_words;
  for (const TokenScores& method : methods)
    of_words.push_back(attnscope::counted_scores(method, {.strip_ends = true}));
  const attnscope::MethodAgreementResult result = attnscope::method_agreement(of_words);
  fmt::print("   Agreement of the methods, in that order: Spearman's rho of words, mean over reviews.\n");
  for (Index a = 0; a < std::ssize(result.methods); ++a) {
    fmt::print("{:<30}", result.methods[static_cast<std::size_t>(a)]);
    for (Index b = 0; b <= a; ++b) fmt::print(" {:>5.2f}", result.spearman_correlation.mean(a, b));
    fmt::print("\n");
  }
}

/// One model: which methods point at the words that make the label, and whether the model really needs those.
inline void print_methods(const Model& model, const std::string& name, const Material& material) {
  heading(fmt::format("Which method is right (the model that reads {})", name));
  const LiveRun run(model, material.few_batch, Output::chosen);
  const std::vector<Counterfactual> each = each_review(model, material.few);
  std::vector<attnscope::MaskedTokens> masked;
  for (const Counterfactual& review : each) masked.emplace_back(review.tokens(), review.masked());
  fmt::print(
      "{} reviews. hit: the top word is one that makes the label. needed: what is lost without the top "
      "words\n"
      "(comprehensiveness, high is good); missed: what is lost with them alone (sufficiency, low is good).\n",
      each.size());
  fmt::print("{:<30} {:>6} {:>8} {:>8}\n", "", "hit", "needed", "missed");
  std::string best;
  double most = -1, attention_hits = 0;
  const std::vector<TokenScores> methods = all_methods(model, run, each, masked);
  for (const TokenScores& method : methods) {
    const double hit = hits(method, material.few);
    const Areas areas = erasure_areas(method, each, masked);
    fmt::print("{:<30} {:>6.2f} {:>8.3f} {:>8.3f}\n", method.method, hit, areas.comprehensiveness,
               areas.sufficiency);
    if (method.method.find("attention") != std::string::npos) attention_hits = std::max(attention_hits, hit);
    if (areas.comprehensiveness > most) {
      most = areas.comprehensiveness;
      best = method.method;
    }
  }
  const Areas random = random_areas(each, masked);
  fmt::print("{:<30} {:>6.2f} {:>8.3f} {:>8.3f}\n", "chance", hits_by_chance(material.few),
             random.comprehensiveness, random.sufficiency);
  fmt::print(
      "=> The model needs the words of \"{}\" most. The best readout of raw attention points at a deciding "
      "word in {:.0f} %\n"
      "   of the reviews, chance in {:.0f} %.\n",
      best, 100 * attention_hits, 100 * hits_by_chance(material.few));
  print_method_agreement(methods);
}

/// Mean of what is defined, and how many of those differ from 0 at 5 %.
inline std::string agreement_cell(const std::vector<attnscope::Agreement>& each) {
  double sum = 0, defined = 0, significant = 0;
  for (const attnscope::Agreement& one : each)
    if (one.spearman_correlation) {
      sum += *one.spearman_correlation;
      defined += 1;
      significant += one.p_value.value_or(1) <= .05;
    }
  return defined == 0 ? "-" : fmt::format("{:5.2f} ({:.0f} %)", sum / defined, 100 * significant / defined);
}

/// Attention against the input gradient and against leave-one-out, of both models by layer and readout: what
/// attention seems to say depends on the rows that are read.
inline void print_agreement(const Zoo& zoo, const Material& material) {
  heading("Does attention agree with attribution?");
  fmt::print("Spearman's rho without [CLS] and [SEP], mean over reviews (share with p <= .05).\n");
  fmt::print("{:<16} {:>5}  {:<12} {:>16} {:>16}\n", "model reads", "layer", "rows read", "input gradient",
             "leave one out");
  for (const Model* model : {&zoo.first, &zoo.mean}) {
    const LiveRun run(*model, material.few_batch, Output::chosen);
    const std::vector<Counterfactual> each = each_review(*model, material.few);
    std::vector<attnscope::MaskedTokens> masked;
    for (const Counterfactual& review : each) masked.emplace_back(review.tokens(), review.masked());
    const TokenScores gradient = attnscope::input_gradient_scores(run.embedding_gradient());
    const TokenScores left_out = leave_one_out_scores(each, masked);
    for (const auto from : {attnscope::ReadFrom::first_query, attnscope::ReadFrom::received})
      for (Index layer = 0; layer < layers; ++layer) {
        const attnscope::AgreementOptions options{.readout = {from}, .tokens = {.strip_ends = true}, .k = 3};
        const auto view = run.attention()[static_cast<std::size_t>(layer)];
        fmt::print("{:<16} {:>5}  {:<12} {:>16} {:>16}\n", model == &zoo.first ? "[CLS]" : "the mean", layer,
                   attnscope::name_of(options.readout),
                   agreement_cell(attnscope::compare_attention_and_attribution(view, gradient, options)),
                   agreement_cell(attnscope::compare_attention_and_attribution(view, left_out, options)));
      }
    if (model == &zoo.first) {
      const auto one = attnscope::compare_attention_and_attribution(
          run.attention().back(), gradient,
          {.readout = {attnscope::ReadFrom::first_query}, .tokens = {.strip_ends = true}});
      fmt::print("  review 0: {}\n",
                 attnscope::agreement_sentence("attention (first query)", "the input gradient",
                                               one[0].spearman_correlation, one[0].n));
    }
  }
}

inline std::string says_of_permutation(double moved) {
  if (moved > .1) return "here attention matters";
  if (moved > .01) return "here attention matters a little";
  return "it could look anywhere";
}

/// Jain & Wallace's tests: other attention in one layer.
inline void print_counterfactuals(const Zoo& zoo, const Material& material) {
  heading("Would other attention say the same? (Jain & Wallace 2019)");
  fmt::print("How far the prediction moves (total variation distance, 0 .. 1), {} reviews.\n",
             material.few.size());
  fmt::print("{:<16} {:>5} {:>18} {:>18}\n", "model reads", "layer", "permuted (median)", "uniform (median)");
  std::vector<std::string> sayings;
  for (const Model* model : {&zoo.first, &zoo.mean})
    for (Index layer = 0; layer < layers; ++layer) {
      std::vector<double> permuted, uniform;
      for (const Counterfactual& review : each_review(*model, material.few)) {
        const attnscope::CounterfactualAttention test(review.rows(layer), review.attention_model(layer));
        permuted.push_back(attnscope::permute_attention(test, {.permutations = 30}).median_output_distance);
        uniform.push_back(test.effect_of(attnscope::uniform_attention(test.rows())).output_distance);
      }
      const char* reads = model == &zoo.first ? "[CLS]" : "the mean";
      fmt::print("{:<16} {:>5} {:>18.3f} {:>18.3f}\n", reads, layer, median_of(permuted), median_of(uniform));
      sayings.push_back(
          fmt::format("=> {}: permuting layer {}'s attention moves the prediction by {:.2f} (median): {}.",
                      reads, layer, median_of(permuted), says_of_permutation(median_of(permuted))));
    }
  for (const std::string& saying : sayings) fmt::print("{}\n", saying);
}

struct AdversaryOptions {
  std::size_t reviews = 8;
  double tolerance = .01;
};

/// [review] what the attention of the top layer says to [CLS], mean over heads, and the predictions: one run
/// of attention_variation().
inline attnscope::ModelRun run_of(const Model& model, const Batch& batch) {
  const at::NoGradGuard no_gradients;
  const Trace trace = model.run(batch);
  const at::Tensor attention = read_attention(trace), outputs = at::softmax(trace.logits.to(at::kDouble), -1);
  attnscope::ModelRun run;
  for (std::size_t b = 0; b < batch.lengths.size(); ++b) {
    const auto review = static_cast<std::int64_t>(b);
    run.attention.push_back({matrix_of(attention[review].slice(0, 0, batch.lengths[b]).unsqueeze(0))});
    run.outputs.push_back(matrix_of(outputs[review].unsqueeze(0)).row(0));
  }
  return run;
}

/// Jain & Wallace's adversary, and what Wiegreffe & Pinter ask in return.
inline void print_adversaries(const Zoo& zoo, const Material& material, const AdversaryOptions& options) {
  heading("How far away could attention be? (adversaries and their baseline)");
  fmt::print(
      "Attention that keeps the prediction within {:.2f}, by Jensen-Shannon divergence (nats, at most "
      "{:.3f}):\n",
      options.tolerance, std::log(2));
  const std::vector<Review> chosen(
      material.few.begin(),
      material.few.begin() + static_cast<std::ptrdiff_t>(std::min(options.reviews, material.few.size())));
  for (Index layer = 0; layer < layers; ++layer) {
    std::vector<double> divergences;
    double found = 0;
    for (const Counterfactual& review : each_review(zoo.first, chosen)) {
      const attnscope::CounterfactualAttention test(review.rows(layer), review.attention_model(layer));
      const auto adversary = attnscope::adversarial_attention(
          test, review.pullback(layer), {.tolerance = options.tolerance, .starts = 2, .iterations = 60});
      divergences.push_back(adversary.jensen_shannon);
      found += adversary.found;
    }
    fmt::print("  layer {}, one review at a time     median {:.3f}  ({:.0f} of {} reviews have one)\n", layer,
               median_of(divergences), found, chosen.size());
  }
  fmt::print(
      "=> Such attention exists; that is no wonder in itself. Beside it stand the permutations above, which "
      "hit it by\n"
      "   chance or do not, and models that really attend so:\n");

  fmt::print(
      "\nWhole models (Wiegreffe & Pinter 2019), against the first: the attention of [CLS] in the top "
      "layer.\n");
  fmt::print("{:<34} {:>12} {:>12} {:>9}\n", "", "divergence", "prediction", "accuracy");
  std::vector<attnscope::ModelRun> runs{run_of(zoo.first, material.many_batch)};
  for (const Model& seed : zoo.seeds) runs.push_back(run_of(seed, material.many_batch));
  const attnscope::AttentionVariation seeds = attnscope::attention_variation(runs, {.reference = 0});
  for (std::size_t i = 0; i < zoo.seeds.size(); ++i) {
    const auto row = static_cast<Index>(i);
    fmt::print("{:<34} {:>12.3f} {:>12.3f} {:>9.3f}\n", fmt::format("another seed ({})", i + 1),
               seeds.jensen_shannon.row(row).mean(), seeds.output_distance.row(row).mean(),
               accuracy(zoo.seeds[i], material.many_batch));
  }
  Eigen::VectorXd divergence(static_cast<Index>(strengths.size())), moved(divergence.size()),
      further(divergence.size());
  for (std::size_t i = 0; i < strengths.size(); ++i) {
    const auto far = attnscope::compare_runs(runs[0], run_of(zoo.adversaries[i], material.many_batch));
    const auto row = static_cast<Index>(i);
    divergence(row) = far.jensen_shannon.mean();
    moved(row) = far.output_distance.mean();
    further(row) = attnscope::further_than_seeds(seeds, far.jensen_shannon).mean();
    fmt::print("{:<34} {:>12.3f} {:>12.3f} {:>9.3f}\n",
               fmt::format("trained to attend elsewhere ({})", strengths[i]), divergence(row), moved(row),
               accuracy(zoo.adversaries[i], material.many_batch));
  }
  std::vector<std::string> steps;
  for (const Index i : attnscope::trade_off_frontier(divergence, moved))
    steps.push_back(fmt::format("{:.2f} nats for {:.3f}", divergence(i), moved(i)));
  fmt::print("   What distance costs in predictions: {}.\n", fmt::join(steps, ", "));
  const auto chosen_row = static_cast<Index>(frozen_adversary);
  fmt::print(
      "=> The adversary of strength {} is further away than another seed is, in {:.0f} % of reviews and "
      "seeds: {}.\n",
      strengths[frozen_adversary], 100 * further(chosen_row),
      further(chosen_row) > .75 ? "more than chance of training" : "training by chance goes as far");
}

inline void print_frozen(const Zoo& zoo, const Material& material) {
  heading("What does the attention know? (frozen in a classifier that cannot look around)");
  const at::NoGradGuard no_gradients;
  const Batch& batch = material.many_batch;
  const auto line = [&](const char* name, const FrozenAttention& classifier, const at::Tensor& weights) {
    const double right = accuracy(classifier.logits(batch, weights), batch);
    fmt::print("  {:<40} {:.3f}\n", name, right);
    return right;
  };
  const double uniform = line("every word alike", zoo.uniform, uniform_attention(batch));
  line("a weight a word, learnt", zoo.learnt, {});
  const double trained = line("[CLS] of the first model", zoo.of_first, read_attention(zoo.first.run(batch)));
  const double adversarial = line("[CLS] of the one that attends elsewhere", zoo.of_adversary,
                                  read_attention(zoo.adversaries[frozen_adversary].run(batch)));
  fmt::print("=> The first model's attention {} ({:+.3f} over words alike); the adversary's {} ({:+.3f}).\n",
             trained > uniform + .02 ? "knows which words count" : "adds nothing", trained - uniform,
             adversarial > uniform + .02 ? "does, too" : "does not", adversarial - uniform);
}

}  // namespace reviews

#pragma once
#include <attnscope/attribution/verdict.hpp>
#include <attnscope/report/analysis.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace attnscope {

namespace detail::finding {

/// "0.84", "0.013": two decimals, or two digits of a smaller number.
inline std::string number(double value) {
  return std::abs(value) >= .1 ? fmt::format("{:.2f}", value) : fmt::format("{:.2g}", value);
}
/// "0.93 to 0.98", or one number where both are written alike.
inline std::string range(double least, double most) {
  const std::string from = number(least), to = number(most);
  return from == to ? from : from + " to " + to;
}
inline std::string counted(Index count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}
/// "5 of 8 heads", "all 8 heads", "the only head".
inline std::string share(Index count, Index all) {
  if (count < all) return fmt::format("{} of {} heads", count, all);
  return all == 1 ? "the only head" : fmt::format("all {} heads", all);
}
/// "0-3, 5": the numbers in rising order, three or more in a row as a range.
inline std::string runs(std::vector<Index> numbers) {
  std::ranges::sort(numbers);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (last < i + 2) last = i;
    parts.push_back(last > i ? fmt::format("{}-{}", numbers[i], numbers[last]) : fmt::to_string(numbers[i]));
    i = last + 1;
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}
inline std::string listed(const std::vector<std::string>& parts) {
  if (parts.size() < 2) return parts.empty() ? "" : parts[0];
  return fmt::format("{} and {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

/// A head by the model's numbers, and what was measured of it.
struct Head {
  Index layer = 0, head = 0;
  double score = undefined, baseline = undefined;

  std::string name() const { return fmt::format("{}.{}", layer, head); }
};

/// "layer 1 heads 0-3; layer 2 head 7"; of more than three layers the one with most of the heads.
inline std::string places(const std::vector<Head>& heads) {
  std::map<Index, std::vector<Index>> layers;
  for (const Head& each : heads) layers[each.layer].push_back(each.head);
  const auto of_layer = [](const auto& entry) {
    return fmt::format("layer {} {} {}", entry.first, entry.second.size() == 1 ? "head" : "heads",
                       runs(entry.second));
  };
  if (layers.size() > 3) {
    const auto most = std::ranges::max_element(layers, {}, [](const auto& e) { return e.second.size(); });
    return fmt::format("in {} layers, most of them {}", layers.size(), of_layer(*most));
  }
  std::vector<std::string> parts;
  for (const auto& entry : layers) parts.push_back(of_layer(entry));
  return fmt::format("{}", fmt::join(parts, "; "));
}
inline Head head_of(const StackAnalysis& stack, const HeadId& id) {
  const HeadId named = model_head(stack, id);
  return {named.layer, named.head};
}
inline Index count_heads(const StackAnalysis& stack) {
  Index count = 0;
  for (const LayerAnalysis& layer : stack.layers) count += static_cast<Index>(layer.heads.size());
  return count;
}

/// How a role is told: what such heads do, what its score is, what its baseline is.
struct Role {
  std::string one, many, score = "weight", baseline = "by chance";
};
inline Role role_of(const std::string& label) {
  const auto attend = [](const std::string& where) { return Role{"attends " + where, "attend " + where}; };
  if (label == "previous token") return attend("to the previous token");
  if (label == "next token") return attend("to the next token");
  if (label == "same token") return attend("to their own token");
  if (label == "first token") return attend("to the first token (attention sinks)");
  if (label == "delimiter") return attend("to delimiters");
  if (label == "duplicate token") return attend("to earlier copies of the token");
  if (label == "induction") return attend("to what followed an earlier copy of the token (induction)");
  if (label == "rare token") {
    Role role = attend("to the rarest token");
    role.score = "share of queries";
    return role;
  }
  if (label == "syntactic")
    return {"follows syntax", "follow syntax", "share of queries", "by the best fixed offset"};
  if (label == "semantic")
    return {"attends to similar tokens", "attend to similar tokens", "rank of similarity from -1 to 1",
            "by position alone"};
  if (label == "broad")
    return {"attends broadly", "attend broadly", "share of the largest entropy", "the threshold"};
  if (label.starts_with("offset -")) return attend(fmt::format("{} tokens back", label.substr(8)));
  if (label.starts_with("offset +")) return attend(fmt::format("{} tokens ahead", label.substr(8)));
  return {"has the role " + label, "have the role " + label, "score", "the baseline"};
}

/// heads: one or more.
inline std::string role_sentence(const std::string& label, const std::vector<Head>& heads, Index all) {
  const Role role = role_of(label);
  const auto by_score = std::ranges::minmax(heads, {}, &Head::score);
  const auto by_baseline = std::ranges::minmax(heads, {}, &Head::baseline);
  const Index count = static_cast<Index>(heads.size());
  std::string what = count == 1 ? role.one : role.many;
  if (label == "same token" && count == 1) what = "attends to its own token";
  return fmt::format("{} {}: {} ({} {}; {} {})", share(count, all), what, places(heads), role.score,
                     range(by_score.min.score, by_score.max.score), role.baseline,
                     range(by_baseline.min.baseline, by_baseline.max.baseline));
}

/// The heads of each label, the clearest first: by the largest margin between score and baseline.
using Roles = std::vector<std::pair<std::string, std::vector<Head>>>;
struct FoundRoles {
  Roles roles;  ///< without the first token's, which is a sink's
  std::vector<Head> sinks;
  Index judged = 0, none = 0;
};
inline FoundRoles found_roles(const StackAnalysis& stack) {
  FoundRoles found;
  std::map<std::string, std::vector<Head>> roles;
  for (const LayerAnalysis& layer : stack.layers)
    for (std::size_t h = 0; h < layer.patterns.size(); ++h) {
      const HeadPattern& pattern = layer.patterns[h];
      if (pattern.scores.empty()) continue;
      ++found.judged;
      found.none += pattern.label == "none";
      if (pattern.label != "none" && pattern.label != "first token")
        roles[pattern.label].push_back({layer.layer, layer.heads[h], pattern.score, pattern.baseline});
      for (const PatternScore& score : pattern.scores)
        if (score.label == "first token" && score.passes)
          found.sinks.push_back({layer.layer, layer.heads[h], score.score, score.baseline});
    }
  found.roles.assign(roles.begin(), roles.end());
  const auto clearest = [](const auto& role) {
    double margin = 0;
    for (const Head& head : role.second) margin = std::max(margin, head.score - head.baseline);
    return -margin;
  };
  std::ranges::stable_sort(found.roles, {}, clearest);
  return found;
}

/// The sentences of one stack, without its name.
class StackFindings {
 public:
  StackFindings(const Analysis& analysis, const StackAnalysis& stack) : analysis_(analysis), stack_(stack) {}

  std::vector<std::string> all() {
    if (stack_.layers.empty()) return {};
    alignment();
    roles();
    redundancy();
    importance();
    attribution("received");
    attribution("first query");
    locality();
    diversity();
    rollout();
    flow();
    mixing();
    texts();
    pruning();
    return std::move(found_);
  }

 private:
  template <typename... Arguments>
  void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    found_.push_back(
        fmt::format("{}: {}.", stack_.name, fmt::format(text, std::forward<Arguments>(arguments)...)));
  }

  void alignment() {
    if (!stack_.alignment) return;
    const std::vector<RankedHead>& ranked = stack_.alignment->heads;
    double sum = 0;
    Index count = 0;
    std::vector<std::string> best;
    for (const RankedHead& head : ranked) {
      if (std::isnan(head.score)) continue;
      if (head.score == ranked[0].score) best.push_back(head_of(stack_, head.id).name());
      sum += head.score;
      ++count;
    }
    if (count < 2) return;
    if (static_cast<Index>(best.size()) == count) return;  // none is best
    const std::string heads = best.size() == 1 ? "head " + best[0] + " aligns"
                              : best.size() <= 4
                                  ? "heads " + listed(best) + " align"
                                  : fmt::format("{} heads, {} among them, align", best.size(), best[0]);
    say("{} best: {} {}; the mean of {} heads is {}", heads,
        stack_.alignment->by_error_rate ? "error rate (0 is perfect)" : "alignment score (1 is perfect)",
        number(ranked[0].score), count, number(sum / static_cast<double>(count)));
    head_set();
  }
  void head_set() {
    const std::optional<HeadSelectionResult>& selection = stack_.alignment->selection;
    if (!selection || selection->chosen.heads.size() < 2 || std::isnan(selection->held_out.error_rate) ||
        std::isnan(selection->held_out_single.error_rate))
      return;
    std::vector<std::string> names;
    for (const HeadId& id : selection->chosen.heads) names.push_back(head_of(stack_, id).name());
    say("the mean of heads {} aligns with an error rate of {} on the sentences that chose them; so chosen, "
        "expect {} on others, {} of one head alone",
        listed(names), number(selection->chosen.error_rates.back()), number(selection->held_out.error_rate),
        number(selection->held_out_single.error_rate));
  }

  void roles() {
    constexpr std::size_t most = 3;
    const FoundRoles found = found_roles(stack_);
    std::vector<std::string> others;
    for (std::size_t i = 0; i < found.roles.size(); ++i) {
      const auto& [label, heads] = found.roles[i];
      if (i < most)
        say("{}", role_sentence(label, heads, found.judged));
      else
        others.push_back(fmt::format("{} ({})", label, heads.size()));
    }
    if (!others.empty()) say("heads with other roles: {}", fmt::join(others, ", "));
    if (!found.sinks.empty()) say("{}", role_sentence("first token", found.sinks, found.judged));
    if (found.none == found.judged && found.judged > 1)
      say("none of the {} heads passes a test of a role", found.judged);
    else if (found.none > 0)
      say("{} {} no test of a role", share(found.none, found.judged), found.none == 1 ? "passes" : "pass");
  }

  void redundancy() {
    if (!stack_.comparison || stack_.comparison->heads.size() < 2) return;
    const double threshold = RedundancyOptions{}.threshold;
    std::vector<std::vector<Index>> groups = stack_.comparison->redundancy.groups;
    if (groups.empty()) return most_alike(threshold);
    const auto size = [](const std::vector<Index>& group) { return -static_cast<Index>(group.size()); };
    std::ranges::stable_sort(groups, {}, size);
    Index count = 0;
    for (const std::vector<Index>& group : groups) count += static_cast<Index>(group.size());
    std::vector<std::string> told;
    for (std::size_t g = 0; g < std::min<std::size_t>(3, groups.size()); ++g)
      told.push_back(members(groups[g]));
    if (groups.size() > told.size())
      told.push_back(counted(static_cast<Index>(groups.size() - told.size()), "more group", "more groups"));
    say("{} can stand in for one another by their weights, in {} of heads more than {:g} alike (1: the "
        "same): {}",
        share(count, static_cast<Index>(stack_.comparison->heads.size())),
        counted(static_cast<Index>(groups.size()), "group", "groups"), threshold, fmt::join(told, "; "));
  }
  std::string members(const std::vector<Index>& group) const {
    constexpr std::size_t most = 8;
    std::vector<std::string> names;
    for (const Index head : group) names.push_back(compared(head).name());
    if (names.size() <= most) return listed(names);
    const Index more = static_cast<Index>(names.size() - most);
    names.resize(most);
    return fmt::format("{} and {} more", fmt::join(names, ", "), more);
  }
  Head compared(Index head) const {
    return head_of(stack_, stack_.comparison->heads[static_cast<std::size_t>(head)]);
  }
  void most_alike(double threshold) {
    const std::vector<StandIn>& all = stack_.comparison->redundancy.stand_ins;
    std::size_t best = all.size();
    for (std::size_t h = 0; h < all.size(); ++h)
      if (all[h].head && (best == all.size() || all[h].similarity > all[best].similarity)) best = h;
    if (best == all.size()) return;
    say("no two heads are redundant by their weights: {} and {} are the most alike, {} where {:g} would be "
        "redundant and 1 the same",
        compared(static_cast<Index>(best)).name(), compared(*all[best].head).name(),
        number(all[best].similarity), threshold);
  }

  void importance() {
    std::vector<Head> heads;
    double sum = 0;
    Index examples = 0;
    for (const LayerAnalysis& layer : stack_.layers) {
      if (!layer.pooled.importance) continue;
      const Eigen::VectorXd& scores = layer.pooled.importance->mean.per_example;
      examples = layer.pooled.importance->examples;
      for (Index h = 0; h < scores.size(); ++h) {
        if (std::isnan(scores(h))) continue;
        heads.push_back({layer.layer, layer.heads[static_cast<std::size_t>(h)], scores(h)});
        sum += scores(h);
      }
    }
    if (heads.size() < 2 || sum <= 0) return;
    std::ranges::stable_sort(heads, std::ranges::greater(), &Head::score);
    std::vector<std::string> told;
    for (std::size_t h = 0; h < std::min<std::size_t>(3, heads.size() - 1); ++h)
      told.push_back(fmt::format("{} ({})", heads[h].name(), number(heads[h].score)));
    say("most important by gradient (per_example, {}): {} {}; the mean of {} heads is {}",
        counted(examples, "example", "examples"), told.size() == 1 ? "head" : "heads", listed(told),
        heads.size(), number(sum / static_cast<double>(heads.size())));
  }

  /// Counts what the intervals of all layers and batch elements say.
  void attribution(std::string_view readout) {
    if (!stack_.attribution) return;
    Index alike = 0, opposite = 0, open = 0, nothing = 0;
    for (const std::vector<LayerAttribution>& element : stack_.attribution->elements)
      for (const LayerAttribution& layer : element) {
        if (layer.readout != readout) continue;
        const Verdict found = verdict(CorrelationInterval{layer.lower, layer.upper});
        ++(found == Verdict::alike         ? alike
           : found == Verdict::opposite    ? opposite
           : found == Verdict::no_evidence ? open
                                           : nothing);
      }
    const Index all = alike + opposite + open;
    if (all == 0) return;
    const bool batch = stack_.attribution->elements.size() > 1;
    std::string text = fmt::format(
        "attention ({}) and the input gradient order the tokens alike in {} of {}", readout, alike,
        batch ? counted(all, "case", "cases (layers of examples)") : counted(all, "layer", "layers"));
    if (opposite > 0) text += fmt::format(", oppositely in {}", opposite);
    if (open > 0) text += fmt::format(", with no evidence of either in {}", open);
    if (nothing > 0) text += fmt::format("; of {} more nothing can be said", nothing);
    say("{} (by 95 % intervals: where there is nothing, 1 in 20 shows an order by chance)", text);
  }

  void locality() {
    const auto local = [](const LayerAnalysis& layer) {
      return layer.pooled.locality && std::isfinite(layer.pooled.locality->locality_score);
    };
    const LayerAnalysis &first = stack_.layers.front(), &last = stack_.layers.back();
    if (!local(first) || !local(last)) return;
    const LocalityResult &a = *first.pooled.locality, &b = *last.pooled.locality;
    if (std::min(a.uniform_locality, b.uniform_locality) > .995) return;  // the window covers the text
    const std::string near = counted(analysis_.window, "token", "tokens");
    if (stack_.layers.size() == 1) {
      say("{} of the weight of layer {} is within {}; uniform attention would have {}",
          number(a.locality_score), first.layer, near, number(a.uniform_locality));
      return;
    }
    const double change = b.locality_score - a.locality_score;
    const std::string how = std::abs(change) < .05 ? "about as local as"
                            : change < 0           ? "less local than"
                                                   : "more local than";
    say("the last layer is {} the first: {} of the weight is within {} in layer {}, {} in layer {}; uniform "
        "attention would have {}",
        how, number(a.locality_score), near, first.layer, number(b.locality_score), last.layer,
        range(std::min(a.uniform_locality, b.uniform_locality),
              std::max(a.uniform_locality, b.uniform_locality)));
  }

  /// The layers with the largest and the least of a number; false unless two differ as they are written.
  template <typename Value>
  bool extremes(const Value& value, Head& most, Head& least) const {
    for (const LayerAnalysis& layer : stack_.layers) {
      const double own = value(layer);
      if (std::isnan(own)) continue;
      if (std::isnan(most.score) || own > most.score) most = {layer.layer, 0, own};
      if (std::isnan(least.score) || own < least.score) least = {layer.layer, 0, own};
    }
    return !std::isnan(most.score) && number(most.score) != number(least.score);
  }
  void diversity() {
    const auto value = [](const LayerAnalysis& layer) {
      return layer.pooled.similarity.diversity_score.value_or(undefined);
    };
    Head most, least;
    if (extremes(value, most, least))
      say("heads differ most in layer {} (diversity {}; 0: all alike) and least in layer {} ({})", most.layer,
          number(most.score), least.layer, number(least.score));
  }
  void mixing() {
    const auto value = [](const LayerAnalysis& layer) {
      return layer.values ? layer.values->mixing.mixing_ratio : undefined;
    };
    Head most, least;
    if (extremes(value, most, least))
      say("by the norms of values, tokens mix most in layer {} (ratio {}; 0.5: others weigh as much as the "
          "token itself) and least in layer {} ({})",
          most.layer, number(most.score), least.layer, number(least.score));
  }

  /// [input] its mean share of the top rows, beside what it would have if each row drew alike on all inputs
  /// that reach it.
  struct InputShares {
    Eigen::VectorXd share, equal;

    explicit InputShares(const Eigen::MatrixXd& map)
        : share(map.colwise().mean()), equal(Eigen::VectorXd::Zero(map.cols())) {
      const Eigen::MatrixXd reach = (map.array() > 0).cast<double>();
      for (Index i = 0; i < map.rows(); ++i)
        if (const double count = reach.row(i).sum(); count > 0)
          equal += reach.row(i).transpose() / (count * static_cast<double>(map.rows()));
    }
  };
  void rollout() {
    if (!stack_.flow) return;
    const std::vector<Eigen::MatrixXd>& maps = stack_.flow->rollout;
    Index first = 0, count = 0, best = 0;
    double share = 0, equal = 0;
    for (const Eigen::MatrixXd& map : maps) {
      if (map.rows() < 2 || map.cols() < 2) continue;
      const InputShares shares(map);
      shares.share.maxCoeff(&best);
      first += best == 0;
      ++count;
      const Index told = maps.size() == 1 ? best : 0;
      share += shares.share(told);
      equal += shares.equal(told);
    }
    if (count == 0) return;
    const std::string token = best == 0 ? "the first token" : fmt::format("token {}, counted from 0", best);
    const std::string which = maps.size() == 1 ? token
                                               : fmt::format("the first token in {} of {}", first,
                                                             counted(count, "example", "examples"));
    say("by rollout the top draws most on {}: a share of {}{}, where it would be {} if each token drew alike "
        "on all that reach it",
        which, number(share / static_cast<double>(count)), maps.size() == 1 ? "" : " on average",
        number(equal / static_cast<double>(count)));
  }
  void flow() {
    if (!stack_.flow) return;
    double sum = 0;
    Index count = 0;
    for (const AttentionFlowResult& element : stack_.flow->flow) {
      if (!element.trivial_share || element.flow.rows() < 2) continue;
      sum += *element.trivial_share;
      ++count;
    }
    if (count > 0)
      say("by attention flow, {} of the pairs of tokens are limited by no more than what leaves the upper or "
          "enters the lower one; the layers between limit the others",
          number(sum / static_cast<double>(count)));
  }

  /// What the two texts of a pair give each other, mean over all heads of all layers.
  void texts() {
    Eigen::Vector2d mass = Eigen::Vector2d::Zero(), uniform = Eigen::Vector2d::Zero();
    double heads = 0;
    for (const LayerAnalysis& layer : stack_.layers) {
      if (!layer.groups || layer.groups->names.size() < 2 || layer.groups->names[1] != "second text") return;
      for (const Eigen::MatrixXd& head : layer.groups->mass) {
        mass += Eigen::Vector2d(head(0, 1), head(1, 0));
        uniform += Eigen::Vector2d(layer.groups->uniform_mass(0, 1), layer.groups->uniform_mass(1, 0));
        ++heads;
      }
    }
    mass /= heads;
    uniform /= heads;
    if (!mass.allFinite()) return;
    say("the first text gives {} of its weight to the second, the second {} to the first, mean over all "
        "heads; uniform attention would give {} and {}",
        number(mass(0)), number(mass(1)), number(uniform(0)), number(uniform(1)));
  }

  void pruning() {
    if (!stack_.pruning || stack_.pruning->order.empty()) return;
    const PruningPlan& plan = *stack_.pruning;
    std::vector<std::string> first;
    for (std::size_t h = 0; h < std::min<std::size_t>(3, plan.order.size()); ++h)
      first.push_back(head_of(stack_, plan.order[h]).name());
    const Index gone = static_cast<Index>(plan.order.size());
    std::string asked;
    if (gone < plan.asked) asked = fmt::format(" ({} were asked for)", plan.asked);
    say("the plan of pruning removes {} of {} heads{}, first {}", gone, count_heads(stack_), asked,
        listed(first));
  }

  const Analysis& analysis_;
  const StackAnalysis& stack_;
  std::vector<std::string> found_;
};

}  // namespace detail::finding

/// What the numbers of a report say, in English sentences that start with the stack's name: "self: 4 of 8
/// heads attend to the previous token: layer 0 heads 0-3 (weight 0.93 to 0.98; by chance 0.05)." Of each
/// stack the most telling first, about a dozen; each number stands beside what it is compared with. Layers
/// and heads are the model's, "1.3" is head 3 of layer 1. What is undefined, or was not computed, is not
/// told; an analysis without layers has no findings. Numbers are over the whole batch.
inline std::vector<std::string> findings(const Analysis& analysis) {
  std::vector<std::string> all;
  for (const StackAnalysis& stack : analysis.stacks)
    std::ranges::move(detail::finding::StackFindings(analysis, stack).all(), std::back_inserter(all));
  return all;
}

}  // namespace attnscope

#pragma once
#include <attnscope/flow/capacity_grid.hpp>

#include <limits>

namespace attnscope::detail {

/// sum over k of min(a_k, b_k): what passes through nodes that take a_k and give b_k.
template <typename A, typename B>
double sum_of_minima(const A& a, const B& b) {
  return a.cwiseMin(b).sum();
}

/// Layers first .. last-1 as a flow downwards: from level `last` to level `first`.
inline std::vector<const Arcs*> layers_down(const CapacityGrid& grid, Index first, Index last) {
  std::vector<const Arcs*> layers;
  for (Index l = first; l < last; ++l) layers.push_back(&grid.down(l));
  return layers;
}
/// The same layers as a flow upwards: from level `first` to level `last`.
inline std::vector<const Arcs*> layers_up(const CapacityGrid& grid, Index first, Index last) {
  std::vector<const Arcs*> layers;
  for (Index l = last; l-- > first;) layers.push_back(&grid.up(l));
  return layers;
}

/// Maximum flows through layers of arcs into one sink below them, for one supply of the top level after the
/// other. Each solve starts from the flow of the one before: where the supply of a node has grown, the node
/// gets an excess; where it has shrunk, a deficit, which stands for flow that nobody feeds any longer. What
/// counts is the inflow of the sink minus the deficits. While excess can reach the sink or a deficit along
/// arcs that are not full, or back along arcs that carry flow, it is moved there, along shortest ways. When
/// none can, the flow is maximal: the nodes that reach the sink or a deficit are one side of a minimum cut.
///
/// Everything is a whole number of units, so a value is exact whatever was solved before it. Which nodes
/// reach what is searched on bits, 64 nodes a step; a solve usually moves excess over a few hundred arcs near
/// the top, where neighbours' supplies differ. Memory: layers tokens^2 numbers.
class SinkFlow {
 public:
  /// layers[h] leads from level h + 1 to level h; without layers the supply feeds the sink's own level.
  SinkFlow(const std::vector<const Arcs*>& layers, Index tokens)
      : top_(static_cast<Index>(layers.size())),
        tokens_(tokens),
        excess_(Rows::Zero(top_ + 1, tokens)),
        supply_(Eigen::RowVectorXd::Zero(tokens)),
        deficit_(supply_),
        has_excess_(top_ + 1, tokens),
        has_deficit_(1, tokens),
        sink_open_(1, tokens),
        reached_(has_excess_),
        between_(has_excess_) {
    for (const Arcs* arcs : layers)
      layers_.push_back({arcs, Rows::Zero(tokens, tokens), {}, {}, BitMatrix(tokens, tokens), {}});
  }

  /// [level x token] at most what each node alone can deliver to the sink.
  Rows limits(const Eigen::RowVectorXd& sink) const {
    Rows limits(top_ + 1, tokens_);
    limits.row(0) = sink;
    for (Index h = 0; h < top_; ++h)
      for (Index k = 0; k < tokens_; ++k)
        limits(h + 1, k) = sum_of_minima(layer(h).arcs->capacity.row(k), limits.row(h));
    return limits;
  }
  /// Starts over with a sink that takes sink(k) from node k of level 0. limits: see limits(), or anything
  /// that is nearer to the truth. A node takes no supply beyond its limit.
  void open(const Eigen::RowVectorXd& sink, const Rows& limits) {
    for (Layer& layer : layers_) layer.clear();
    excess_.setZero();
    has_excess_.clear();
    supply_.setZero();
    deficit_.setZero();
    has_deficit_.clear();
    inflow_ = deficits_ = supplied_ = 0;
    sink_ = sink;
    sink_total_ = sink.sum();
    supply_limit_ = limits.row(top_);
    reaches_sink_ = positive(limits);
    between_.clear();
    sink_open_ = positive(sink);
  }
  void open(const Eigen::RowVectorXd& sink) { open(sink, limits(sink)); }

  /// The maximum flow when node k of the top level is given supply(k). bound: a value that it cannot exceed,
  /// if one is known; it saves the proof where the flow gets there.
  template <typename Supply>
  double solve(const Supply& supply, double bound = std::numeric_limits<double>::infinity()) {
    change_supply(supply);
    reach_from_supply();
    bound = std::min({bound, supplied_, sink_total_});
    while (value() < bound && label(std::min(bound - value(), excess())) > 0) push();
    return value();
  }
  /// [level x token] the nodes on the sink's side of a minimum cut, after a solve: all that could still send
  /// something to the sink, whether or not the supply reaches them. No minimum cut has a smaller such side.
  /// The limits hide no cut: a node that is given as much as it can deliver alone adds nothing with more.
  BitMatrix sink_side() {
    label(std::numeric_limits<double>::infinity());
    BitMatrix side = reaches_sink_;
    for (Index h = 0; h <= top_; ++h)
      for (Index w = 0; w < side.words(); ++w) side.row(h)[w] &= ~unlabelled_.row(h)[w];
    return side;
  }

  // What the last solve left: at every node what comes in is what goes out and what stays. To the top level
  // come the supply and the deficit.
  /// [from x to] on the arcs from level h + 1 to level h.
  const Rows& flow(Index h) const { return layer(h).flow; }
  /// [level x token] what stays.
  const Rows& stays() const { return excess_; }
  /// [token] of the top level.
  const Eigen::RowVectorXd& supply() const { return supply_; }
  const Eigen::RowVectorXd& deficit() const { return deficit_; }
  /// [token] what the sink still takes from level 0.
  const Eigen::RowVectorXd& sink_room() const { return sink_; }

 private:
  struct Layer {
    const Arcs* arcs;
    Rows flow;         // [from x to]
    BitMatrix room;    // [from x to] the arcs that are not full
    BitMatrix entry;   // [to x from] the same
    BitMatrix used;    // [from x to] the arcs that carry flow
    BitMatrix origin;  // [to x from] the same

    void clear() {
      for (Index k = 0; k < used.rows(); ++k) used.for_each(k, [&](Index q) { flow(k, q) = 0; });
      room = arcs->out;
      entry = arcs->in;
      used.clear();
      origin = used;
    }
    void add(Index from, Index to, double amount) {
      double& f = flow(from, to);
      if (f == 0) {
        used.set(from, to);
        origin.set(to, from);
      }
      f += amount;
      if (f == arcs->capacity(from, to)) {
        room.clear(from, to);
        entry.clear(to, from);
      }
    }
    void take(Index from, Index to, double amount) {
      double& f = flow(from, to);
      room.set(from, to);
      entry.set(to, from);
      f -= amount;
      if (f == 0) {
        used.clear(from, to);
        origin.clear(to, from);
      }
    }
  };

  /// The nodes at one distance from the sink.
  struct Labels {
    BitMatrix nodes;            // [level x token]
    std::vector<Index> levels;  // where there are any
  };

  const Layer& layer(Index h) const { return layers_[static_cast<std::size_t>(h)]; }
  Layer& layer(Index h) { return layers_[static_cast<std::size_t>(h)]; }
  Labels& labels(Index distance) { return labels_[static_cast<std::size_t>(distance)]; }

  template <typename Numbers>
  static BitMatrix positive(const Numbers& numbers) {
    BitMatrix bits(numbers.rows(), numbers.cols());
    for (Index r = 0; r < numbers.rows(); ++r)
      for (Index c = 0; c < numbers.cols(); ++c)
        if (numbers(r, c) > 0) bits.set(r, c);
    return bits;
  }
  double value() const { return inflow_ - deficits_; }
  double excess() const { return supplied_ - value(); }

  template <typename Supply>
  void change_supply(const Supply& supply) {
    for (Index k = 0; k < tokens_; ++k) {
      const double now = std::min(supply(k), supply_limit_(k)), change = now - supply_(k);
      if (change == 0) continue;
      supply_(k) = now;
      supplied_ += change;
      if (change > 0) {
        reached_.set(top_, k);
        const double filled = fill_deficit(k, change);
        if (change > filled) add_excess(top_, k, change - filled);
      } else {
        const double spare = std::min(-change, excess_(top_, k));
        if (spare > 0) set_excess(top_, k, excess_(top_, k) - spare);
        if (-change > spare) add_deficit(k, -change - spare);
      }
    }
  }
  /// Adds what lies between the nodes that have been given supply and the sink; no flow was ever elsewhere.
  void reach_from_supply() {
    for (Index h = top_; h >= 0; --h)
      for (Index w = 0; w < reached_.words(); ++w) {
        const Word fresh = reached_.row(h)[w] & reaches_sink_.row(h)[w] & ~between_.row(h)[w];
        reached_.row(h)[w] = 0;
        between_.row(h)[w] |= fresh;
        if (h > 0)
          for_each_bit(fresh, w * BitMatrix::word_bits, [&](Index k) {
            const Word* arcs = layer(h - 1).arcs->out.row(k);
            for (Index v = 0; v < reached_.words(); ++v) reached_.row(h - 1)[v] |= arcs[v];
          });
      }
  }
  void set_excess(Index h, Index k, double amount) {
    excess_(h, k) = amount;
    if (amount == 0) has_excess_.clear(h, k);
  }
  void add_excess(Index h, Index k, double amount) {
    excess_(h, k) += amount;
    has_excess_.set(h, k);
  }
  void add_deficit(Index k, double amount) {
    deficit_(k) += amount;
    deficits_ += amount;
    has_deficit_.set(0, k);
  }
  double fill_deficit(Index k, double most) {
    const double amount = std::min(most, deficit_(k));
    deficit_(k) -= amount;
    deficits_ -= amount;
    if (deficit_(k) == 0) has_deficit_.clear(0, k);
    return amount;
  }

  /// Labels the nodes by their distance from the sink or a deficit, nearest first, until at least `enough`
  /// excess is labelled or nothing is left to label. The excess that is.
  double label(double enough) {
    unlabelled_ = between_;
    BitMatrix& deficits = fresh_labels(0).nodes;
    move(has_deficit_.row(0), unlabelled_.row(top_), deficits.row(top_));
    double found = collect(0);
    for (farthest_ = 0; found < enough; ++farthest_) {
      BitMatrix& next = fresh_labels(farthest_ + 1).nodes;
      const Labels& here = labels(farthest_);
      if (farthest_ == 0) move(sink_open_.row(0), unlabelled_.row(0), next.row(0));
      for (const Index h : here.levels) {
        const Word* frontier = here.nodes.row(h);
        if (h < top_)
          expand(frontier, layer(h).entry, layer(h).room, unlabelled_.row(h + 1), next.row(h + 1));
        if (h > 0)
          expand(frontier, layer(h - 1).used, layer(h - 1).origin, unlabelled_.row(h - 1), next.row(h - 1));
      }
      found += collect(farthest_ + 1);
      if (labels(farthest_ + 1).levels.empty()) break;
    }
    return found;
  }
  Labels& fresh_labels(Index distance) {
    if (distance == static_cast<Index>(labels_.size())) labels_.push_back({BitMatrix(top_ + 1, tokens_), {}});
    Labels& labels = labels_[static_cast<std::size_t>(distance)];
    for (const Index h : labels.levels) std::fill_n(labels.nodes.row(h), labels.nodes.words(), Word{0});
    labels.levels.clear();
    return labels;
  }
  /// Notes the levels of the nodes at this distance, and adds up their excess.
  double collect(Index distance) {
    auto& [nodes, levels] = labels(distance);
    double found = 0;
    for (Index h = 0; h <= top_; ++h) {
      Word any = 0;
      for (Index w = 0; w < nodes.words(); ++w) {
        any |= nodes.row(h)[w];
        for_each_bit(nodes.row(h)[w] & has_excess_.row(h)[w], w * BitMatrix::word_bits,
                     [&](Index k) { found += excess_(h, k); });
      }
      if (any != 0) levels.push_back(h);
    }
    return found;
  }
  /// found |= the unlabelled ones among `these`, which are unlabelled no longer.
  void move(const Word* these, Word* unlabelled, Word* found) const {
    for (Index w = 0; w < has_deficit_.words(); ++w) {
      found[w] |= these[w] & unlabelled[w];
      unlabelled[w] &= ~these[w];
    }
  }
  /// Moves the unlabelled nodes with an arc into the frontier to `found`: those before each node of the
  /// frontier, or those behind which one of the frontier stands, whichever are fewer to look at.
  void expand(const Word* frontier, const BitMatrix& before, const BitMatrix& behind, Word* unlabelled,
              Word* found) const {
    const Index words = before.words(), fresh = count_bits(frontier, words);
    if (fresh == 0) return;
    if (fresh <= count_bits(unlabelled, words)) {
      for (Index w = 0; w < words; ++w)
        for_each_bit(frontier[w], w * BitMatrix::word_bits,
                     [&](Index q) { move(before.row(q), unlabelled, found); });
      return;
    }
    for (Index w = 0; w < words; ++w)
      for_each_bit(unlabelled[w], w * BitMatrix::word_bits, [&](Index k) {
        const Word* targets = behind.row(k);
        for (Index v = 0; v < words; ++v)
          if ((targets[v] & frontier[v]) != 0) {
            const Word bit = Word{1} << (k % BitMatrix::word_bits);
            found[w] |= bit;
            unlabelled[w] &= ~bit;
            return;
          }
      });
  }

  /// One wave: all labelled excess moves on, from the farthest nodes to the nearest, each time to a node one
  /// step nearer.
  void push() {
    for (Index d = farthest_; d > 0; --d) {
      const Labels& here = labels(d);
      for (const Index h : here.levels)
        for (Index w = 0; w < here.nodes.words(); ++w)
          for_each_bit(here.nodes.row(h)[w] & has_excess_.row(h)[w], w * BitMatrix::word_bits,
                       [&](Index k) { discharge(d, h, k); });
    }
  }
  void discharge(Index distance, Index h, Index k) {
    double left = excess_(h, k);
    const BitMatrix& nearer = labels(distance - 1).nodes;
    if (distance == 1 && h == 0) left -= into_sink(k, left);
    if (distance > 1 && h > 0) left = push_down(h, k, left, nearer.row(h - 1));
    if (h < top_) left = push_back(h, k, left, nearer.row(h + 1), distance == 1);
    set_excess(h, k, left);
  }
  double into_sink(Index k, double most) {
    const double amount = std::min(most, sink_(k));
    sink_(k) -= amount;
    inflow_ += amount;
    if (sink_(k) == 0) sink_open_.clear(0, k);
    return amount;
  }
  /// Along arcs that are not full; what is left.
  double push_down(Index h, Index k, double left, const Word* targets) {
    Layer& below = layer(h - 1);
    for (Index w = 0; w < below.room.words() && left > 0; ++w)
      for (Word open = targets[w] & below.room.row(k)[w]; open != 0 && left > 0; open &= open - 1) {
        const Index q = w * BitMatrix::word_bits + std::countr_zero(open);
        const double amount = std::min(left, below.arcs->capacity(k, q) - below.flow(k, q));
        below.add(k, q, amount);
        add_excess(h - 1, q, amount);
        left -= amount;
      }
    return left;
  }
  /// Back along arcs that carry flow, into deficits or to nodes that must find another way; what is left.
  double push_back(Index h, Index k, double left, const Word* targets, bool into_deficits) {
    Layer& above = layer(h);
    for (Index w = 0; w < above.origin.words() && left > 0; ++w)
      for (Word open = targets[w] & above.origin.row(k)[w]; open != 0 && left > 0; open &= open - 1) {
        const Index p = w * BitMatrix::word_bits + std::countr_zero(open);
        double amount = std::min(left, above.flow(p, k));
        if (into_deficits)
          amount = fill_deficit(p, amount);
        else
          add_excess(h + 1, p, amount);
        if (amount == 0) continue;
        above.take(p, k, amount);
        left -= amount;
      }
    return left;
  }

  Index top_, tokens_;
  std::vector<Layer> layers_;
  Rows excess_;                                      // [level x token]
  Eigen::RowVectorXd sink_, supply_, supply_limit_;  // what the sink still takes; what the top level gets
  Eigen::RowVectorXd deficit_;                       // of the top level
  BitMatrix has_excess_, has_deficit_, sink_open_;   // where the above are above 0
  // [level x token]: from where the sink can be reached at all; what the supply reaches but is not yet among
  // the next; the nodes between the supplies so far and the sink; those of them without a label.
  BitMatrix reaches_sink_, reached_, between_, unlabelled_;
  std::vector<Labels> labels_;  // [distance]
  Index farthest_ = 0;
  double inflow_ = 0, deficits_ = 0, supplied_ = 0, sink_total_ = 0;
};

}  // namespace attnscope::detail

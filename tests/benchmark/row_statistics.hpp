#pragma once
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/heads/sink.hpp>

namespace attnscope {

/// What a reader asks of single heads first, in one sweep.
struct RowStatistics {
  EntropyMeasure entropy{};
  ConfidenceMeasure confidence{};
  LocalityMeasure locality{};
  SinkMeasure sink{};
  ReceivedMeasure received{};

  template <typename Source, typename... More>
  static RowStatistics of(const Source& attention, int threads, More&... more) {
    RowStatistics all;
    sweep(attention, SweepOptions{.threads = threads}, all.entropy, all.confidence, all.locality, all.sink,
          all.received, more...);
    return all;
  }
  /// [head x number]
  Eigen::MatrixXd numbers() const {
    const auto near = locality.result();
    Eigen::MatrixXd all(near.locality.size(), 5);
    all << entropy.result().entropies, confidence.result().confidence, near.locality, near.mean_distance,
        sink.result().sink_mass;
    return all;
  }
  /// [head x key], of the first example
  Eigen::MatrixXd columns() const { return received.result().received.at(0); }
};

}  // namespace attnscope

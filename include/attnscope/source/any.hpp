#pragma once
#include <attnscope/source/source.hpp>

#include <memory>
#include <variant>

namespace attnscope {

namespace detail {
template <typename S, typename Any>
concept Erasable =
    !std::same_as<S, Any> && AttentionSource<S> && std::same_as<typename S::Weight, typename Any::Weight>;
}  // namespace detail

/// Any source of this Weight behind one type: for code that learns at run time what it is given (a file), and
/// for libraries that do not want templates in their interface. One virtual call a block; the weights are not
/// copied.
template <typename WeightType>
class AnyAttention {
 public:
  using Weight = WeightType;

  class Reader {
   public:
    Block<Weight> read(Index example, Range queries) { return held_->read(example, queries); }
    bool reads_heads() const { return held_->reads_heads(); }
    Block<Weight> read(Index example, Range queries, Range heads) {
      return held_->read(example, queries, heads);
    }
    bool summarises() const { return held_->summarises(); }
    RowSummaries<Weight> summarise(Index example, Index head, Range queries, SummaryParts parts) {
      return held_->summarise(example, head, queries, parts);
    }
    Block<Weight> read(Index example, Range queries, std::vector<RowSummary>& summaries) {
      return held_->read(example, queries, summaries);
    }

   private:
    friend AnyAttention;
    struct Held {
      virtual ~Held() = default;
      virtual Block<Weight> read(Index example, Range queries) = 0;
      virtual bool reads_heads() const = 0;
      virtual Block<Weight> read(Index example, Range queries, Range heads) = 0;
      virtual bool summarises() const = 0;
      virtual RowSummaries<Weight> summarise(Index example, Index head, Range queries,
                                             SummaryParts parts) = 0;
      virtual Block<Weight> read(Index example, Range queries, std::vector<RowSummary>& summaries) = 0;
    };
    explicit Reader(std::unique_ptr<Held> held) : held_(std::move(held)) {}
    std::unique_ptr<Held> held_;
  };

  /// owner: whatever must live as long as the source is used, such as a mapped file.
  template <detail::Erasable<AnyAttention> S>
  explicit AnyAttention(S source, std::shared_ptr<const void> owner = nullptr)
      : held_(new Held<S>(std::move(source), std::move(owner))) {}  // make_shared compiles twice as long

  const Layout& layout() const { return held_->layout(); }
  Reader reader() const { return held_->reader(); }

 private:
  struct HeldBase {
    virtual ~HeldBase() = default;
    virtual const Layout& layout() const = 0;
    virtual Reader reader() const = 0;
  };
  template <typename S>
  struct Held final : HeldBase {
    struct HeldReader final : Reader::Held {
      explicit HeldReader(const S& source) : inner(source.reader()) {}
      Block<Weight> read(Index example, Range queries) override { return inner.read(example, queries); }
      bool reads_heads() const override {
        if constexpr (HeadReader<Inner, Weight>) return inner.reads_heads();
        return false;
      }
      Block<Weight> read(Index example, Range queries, Range heads) override {
        if constexpr (HeadReader<Inner, Weight>) return inner.read(example, queries, heads);
        throw Error("this source does not read single heads");  // a caller has to ask first
      }
      bool summarises() const override {
        if constexpr (can_summarise) return inner.summarises();
        return false;
      }
      RowSummaries<Weight> summarise(Index example, Index head, Range queries, SummaryParts parts) override {
        if constexpr (can_summarise) return inner.summarise(example, head, queries, parts);
        throw Error("this source does not summarise");
      }
      Block<Weight> read(Index example, Range queries, std::vector<RowSummary>& summaries) override {
        if constexpr (can_summarise) return inner.read(example, queries, summaries);
        throw Error("this source does not summarise");
      }
      using Inner = decltype(std::declval<const S&>().reader());
      static constexpr bool can_summarise = SummarisingReader<Inner, Weight>;
      Inner inner;
    };
    Held(S held, std::shared_ptr<const void> keep) : source(std::move(held)), owner(std::move(keep)) {}
    const Layout& layout() const override { return source.layout(); }
    Reader reader() const override { return AnyAttention::read_with(std::make_unique<HeldReader>(source)); }
    S source;
    std::shared_ptr<const void> owner;
  };
  static Reader read_with(std::unique_ptr<typename Reader::Held> held) { return Reader(std::move(held)); }

  std::shared_ptr<const HeldBase> held_;
};

/// @cond
template <AttentionSource S>
AnyAttention(S, std::shared_ptr<const void> = nullptr) -> AnyAttention<typename S::Weight>;
/// @endcond

/// Attention whose precision is known at run time alone (a file, somebody else's tensor): 16-bit and 32-bit
/// weights arrive as float, 64-bit ones as double. std::visit takes it to any function of the library.
using LoadedAttention = std::variant<AnyAttention<float>, AnyAttention<double>>;

/// A layer of a stack: attention whose precision is known, or that of a file.
template <typename L>
concept StackLayer = Attention<L> || std::same_as<L, LoadedAttention>;

namespace detail {

/// act(attention), whatever its precision.
template <StackLayer Layer, typename Act>
decltype(auto) with_layer(const Layer& layer, const Act& act) {
  if constexpr (Attention<Layer>)
    return act(layer);
  else
    return std::visit(act, layer);
}

}  // namespace detail

}  // namespace attnscope

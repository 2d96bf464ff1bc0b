#include <attnscope/report/corpus_report.hpp>

#include "corpus/made_corpus.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
CorpusReport made_report() {
  CorpusStatistics all = test::made_part(0, test::made_examples);
  all.leave_out({{60, 0}, "bad, file", "no reason"});
  return {{{{"window", "3"}}}, std::move(all)};
}
nlohmann::json parsed() { return nlohmann::json::parse(corpus_report_json(made_report())); }
Index lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
/// The fields of the line that begins so.
std::vector<std::string> line_of(const std::string& csv, const std::string& beginning) {
  const std::size_t at = csv.find("\n" + beginning + ",");
  REQUIRE(at != csv.npos);
  std::vector<std::string> fields{""};
  for (std::size_t i = at + beginning.size() + 2; csv[i] != '\r'; ++i)
    if (csv[i] == ',')
      fields.emplace_back();
    else
      fields.back() += csv[i];
  return fields;
}
}  // namespace

TEST_CASE("heads.csv says of each number, head and length what the state knows") {
  const CorpusReport report = made_report();
  const std::string csv = corpus_heads_csv(report);
  CHECK(csv.starts_with(
      "stack,layer,head,number,tokens,count,mean,standard_deviation,standard_error,lower,upper,"
      "q05,q25,median,q75,q95,smallest,largest,smallest_example,largest_example\r\n"));
  CHECK(lines(csv) == 1 + 5 * (6 + 6 + 2));
  const NumberStatistics& sizes = report.total.numbers.at(test::size);
  const std::vector<std::string> line = line_of(csv, "self,1,2,size,all");
  CHECK(std::stod(line[0]) == 60);
  CHECK(std::stod(line[1]) == sizes.mean()(1, 2));
  CHECK(std::stod(line[3]) == sizes.standard_error()(1, 2));
  CHECK(std::stod(line[4]) == sizes.interval_of_mean(1, 2).lower);
  CHECK(std::stod(line[5]) == sizes.interval_of_mean(1, 2).upper);
  CHECK(std::stod(line[8]) == sizes.quantile(.5)(1, 2));
  CHECK(std::stod(line[12]) == sizes.largest()(1, 2));
  CHECK(line[14] == report.statistics.name_of(sizes.largest_at(1, 2)));
  const Eigen::ArrayXXd of_length = report.statistics.buckets().at(16).numbers.at(test::whole_layer).mean();
  CHECK(std::stod(line_of(csv, "self,1,,of the layer,16")[1]) == of_length(1, 0));
}

TEST_CASE("roles.csv says how many examples, and how sure") {
  const CorpusReport report = made_report();
  const std::string csv = corpus_roles_csv(report);
  const CategoryStatistics& roles = report.total.categories.at(test::role);
  const std::vector<std::string> head = line_of(csv, "self,1,0,near,all"),
                                 layer = line_of(csv, "self,1,,near,all");
  CHECK(std::stod(head[0]) == roles.counts("near")(1, 0));
  CHECK(std::stod(head[1]) == roles.counts()(1, 0));
  CHECK(std::stod(head[3]) == wilson_interval(roles.counts("near")(1, 0), roles.counts()(1, 0)).lower);
  CHECK(std::stod(layer[2]) == roles.layer_share("near")(1));
  CHECK(std::stod(layer[4]) == roles.interval_of_layer_share("near", 1).upper);
}

TEST_CASE("report.json holds the run, what is left out, and every table") {
  const nlohmann::json json = parsed();
  CHECK(json["format"] == "attnscope-corpus/1");
  CHECK(json["run"]["window"] == "3");
  CHECK(json["fingerprint"] == made_report().run.fingerprint());
  CHECK(json["examples"] == 60);
  CHECK(json["left_out"] == nlohmann::json::parse(R"([{"file": "bad, file", "reason": "no reason"}])"));
  CHECK(json["lengths"].size() == 4);
  CHECK(json["lengths"][1]["most_tokens"] == 16);
  const auto total = made_report().total;
  const nlohmann::json& share = json["stacks"]["self"]["numbers"]["share"];
  CHECK(share["all"]["mean"][1][2] == total.numbers.at(test::share).mean()(1, 2));
  CHECK(share["16"]["count"][0][0] == 7);
  CHECK(share["all"]["largest_example"][0][0].get<std::string>().starts_with("example "));
  CHECK(json["stacks"]["self"]["roles"]["all"]["near"][1]["share"] ==
        total.categories.at(test::role).layer_share("near")(1));
}

TEST_CASE("findings name the role that most heads of a layer have, with its interval") {
  const std::vector<std::string> all = findings(made_report());
  REQUIRE(all.size() == 3);
  const CorpusReport report = made_report();
  const CategoryStatistics& roles = report.total.categories.at(test::role);
  const ConfidenceInterval interval = roles.interval_of_layer_share("near", 0);
  CHECK(all[0] ==
        fmt::format("self layer 0: {:.0f} % ({:.0f} to {:.0f} %) of the heads are \"near\", more than "
                    "anything else that is a role.",
                    100 * roles.layer_share("near")(0), 100 * interval.lower, 100 * interval.upper));
  CHECK(all[2] == "self: 2 of 6 heads have the same role in nine of ten examples, or more.");
}

TEST_CASE("a corpus of one example has no intervals, and says so") {
  CorpusStatistics one({.replicates = 0});
  one.add(test::made_example(1));
  const CorpusReport report({}, std::move(one));
  CHECK(findings(report)[0].find("%  of") == std::string::npos);
  CHECK(findings(report)[0].find("nan") == std::string::npos);
  CHECK(corpus_heads_csv(report).find("nan") == std::string::npos);
  CHECK(nlohmann::json::parse(
            corpus_report_json(report))["stacks"]["self"]["numbers"]["size"]["all"]["lower"][0][0]
            .is_null());
}

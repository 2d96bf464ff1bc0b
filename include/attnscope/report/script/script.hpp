#pragma once
#include <attnscope/report/script/alignment.hpp>
#include <attnscope/report/script/controls.hpp>
#include <attnscope/report/script/data.hpp>
#include <attnscope/report/script/heads.hpp>
#include <attnscope/report/script/layers.hpp>
#include <attnscope/report/script/maps.hpp>
#include <attnscope/report/script/model.hpp>
#include <attnscope/report/script/overview.hpp>
#include <attnscope/report/script/start.hpp>

#include <string>

namespace attnscope::detail {

/// The script of the page: its parts in one scope, so that nothing becomes global.
inline std::string page_script() {
  std::string script = "(function () {\n\"use strict\";\n";
  for (const std::string_view part :
       {data_script, controls_script, maps_script, overview_script, heads_script, model_script, layers_script,
        alignment_script, start_script})
    script += part;
  return script + "})();\n";
}

}  // namespace attnscope::detail

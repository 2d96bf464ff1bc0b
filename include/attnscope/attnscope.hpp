#pragma once
// Everything that needs Eigen and fmt alone.
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/query_key.hpp>
#include <attnscope/source/rewritten.hpp>
#include <attnscope/source/stored.hpp>
#include <attnscope/sweep.hpp>
#include <attnscope/validate.hpp>

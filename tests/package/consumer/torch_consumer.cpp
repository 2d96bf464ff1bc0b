#include <attnscope/adapter/torch.hpp>

int main() { return at::TensorBase().defined() ? 1 : 0; }

#pragma once
// Mean Jensen-Shannon distances between the six heads of make_distances.py, as scipy gives them.
#include <Eigen/Core>

namespace attnscope::test {

inline Eigen::MatrixXd reference_distances() {
  Eigen::MatrixXd sums(6, 6);
  sums << 0, 3.24572399803, 2.73069083669, 2.65133732656, 3.30289289024, 2.71658016312,  //
      3.24572399803, 0, 3.30347682341, 2.71380518666, 2.73379851767, 3.18251670906,      //
      2.73069083669, 3.30347682341, 0, 3.29086404183, 2.48395410281, 0.121624541103,     //
      2.65133732656, 2.71380518666, 3.29086404183, 0, 4.00878633747, 3.09337979553,      //
      3.30289289024, 2.73379851767, 2.48395410281, 4.00878633747, 0, 2.2545250554,       //
      2.71658016312, 3.18251670906, 0.121624541103, 3.09337979553, 2.2545250554, 0;
  return sums / 11;
}

}  // namespace attnscope::test

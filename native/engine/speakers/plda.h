// Embeddings as features in which speakers are told apart best (Ioffe, 2006, Probabilistic linear discriminant
// analysis).
#pragma once

#include <vector>

namespace agora {

// The numbers as published with pyannote's community-1: speaker covariance psi in the space that `tr` maps to, in which
// the covariance within a speaker is 1.
struct Plda {
    std::vector<double> mean1;  // [embedding]
    std::vector<double> lda;    // [embedding][features]
    std::vector<double> mean2;  // [features]
    std::vector<double> mu;     // [features]
    std::vector<double> tr;     // [features][features]
    std::vector<double> psi;    // [features]

    int embedding() const { return static_cast<int>(mean1.size()); }
    int features() const { return static_cast<int>(mu.size()); }

    // Puts the features in order of falling psi. pyannote solves a generalised eigenproblem for that; its solution is
    // the rows of `tr`, since B = tr⁻¹ · diag(psi) · tr⁻ᵀ and W = tr⁻¹ · tr⁻ᵀ have them as common eigenvectors.
    void sort();

    // [count][features] of raw embeddings [count][embedding]. None of them is zero or mean1 itself.
    std::vector<double> project(const std::vector<float>& embeddings, int count) const;
};

}  // namespace agora

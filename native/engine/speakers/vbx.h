// Clustering by a Bayesian mixture of speakers in the features of a PLDA (Landini et al., 2022, Bayesian HMM clustering
// of x-vector sequences (VBx) in speaker diarization), without the HMM, as pyannote's community-1 has it.
#pragma once

#include <vector>

#include "engine/speakers/stop.h"

namespace agora {

struct VbxOptions {
    double fa = 0.07;
    double fb = 0.8;
    int rounds = 20;
    double smoothing = 7;  // of the labels that it starts from
    double least_gain = 1e-4;
    double weight = 1;  // how many vectors each stands for: those of a sample stand for all
};

struct VbxResult {
    int speakers;               // those that it started with
    std::vector<double> gamma;  // [count][speakers], how much a vector is of a speaker
    std::vector<double> pi;     // [speakers]
    std::vector<double> elbo;   // of each round
};

// `features` [count][phi.size()], `labels` of 0 … speakers - 1 to start from. Throws Cancelled.
VbxResult cluster_vbx(const std::vector<double>& features, const std::vector<double>& phi,
                      const std::vector<int>& labels, Stop stop = nullptr, const VbxOptions& options = {});

}  // namespace agora

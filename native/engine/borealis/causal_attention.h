// Attention of a sequence's new rows over its positions up to their own; several heads of queries share one head of
// keys and values (Ainslie et al., 2023, GQA).
#pragma once

#include "engine/borealis/language_memory.h"
#include "engine/kernels/kernel_set.h"

namespace agora {

// New rows of one sequence, whose keys and values are in its memory already.
struct CausalAttention {
    const LanguageMemory* memory = nullptr;
    int layer = 0;
    int heads = 0;                 // of queries, a multiple of the memory's
    const float* query = nullptr;  // [count][heads · head_width], of the first new row
    float* output = nullptr;       // the same
    int past = 0;                  // positions before the first new row
    int count = 0;

    // Rows are computed in blocks, each for itself.
    static int blocks(const KernelSet& kernels, int count);
};

// softmax(query · keysᵀ / sqrt(head_width)) · values for the rows of one block and the queries that share one head of
// keys: those are read once for all of them. A row's result does not depend on the block it is in.
void attend_block(const KernelSet& kernels, const CausalAttention& attention, int head, int block);

}  // namespace agora

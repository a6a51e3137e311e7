// A network that tells of every run before it makes it.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/decoder/network.h"

class ObservedNetwork final : public agora::Network {
  public:
    // Of the encoder with its windows, of the decoder with none.
    using OnRun = std::function<void(const std::vector<agora::EncoderInput>& windows)>;

    // `leaves_out_frames`: false keeps it from leaving any out. `on_window`: before memory is taken for a window; may
    // throw.
    ObservedNetwork(
        std::unique_ptr<agora::Network> network, const OnRun& on_run, bool leaves_out_frames = true,
        std::function<void()> on_window = [] {})
        : network_(std::move(network)),
          on_run_(on_run),
          leaves_out_frames_(leaves_out_frames),
          decoder_(network_->decoder(), on_run, std::move(on_window)) {}

    size_t encoder_batch() const override { return network_->encoder_batch(); }
    bool leaves_processor_free() const override { return network_->leaves_processor_free(); }
    bool leaves_out_frames() const override { return leaves_out_frames_ && network_->leaves_out_frames(); }
    std::string compute_type() const override { return network_->compute_type(); }
    size_t lanes() const override { return network_->lanes(); }
    void begin_encoding(const std::vector<agora::EncoderInput>& windows, size_t lane) override {
        on_run_(windows);
        network_->begin_encoding(windows, lane);
    }
    agora::Progress go_on_encoding(size_t lane, double seconds, const std::atomic<bool>* stop) override {
        return network_->go_on_encoding(lane, seconds, stop);
    }
    std::vector<float> encoded(size_t window, size_t lane) const override { return network_->encoded(window, lane); }
    bool adopt(const std::vector<float>& encoded, const agora::WindowFrames& frames, agora::WindowMemory& memory,
               const std::atomic<bool>* stop) override {
        return network_->adopt(encoded, frames, memory, stop);
    }
    agora::Decoder& decoder() override { return decoder_; }

  private:
    class ObservedDecoder final : public agora::Decoder {
      public:
        ObservedDecoder(agora::Decoder& decoder, OnRun on_run, std::function<void()> on_window)
            : decoder_(decoder), on_run_(std::move(on_run)), on_window_(std::move(on_window)) {}

        const float* run(const std::vector<agora::DecoderInput>& inputs, const std::atomic<bool>* stop) override {
            on_run_({});
            return decoder_.run(inputs, stop);
        }
        int context() const override { return decoder_.context(); }
        std::unique_ptr<agora::SequenceMemory> new_sequence() override { return decoder_.new_sequence(); }
        std::unique_ptr<agora::WindowMemory> new_window() override {
            on_window_();
            return decoder_.new_window();
        }
        size_t sequence_bytes() const override { return decoder_.sequence_bytes(); }
        size_t window_bytes() const override { return decoder_.window_bytes(); }
        void reserve_sequences(int count) override { decoder_.reserve_sequences(count); }

      private:
        agora::Decoder& decoder_;
        OnRun on_run_;
        std::function<void()> on_window_;
    };

    std::unique_ptr<agora::Network> network_;
    OnRun on_run_;
    bool leaves_out_frames_;
    ObservedDecoder decoder_;
};

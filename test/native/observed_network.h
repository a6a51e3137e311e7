// A network that tells of every run before it makes it.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/decoder/network.h"

class ObservedNetwork final : public agora::Network {
  public:
    // Runs of the encoder and of the decoder, in order.
    enum class Run { Encoder, Decoder };
    using OnRun = std::function<void(Run)>;

    // `on_window`: before memory is taken for a window; may throw.
    ObservedNetwork(
        std::unique_ptr<agora::Network> network, const OnRun& on_run, std::function<void()> on_window = [] {})
        : network_(std::move(network)), on_run_(on_run), decoder_(network_->decoder(), on_run, std::move(on_window)) {}

    size_t encoder_batch() const override { return network_->encoder_batch(); }
    bool leaves_processor_free() const override { return network_->leaves_processor_free(); }
    std::string compute_type() const override { return network_->compute_type(); }
    void begin_encoding(const std::vector<agora::EncoderInput>& windows) override {
        on_run_(Run::Encoder);
        network_->begin_encoding(windows);
    }
    agora::Progress go_on_encoding(double seconds, const std::atomic<bool>* stop) override {
        return network_->go_on_encoding(seconds, stop);
    }
    std::vector<float> encoded(size_t window) const override { return network_->encoded(window); }
    bool adopt(const std::vector<float>& encoded, agora::WindowMemory& memory, const std::atomic<bool>* stop) override {
        return network_->adopt(encoded, memory, stop);
    }
    agora::Decoder& decoder() override { return decoder_; }

  private:
    class ObservedDecoder final : public agora::Decoder {
      public:
        ObservedDecoder(agora::Decoder& decoder, OnRun on_run, std::function<void()> on_window)
            : decoder_(decoder), on_run_(std::move(on_run)), on_window_(std::move(on_window)) {}

        const float* run(const std::vector<agora::DecoderInput>& inputs, const std::atomic<bool>* stop) override {
            on_run_(Run::Decoder);
            return decoder_.run(inputs, stop);
        }
        int context() const override { return decoder_.context(); }
        std::unique_ptr<agora::SequenceMemory> new_sequence() override { return decoder_.new_sequence(); }
        std::unique_ptr<agora::WindowMemory> new_window() override {
            on_window_();
            return decoder_.new_window();
        }

      private:
        agora::Decoder& decoder_;
        OnRun on_run_;
        std::function<void()> on_window_;
    };

    std::unique_ptr<agora::Network> network_;
    OnRun on_run_;
    ObservedDecoder decoder_;
};

#include "bindings/diarization.h"

#include "bindings/arguments.h"
#include "bindings/cancel_flag.h"
#include "bindings/device_rounds.h"
#include "bindings/submit_window.h"

namespace agora {
namespace {

constexpr double kMostSpeakers = 1000;
constexpr double kLongest = 1e9;  // seconds
constexpr char kListensLive[] = "one that listens while somebody speaks";

Napi::Object to_js(Napi::Env env, const DiarizationFacts& facts) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("pipeline", facts.pipeline);
    result.Set("embedding", facts.embedding);
    result.Set("embeddingSize", facts.embedding_size);
    result.Set("plda", facts.plda);
    result.Set("mostSpeakers", facts.most_speakers);
    result.Set("weightType", facts.weight_type);
    result.Set("name", facts.name);
    result.Set("fileBytes", static_cast<double>(facts.bytes));
    return result;
}

Napi::Array to_js(Napi::Env env, const std::vector<SpeakerTurn>& turns) {
    Napi::Array array = Napi::Array::New(env, turns.size());
    for (size_t i = 0; i < turns.size(); ++i) {
        Napi::Object turn = Napi::Object::New(env);
        turn.Set("start", turns[i].start);
        turn.Set("end", turns[i].end);
        turn.Set("speaker", turns[i].speaker);
        turn.Set("confidence", turns[i].confidence);
        array.Set(static_cast<uint32_t>(i), turn);
    }
    return array;
}

Napi::Value inspect(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        return run_async(info.Env(), [path]() -> Finish {
            const DiarizationFacts facts = inspect_diarization_file(path);
            return [facts](Napi::Env env) { return to_js(env, facts); };
        });
    });
}

SpeakerCount count_argument(const Napi::Value& value) {
    const Napi::Object js = object_argument(value, "speakers");
    SpeakerCount count;
    if (!js.Get("exactly").IsUndefined())
        count.exactly = integer_argument(js.Get("exactly"), "exactly", 1, kMostSpeakers);
    if (!js.Get("least").IsUndefined()) count.least = integer_argument(js.Get("least"), "least", 1, kMostSpeakers);
    if (!js.Get("most").IsUndefined()) count.most = integer_argument(js.Get("most"), "most", 1, kMostSpeakers);
    return count;
}

std::shared_ptr<LoadedDiarizer> load_diarizer(const std::string& path, int threads) {
    auto loaded = std::make_shared<LoadedDiarizer>();
    loaded->model = load_diarization_model(path, threads);
    if (auto nemotron = std::dynamic_pointer_cast<NemotronModel>(loaded->model))
        loaded->scheduled = std::make_unique<ScheduledSpeakers>(nemotron, device_executor(false));
    return loaded;
}

// Has the device's executor work on a stream. Promise of what `to_value` makes of that.
Napi::Promise submit(Napi::Env env, const std::shared_ptr<DiarizationWork>& work, SpeakersRequest request,
                     const Napi::Value& cancel,
                     const std::function<Napi::Value(Napi::Env, const SpeakersOutcome&)>& to_value) {
    request.stream = std::static_pointer_cast<NemotronStream>(work->stream);
    request.cancelled = CancelFlag::of(cancel);
    request.turn = work->turn;
    const std::shared_ptr<ScheduledSpeakers> scheduled(work->diarizer, work->diarizer->scheduled.get());
    return submit_window<SpeakersOutcome>(env, scheduled, std::move(request), to_value);
}

Napi::Value nothing(Napi::Env env, const SpeakersOutcome&) {
    return env.Undefined();
}

}  // namespace

void DiarizationModelObject::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "DiarizationModel",
        {InstanceMethod<&DiarizationModelObject::info>("info"), InstanceMethod<&DiarizationModelObject::open>("open"),
         InstanceMethod("close", &DiarizationModelObject::close)});
    Instance::of(env).diarization_model = Napi::Persistent(constructor);
    DiarizationStreamObject::define(env);
    exports.Set("loadDiarizationModel", Napi::Function::New<load>(env));
    exports.Set("inspectDiarizationModel", Napi::Function::New<inspect>(env));
}

// loadDiarizationModel(path, { threads }): Promise<DiarizationModel>
Napi::Value DiarizationModelObject::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        const Napi::Object options = object_argument(info[1], "options");
        const int threads = integer_argument(options.Get("threads"), "threads", 1, 256);
        return load_model(info.Env(), [=] { return load_diarizer(path, threads); });
    });
}

Napi::Value DiarizationModelObject::info(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const auto loaded = model(info.Env());
        Napi::Object js = to_js(info.Env(), loaded->model->facts());
        js.Set("batch", loaded->model->batch());
        return js;
    });
}

// open({ request, priority }): DiarizationStream
Napi::Value DiarizationModelObject::open(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        auto work = std::make_shared<DiarizationWork>();
        work->turn = turn_argument(info.Env(), object_argument(info[0], "turn"));
        work->diarizer = model(info.Env());
        work->stream = work->diarizer->model->open();
        return Instance::of(info.Env())
            .diarization_stream.New({Napi::External<std::shared_ptr<DiarizationWork>>::New(info.Env(), &work)});
    });
}

void DiarizationStreamObject::define(Napi::Env env) {
    const Napi::Function constructor = DefineClass(
        env, "DiarizationStream",
        {InstanceMethod<&DiarizationStreamObject::push>("push"), InstanceMethod<&DiarizationStreamObject::look>("look"),
         InstanceMethod<&DiarizationStreamObject::end>("end"),
         InstanceMethod<&DiarizationStreamObject::finish>("finish"),
         InstanceMethod("close", &DiarizationStreamObject::close)});
    Instance::of(env).diarization_stream = Napi::Persistent(constructor);
}

// push(samples, forget, cancel): Promise<void>
Napi::Value DiarizationStreamObject::push(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto work = model(info.Env());
        const double forget = number_argument(info[1], "forget", 0, kLongest);
        if (work->diarizer->scheduled) {
            SpeakersRequest request;
            request.samples = samples_argument(info[0], "samples");
            request.forget = forget;
            return submit(info.Env(), work, std::move(request), info[2], nothing);
        }
        if (forget > 0) bad_argument("model", kListensLive);
        auto samples = std::make_shared<std::vector<float>>(samples_argument(info[0], "samples"));
        const CancelFlag::Shared stop = CancelFlag::of(info[2]);
        return run_async(info.Env(), [=]() -> Finish {
            const std::lock_guard<std::mutex> lock(work->mutex);
            work->stream->push(samples->data(), samples->size(), stop.get());
            return [](Napi::Env env) { return env.Undefined(); };
        });
    });
}

// look(samples, { start, most }, cancel): Promise<turns>
Napi::Value DiarizationStreamObject::look(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto work = model(info.Env());
        if (!work->diarizer->scheduled) bad_argument("model", kListensLive);
        const Napi::Object options = object_argument(info[1], "options");
        const double start = number_argument(options.Get("start"), "start", 0, kLongest);
        const int most = integer_argument(options.Get("most"), "most", 1, kMostSpeakers);
        SpeakersRequest request;
        request.samples = samples_argument(info[0], "samples");
        request.look = true;
        const auto to_value = [work, start, most](Napi::Env env, const SpeakersOutcome&) {
            return to_js(env, static_cast<NemotronStream&>(*work->stream).turns_from(start, most, nullptr));
        };
        return submit(info.Env(), work, std::move(request), info[2], to_value);
    });
}

// end(cancel): Promise<void>
Napi::Value DiarizationStreamObject::end(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto work = model(info.Env());
        // What others have left is done by finish().
        if (!work->diarizer->scheduled) {
            const auto none = []() -> Finish { return [](Napi::Env env) { return env.Undefined(); }; };
            return run_async(info.Env(), none);
        }
        SpeakersRequest request;
        request.last = true;
        return submit(info.Env(), work, std::move(request), info[0], nothing);
    });
}

// finish({ exactly?, least?, most? }, cancel): Promise<{ turns, exclusive, embeddings }>
Napi::Value DiarizationStreamObject::finish(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto work = model(info.Env());
        const SpeakerCount count = count_argument(info[0]);
        // The network is the executor's.
        if (work->diarizer->scheduled && !static_cast<NemotronStream&>(*work->stream).is_done())
            bad_argument("stream", "one that has been ended");
        const CancelFlag::Shared stop = CancelFlag::of(info[1]);
        return run_async(info.Env(), [=]() -> Finish {
            const std::lock_guard<std::mutex> lock(work->mutex);
            auto result = std::make_shared<Diarization>(work->stream->finish(count, stop.get()));
            return [result](Napi::Env env) {
                Napi::Object js = Napi::Object::New(env);
                js.Set("turns", to_js(env, result->turns));
                js.Set("exclusive", to_js(env, result->exclusive));
                Napi::Array embeddings = Napi::Array::New(env, result->embeddings.size());
                for (size_t i = 0; i < result->embeddings.size(); ++i)
                    embeddings.Set(static_cast<uint32_t>(i), agora::to_js(env, result->embeddings[i]));
                js.Set("embeddings", embeddings);
                return js;
            };
        });
    });
}

}  // namespace agora

#include "bindings/diarization.h"

#include "bindings/arguments.h"
#include "bindings/cancel_flag.h"

namespace agora {
namespace {

constexpr double kMostSpeakers = 1000;

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
        return load_model(info.Env(), [=] { return load_diarization_model(path, threads); });
    });
}

Napi::Value DiarizationModelObject::info(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const auto loaded = model(info.Env());
        Napi::Object js = to_js(info.Env(), loaded->facts());
        js.Set("batch", loaded->batch());
        return js;
    });
}

// open(): DiarizationStream
Napi::Value DiarizationModelObject::open(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        auto work = std::make_shared<DiarizationWork>(model(info.Env())->open());
        return Instance::of(info.Env())
            .diarization_stream.New({Napi::External<std::shared_ptr<DiarizationWork>>::New(info.Env(), &work)});
    });
}

void DiarizationStreamObject::define(Napi::Env env) {
    const Napi::Function constructor = DefineClass(env, "DiarizationStream",
                                                   {InstanceMethod<&DiarizationStreamObject::push>("push"),
                                                    InstanceMethod<&DiarizationStreamObject::finish>("finish"),
                                                    InstanceMethod("close", &DiarizationStreamObject::close)});
    Instance::of(env).diarization_stream = Napi::Persistent(constructor);
}

// push(samples, cancel): Promise<void>
Napi::Value DiarizationStreamObject::push(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto work = model(info.Env());
        auto samples = std::make_shared<std::vector<float>>(samples_argument(info[0], "samples"));
        const CancelFlag::Shared stop = CancelFlag::of(info[1]);
        return run_async(info.Env(), [=]() -> Finish {
            const std::lock_guard<std::mutex> lock(work->mutex);
            work->stream->push(samples->data(), samples->size(), stop.get());
            return [](Napi::Env env) { return env.Undefined(); };
        });
    });
}

// finish({ exactly?, least?, most? }, cancel): Promise<{ turns, exclusive, embeddings }>
Napi::Value DiarizationStreamObject::finish(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto work = model(info.Env());
        const SpeakerCount count = count_argument(info[0]);
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

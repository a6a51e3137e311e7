#include "engine/speakers/diarizer.h"

#include "engine/speakers/community.h"
#include "engine/speakers/nemotron/nemotron.h"

namespace agora {
namespace {

enum class Pipeline { Community, Nemotron };

Pipeline pipeline_of(const std::string& path) {
    const GgufFile file(path);
    const std::string& architecture = file.text("general.architecture");
    if (architecture == "speaker-diarization") return Pipeline::Community;
    if (architecture == "sortformer") return Pipeline::Nemotron;
    file.fail("its architecture is \"" + architecture + "\", expected \"sortformer\" or \"speaker-diarization\"");
}

}  // namespace

DiarizationFacts inspect_diarization_file(const std::string& path) {
    if (pipeline_of(path) == Pipeline::Nemotron) return facts_of(read_nemotron_file(path));
    return facts_of(read_speaker_file(path));
}

std::shared_ptr<DiarizationModel> load_diarization_model(const std::string& path, int threads) {
    if (pipeline_of(path) == Pipeline::Nemotron) return std::make_shared<NemotronModel>(path, threads);
    return std::make_shared<CommunityModel>(path, threads);
}

}  // namespace agora

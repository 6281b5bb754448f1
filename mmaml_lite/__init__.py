"""mmaml-lite: multimodal model-agnostic meta-learning, small to read and fast to use.

What the library offers by name; the lessons' own is in `mmaml_lite.course`.
"""

from mmaml_lite.core.face import face

__version__ = "0.1.0"
__getattr__, __all__ = face(
    __name__,
    {
        "core.algorithm": "adapt",
        "core.domain": "Domain Method build register_domain",
        "core.evaluation": "Found Test evaluate_setting",
        "core.learner": "Learner",
        "core.modulation": "MODULATIONS modulate register_modulation",
        "core.networks": "MLP register_network",
        "core.progress": "Progress",
        "core.results": "read_results",
        "core.settings": "Settings setting",
        "core.statistics": "interval neighbour_vote paired ratio",
        "core.tasks": "Examples Tasks",
        "core.training": "Callback train",
        "core.zoo": "Model available export history load zoo_settings",
        "regression.domain": "mixture_of query_loss register_method",
        "regression.evaluation": "errors shared_tasks",
        "regression.floors": "bayes label_linear",
        "regression.published": "REGRESSION",
        "regression.report": "removed",
        "regression.tasks": "FAMILIES Mixture Uniform register_family",
        "characters.convnet": "ConvNet",
        "characters.encoder": "ImageSetEncoder class_means",
        "characters.learner": "CharacterLearner",
        "characters": "omniglot",
        "characters.omniglot": "OmniglotMissing",
        "characters.sources": "register_source",
    },
)

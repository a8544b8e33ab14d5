"""What was asked: the study file, its types and its checks."""

from greenreport.study.load import Overrides, StudyFile, load_study
from greenreport.study.registration import registration, registration_digest
from greenreport.study.spec import (
    Configuration,
    Exclusion,
    Fidelity,
    Generation,
    Hypothesis,
    MeterUse,
    Model,
    Prompts,
    Protocol,
    Study,
    Weights,
    Workload,
)

__all__ = [
    "Configuration",
    "Exclusion",
    "Fidelity",
    "Generation",
    "Hypothesis",
    "MeterUse",
    "Model",
    "Overrides",
    "Prompts",
    "Protocol",
    "Study",
    "StudyFile",
    "Weights",
    "Workload",
    "load_study",
    "registration",
    "registration_digest",
]

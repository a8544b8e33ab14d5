"""What was asked: the study file, its types and its checks."""

from greenreport.study.cells import Configuration, Exclusion, Model, Weights
from greenreport.study.judgement import DeclaredGuideline, Fidelity, Frontier, Hypothesis, Objective
from greenreport.study.load import Overrides, StudyFile, load_reference, load_study
from greenreport.study.protocol import Generation, MeterUse, Prompts, Protocol, Workload
from greenreport.study.reference import Comparison, ReferenceStudy
from greenreport.study.registration import registration, registration_digest
from greenreport.study.servers import Server
from greenreport.study.spec import Study
from greenreport.study.sweep import Sweep, swept

__all__ = [
    "Comparison",
    "Configuration",
    "DeclaredGuideline",
    "Exclusion",
    "Fidelity",
    "Frontier",
    "Generation",
    "Hypothesis",
    "MeterUse",
    "Model",
    "Objective",
    "Overrides",
    "Prompts",
    "Protocol",
    "ReferenceStudy",
    "Server",
    "Study",
    "StudyFile",
    "Sweep",
    "Weights",
    "Workload",
    "load_reference",
    "load_study",
    "registration",
    "registration_digest",
    "swept",
]

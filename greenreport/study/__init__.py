"""What was asked: the study file, its types and its checks."""

from greenreport.study.cells import Configuration, Exclusion, Model, Weights
from greenreport.study.footprint import Factor, Footprint
from greenreport.study.judgement import DeclaredGuideline, Fidelity, Hypothesis
from greenreport.study.load import Overrides, StudyFile, load_reference, load_study
from greenreport.study.protocol import Generation, MeterUse, Prompts, Protocol, Workload
from greenreport.study.reference import Comparison, ReferenceStudy
from greenreport.study.registration import registration, registration_digest
from greenreport.study.spec import Study

__all__ = [
    "Comparison",
    "Configuration",
    "DeclaredGuideline",
    "Exclusion",
    "Factor",
    "Fidelity",
    "Footprint",
    "Generation",
    "Hypothesis",
    "MeterUse",
    "Model",
    "Overrides",
    "Prompts",
    "Protocol",
    "ReferenceStudy",
    "Study",
    "StudyFile",
    "Weights",
    "Workload",
    "load_reference",
    "load_study",
    "registration",
    "registration_digest",
]

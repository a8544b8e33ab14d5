"""The study file: its types, how it is read, and its checks."""

from greenreport.study.analysis_spec import DeclaredGuideline, Hypothesis, Objective, Quality
from greenreport.study.cells import Configuration, Exclusion, Model, Weights
from greenreport.study.footprint import Factor, Footprint
from greenreport.study.load import Overrides, StudyFile, load_reference, load_sections, load_site, load_study
from greenreport.study.meter_options import MeterUse, meter_use
from greenreport.study.output_lengths import output_lengths
from greenreport.study.protocol import Generation, Lengths, Prompts, Protocol, Sequential, Workload
from greenreport.study.published_results import Comparison, ReferenceStudy
from greenreport.study.registration import registration, registration_digest
from greenreport.study.servers import Server
from greenreport.study.site_settings import Site, web_address
from greenreport.study.spec import Author, Study
from greenreport.study.sweep import Sweep, swept
from greenreport.study.yaml_document import read_document

__all__ = [
    "Author", "Comparison", "Configuration", "DeclaredGuideline", "Exclusion", "Factor", "Footprint", "Generation", "Hypothesis",
    "Lengths", "MeterUse", "Model", "Objective", "Overrides", "Prompts", "Protocol", "Quality", "ReferenceStudy", "Sequential", "Server", "Site", "Study",
    "StudyFile", "Sweep", "Weights", "Workload", "load_reference", "load_sections", "load_site", "load_study", "meter_use", "output_lengths", "read_document",
    "registration", "registration_digest", "swept", "web_address",
]  # fmt: skip

"""Are answers right? Programs are taken out of answers and run in a sandbox with the tests of their task; verdicts are stored.

Imported by the sandbox's own processes, so nothing is imported here.
"""

"""From request input through assignments, formatting, containers and helpers to a sink.

syntax tree -> core.program (lower_python, lower_javascript) -> core.flow -> proposals (detector)
knowledge/*.yml -> core.knowledge (specification)
"""

"""What is known of a whole project: its routes and their guards, models, queries, API description.

    a file's syntax tree -> extract.facts_of -> FileFacts -> index.Project -> lenses, symbols, rules

Everything here is a frozen value or a pure function of one.
"""
